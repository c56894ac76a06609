"""What the tests of scaling share: one endpoint, and what scales it."""

from typing import Any

from endpoints import Endpoints
from sagemaker_inputs import fresh
from waiting import until

COUNT = "sagemaker:variant:DesiredInstanceCount"
TRACKED = "TargetTrackingScalingPolicyConfiguration"


class Scaled:
    """One endpoint, and what scales it."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self.scaling = endpoints.platform.client("application-autoscaling")
        self.cloudwatch = endpoints.platform.client("cloudwatch")
        self.name = endpoints.serving()
        self.place = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{self.name}/variant/all",
            "ScalableDimension": COUNT,
        }

    def register(self, **given: Any) -> str:
        found = self.scaling.register_scalable_target(**self.place, **{"MinCapacity": 1, "MaxCapacity": 3, **given})
        return str(found["ScalableTargetARN"])

    def track(self, name: str, target: float = 10.0, **given: Any) -> tuple[str, dict[str, Any]]:
        """A namespace of its own, whose metric Load the policy follows, and what the request answers."""
        space = fresh("Mine")
        metric = {"MetricName": "Load", "Namespace": space, "Statistic": "Average"}
        tracking = {"TargetValue": target, "CustomizedMetricSpecification": metric, "ScaleInCooldown": 0, **given}
        answer = self.scaling.put_scaling_policy(
            PolicyName=name, PolicyType="TargetTrackingScaling", **self.place, **{TRACKED: tracking}
        )
        return space, answer

    def measure(self, space: str, value: float) -> None:
        self.cloudwatch.put_metric_data(Namespace=space, MetricData=[{"MetricName": "Load", "Value": value}])

    def ring(self, alarm: str, state: str = "ALARM") -> None:
        self.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test")

    def resize(self, count: int) -> None:
        """By hand."""
        wanted = [{"VariantName": "all", "DesiredInstanceCount": count}]
        self.endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name, DesiredWeightsAndCapacities=wanted
        )
        assert self.count() == count

    def count(self) -> int:
        """When it is in service: the instances."""
        (variant,) = self.endpoints.until(self.name)["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"]
        return int(variant["CurrentInstanceCount"])

    def until(self, count: int) -> None:
        until(lambda: self.count() == count, self.activities)

    def activities(self) -> list[dict[str, Any]]:
        place = {name: self.place[name] for name in ("ServiceNamespace", "ResourceId")}
        found: list[dict[str, Any]] = self.scaling.describe_scaling_activities(**place)["ScalingActivities"]
        return found
