"""The two alarms of a target tracking policy, and which policies an alarm asks to act.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
"""

import sqlite3
import uuid
from typing import Any

import orjson

from clary.errors import Invalid
from clary.resource.call import Platform
from clary.services.application_autoscaling.state import COUNT, PROVISIONED, Document
from clary.services.application_autoscaling.variant import split
from clary.services.cloudwatch import query, state

# Metric, statistic, period, and how many periods the alarms look at (high, low).
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html and, for the third,
# https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html
PREDEFINED: dict[str, tuple[str, str, str, int, tuple[int, int]]] = {
    "SageMakerVariantInvocationsPerInstance": (COUNT, "InvocationsPerInstance", "Sum", 60, (3, 15)),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": (
        *(COUNT, "ConcurrentRequestsPerModel", "Maximum"),
        *(10, (3, 90)),
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": (
        *(PROVISIONED, "ServerlessProvisionedConcurrencyUtilization", "Maximum"),
        *(60, (3, 15)),
    ),
}
SLACK = 0.9  # of the target: below that, there is too much
STATES = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def check(dimension: str, tracking: Document) -> None:
    """Raises Invalid for a configuration that no alarm can be made of."""
    predefined, own = tracking.get("PredefinedMetricSpecification"), tracking.get("CustomizedMetricSpecification")
    if bool(predefined) is bool(own):
        raise Invalid("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required.")
    if predefined:
        kind = predefined["PredefinedMetricType"]
        if PREDEFINED.get(kind, ("",))[0] != dimension:
            raise Invalid(f"The predefined metric type {kind} is not supported for the scalable dimension {dimension}.")
        if predefined.get("ResourceLabel"):
            # https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
            raise Invalid(f"A resource label cannot be specified for the predefined metric type {kind}.")
        return
    assert own is not None
    if own.get("Metrics"):
        if len(own) > 1:
            raise Invalid("Metrics excludes all other members of CustomizedMetricSpecification.")
        query.check(_math(own), "Metrics")
        if sum(one.get("ReturnData", True) for one in own["Metrics"]) != 1:
            raise Invalid("Exactly one element of the metrics list should return data.")
        return
    if missing := [name for name in ("MetricName", "Namespace", "Statistic") if not own.get(name)]:
        raise Invalid(f"CustomizedMetricSpecification needs {', '.join(missing)}.")


def put(platform: Platform, connection: sqlite3.Connection, policy: Document, tracking: Document) -> list[Document]:
    """Within a transaction: the policy's alarms. `policy` has region, resource, arn. Returns Alarms."""
    found = []
    for side in ("High", "Low"):
        if side == "Low" and tracking.get("DisableScaleIn"):
            continue
        name = f"TargetTracking-{policy['resource']}-Alarm{side}-{uuid.uuid4()}"
        document = _document(policy, tracking, name, side)
        state.keep(connection, _row(platform, policy["region"], name), document, new=True)
        found.append({"AlarmName": name, "AlarmARN": state.arn(policy["region"], platform.config.account_id, name)})
    return found


def _row(platform: Platform, region: str, name: str) -> Document:
    return {"region": region, "name": name, "now": platform.clock(), "kind": "MetricAlarm"}


def remove(platform: Platform, connection: sqlite3.Connection, row: Any) -> None:
    """Within a transaction: the alarms that were made for a policy."""
    for one in orjson.loads(row["document"]).get("Alarms", ()):
        state.drop(connection, _row(platform, row["region"], one["AlarmName"]), platform.config.account_id)


def _document(policy: Document, tracking: Document, name: str, side: str) -> Document:
    target = tracking["TargetValue"]
    metric, (high, low) = _metric(policy, tracking)
    return {
        "AlarmName": name,
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy['arn']}.",
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [policy["arn"]],
        "InsufficientDataActions": [],
        **metric,
        "EvaluationPeriods": high if side == "High" else low,
        "Threshold": target if side == "High" else SLACK * target,
        "ComparisonOperator": "GreaterThanThreshold" if side == "High" else "LessThanThreshold",
    }


def _metric(policy: Document, tracking: Document) -> tuple[Document, tuple[int, int]]:
    """What of an alarm says what it watches, and for how many periods."""
    own = tracking.get("CustomizedMetricSpecification")
    if own is None:
        kind = tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
        _, name, statistic, period, lengths = PREDEFINED[kind]
        endpoint, variant = split(policy["resource"])
        pairs = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
        found = {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": pairs}
        return {**found, "Statistic": statistic, "Period": period}, lengths
    if own.get("Metrics"):
        return {"Metrics": _math(own)}, (3, 15)
    return {"Dimensions": [], "Period": 60, **own}, (3, 15)


def _math(own: Document) -> list[Document]:
    """Metrics as CloudWatch takes them, which wants a period with each."""
    return [
        {**one, "MetricStat": {"Period": 60, **one["MetricStat"]}} if "MetricStat" in one else dict(one)
        for one in own["Metrics"]
    ]


def asked(row: Any) -> list[str]:
    """The ARNs of what an alarm, a row, asks to act in the state that it is in."""
    document = orjson.loads(row["document"])
    if not document.get("ActionsEnabled", True):
        return []
    return [str(arn) for arn in document.get(STATES[row["state"]], ())]
