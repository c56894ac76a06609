"""Application Auto Scaling's operations, and what each asks of IAM."""

from typing import Any

from clary.resource.call import Call, Permission, Platform
from clary.resource.service import Document, Service, collect
from clary.services.application_autoscaling import action, activity, policy, target
from clary.services.application_autoscaling.clock import Clock
from clary.services.application_autoscaling.scaler import Scaler
from clary.services.application_autoscaling.state import SQL, Scaling
from clary.services.cloudwatch.metrics import Metrics
from clary.services.sagemaker.hosting.controller import Hosting

MODULES = (target, policy, action, activity)
UNUSED = {
    # SageMaker's variants are scaled by a service-linked role, whatever is said:
    # https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
    "RegisterScalableTarget": {"RoleARN"},
    "DescribeScalingActivities": {"IncludeNotScaledActivities"},
    # The alarm says how its metric is put together.
    "PutScalingPolicy": {"StepScalingPolicyConfiguration.MetricAggregationType"},
}


def build(platform: Platform, hosting: Hosting, metrics: Metrics) -> Service:
    """`state.clock` is to be started, once everything is built."""
    scaler = Scaler(platform, hosting, metrics)
    clock = Clock(platform, scaler)
    platform.bus.subscribe(scaler.heard)
    return Service(
        "application-autoscaling",
        collect(MODULES),
        Scaling(scaler, clock),
        permissions,
        close=clock.close,
        tick=scaler.look,
        unused=UNUSED,
    )


def permissions(call: Call[Any], request: Document) -> list[Permission]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html"""
    name = call.operation.name
    keys = {"service-namespace": "ServiceNamespace", "scalable-dimension": "ScalableDimension"}
    context = {
        f"application-autoscaling:{key}": [str(request[member])] for key, member in keys.items() if member in request
    }
    given = request.get("Tags")
    if isinstance(given, dict):
        context |= {f"aws:RequestTag/{key}": [str(value)] for key, value in given.items()}
    if tagged := list(given or request.get("TagKeys") or ()):
        context["aws:TagKeys"] = [str(key) for key in tagged]
    return [Permission(f"application-autoscaling:{name}", _arn(call, request), context)]


def _arn(call: Call[Any], request: Document) -> str:
    """That of the scalable target, where there is one. The request is not validated yet."""
    if "ResourceARN" in request:
        return str(request["ResourceARN"])
    place = {
        "region": call.region,
        "resource": request.get("ResourceId"),
        "dimension": request.get("ScalableDimension"),
    }
    if not all(isinstance(value, str) for value in place.values()):
        return call.arn("scalable-target/*")
    row = call.platform.store.read().execute(SQL["target_find"], place).fetchone()
    return str(row["arn"]) if row else call.arn("scalable-target/*")
