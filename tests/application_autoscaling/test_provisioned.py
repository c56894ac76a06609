"""Serverless variants: what is provisioned is scaled."""

from conftest import Platform
from endpoints import Endpoints

PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"


def test_what_is_provisioned_is_scaled(platform: Platform) -> None:
    endpoints = Endpoints(platform)
    size = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 1}
    variant = {"VariantName": "all", "ModelName": endpoints.model(), "ServerlessConfig": size}
    name = endpoints.serving(variant)
    scaling, cloudwatch = platform.client("application-autoscaling"), platform.client("cloudwatch")
    place = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/all",
        "ScalableDimension": PROVISIONED,
    }
    scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=4)
    kind = {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}
    made = scaling.put_scaling_policy(
        PolicyName="follow",
        PolicyType="TargetTrackingScaling",
        **place,
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.5,
            "PredefinedMetricSpecification": kind,
            "DisableScaleIn": True,
        },
    )
    assert [each["AlarmName"].split("-Alarm")[1][:4] for each in made["Alarms"]] == ["High"]
    steps = {
        "AdjustmentType": "ExactCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 9}],
    }
    policy = scaling.put_scaling_policy(
        PolicyName="most", PolicyType="StepScaling", **place, StepScalingPolicyConfiguration=steps
    )["PolicyARN"]
    cloudwatch.set_alarm_state(AlarmName=endpoints.alarm(policy), StateValue="ALARM", StateReason="a test")
    (shown,) = endpoints.until(name)["ProductionVariants"]
    assert shown["CurrentServerlessConfig"]["ProvisionedConcurrency"] == 4
    (activity,) = scaling.describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=place["ResourceId"], ScalableDimension=PROVISIONED
    )["ScalingActivities"]
    assert activity["Description"] == "Setting desired provisioned concurrency to 4."
    endpoints.sagemaker.delete_endpoint(EndpointName=name)
