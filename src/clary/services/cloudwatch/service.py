"""CloudWatch's operations, and what each asks of IAM."""

from typing import Any

from clary.resource.call import Call, Permission, Platform
from clary.resource.service import Service, collect
from clary.services.cloudwatch import alarm, dashboard, metric, query, state, tag
from clary.services.cloudwatch.metrics import Metrics
from clary.services.cloudwatch.watch import Watch

MODULES = (metric, query, alarm, dashboard, tag)
# What an alarm does when it changes: scaling policies act (application_autoscaling/scaler.py). Nobody else is told but
# the bus; all other actions are kept, and shown.
QUIET = {"AlarmActions", "OKActions", "InsufficientDataActions", "ActionConfiguration"}
UNUSED = {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/adding-your-own-related-telemetry.html
    "PutMetricData": {"EntityMetricData[].Entity", "StrictEntityValidation"},
    "ListMetrics": {"IncludeLinkedAccounts"},  # there is one account
    "GetMetricData": {"LabelOptions", "MetricDataQueries[].AccountId"},  # likewise
    "PutMetricAlarm": {*QUIET, "EvaluateLowSampleCountPercentile", "Metrics[].AccountId"},  # likewise
    "PutCompositeAlarm": {
        *QUIET,
        *("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"),
    },
    "DescribeAlarmHistory": {"AlarmContributorId"},
}


def build(platform: Platform, metrics: Metrics | None = None) -> Service:
    """`metrics` is given where others in this process measure too."""
    metrics = metrics or Metrics(platform)
    watch = Watch(platform, metrics)

    def tick() -> None:
        watch.look()
        metrics.tidy()

    return Service("cloudwatch", collect(MODULES), metrics, permissions, tick=tick, unused=UNUSED)


def permissions(call: Call[Any], request: dict[str, Any]) -> list[Permission]:
    """IAM knows the service as cloudwatch, requests are signed for monitoring.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    """
    name = call.operation.name
    context = {"cloudwatch:namespace": [str(request.get("Namespace", ""))]} if name == "PutMetricData" else {}
    arns = _resources(call, request)
    wanted = [Permission(f"cloudwatch:{name}", arn, context) for arn in arns]
    if name.startswith("Put") and request.get("Tags"):
        wanted += [Permission("cloudwatch:TagResource", arn) for arn in arns]
    return wanted


def _resources(call: Call[Any], request: dict[str, Any]) -> list[str]:
    """The request is not validated yet."""
    for member, make in (("AlarmName", _alarm), ("DashboardName", _dashboard)):
        given = request.get(f"{member}s") or request.get(member)
        if given and not call.operation.name.startswith("List"):
            return [make(call, str(name)) for name in (given if isinstance(given, list) else [given])]
    if "ResourceARN" in request:
        return [str(request["ResourceARN"])]
    everything = call.operation.name.startswith("DescribeAlarm") and call.operation.name != "DescribeAlarmsForMetric"
    return [_alarm(call, "*") if everything else "*"]


def _alarm(call: Call[Any], name: str) -> str:
    return state.arn(call.region, call.account, name)


def _dashboard(call: Call[Any], name: str) -> str:
    return dashboard.arn(call.account, name)
