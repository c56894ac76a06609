"""CloudWatch's operations, and what each asks of IAM."""

from typing import Any

from clary.resource.call import Call, Permission, Platform
from clary.resource.service import Service, collect
from clary.services.cloudwatch import metric, query
from clary.services.cloudwatch.metrics import Metrics

MODULES = (metric, query)
UNUSED = {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/adding-your-own-related-telemetry.html
    "PutMetricData": {"EntityMetricData[].Entity", "StrictEntityValidation"},
    "ListMetrics": {"IncludeLinkedAccounts"},  # there is one account
}


def build(platform: Platform, metrics: Metrics | None = None) -> Service:
    """`metrics` is given where others in this process measure too."""
    metrics = metrics or Metrics(platform)
    return Service("cloudwatch", collect(MODULES), metrics, permissions, tick=metrics.tidy, unused=UNUSED)


def permissions(call: Call[Any], request: dict[str, Any]) -> list[Permission]:
    """IAM knows the service as cloudwatch, requests are signed for monitoring.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    """
    name = call.operation.name
    context = {"cloudwatch:namespace": [str(request.get("Namespace", ""))]} if name == "PutMetricData" else {}
    return [Permission(f"cloudwatch:{name}", "*", context)]
