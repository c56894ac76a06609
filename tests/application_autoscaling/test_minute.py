"""What is looked at once a minute: metrics by alarms, and alarms that go on."""

from datetime import UTC, datetime, timedelta

from application_autoscaling.scaled import Scaled
from conftest import Platform
from endpoints import Endpoints


def test_what_is_looked_at_once_a_minute(own_platform: Platform) -> None:
    """The first look comes with the start: so nobody waits here for the next one."""
    scaled = Scaled(Endpoints(own_platform))
    scaled.register()
    space, made = scaled.track("follow", ScaleOutCooldown=0)
    now = datetime.now(UTC)
    busy = [{"MetricName": "Load", "Value": 25, "Timestamp": now - timedelta(minutes=ago)} for ago in range(6)]
    scaled.cloudwatch.put_metric_data(Namespace=space, MetricData=busy)
    own_platform.kill()
    own_platform.start()
    scaled.until(3)
    high = made["Alarms"][0]["AlarmName"]
    assert scaled.activities()[0]["Cause"] == f"monitor alarm {high} in state ALARM triggered policy follow"

    scaled.scaling.delete_scaling_policy(PolicyName="follow", **scaled.place)
    steps = {
        "AdjustmentType": "ExactCapacity",
        "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 1}],
    }
    given = {"PolicyName": "one", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
    policy = scaled.scaling.put_scaling_policy(**given, **scaled.place)["PolicyARN"]
    alarm = scaled.endpoints.alarm(policy, ComparisonOperator="LessThanThreshold")
    scaled.register(SuspendedState={"DynamicScalingInSuspended": True})
    scaled.ring(alarm)
    assert scaled.count() == 3
    scaled.register(SuspendedState={"DynamicScalingInSuspended": False})
    own_platform.kill()
    own_platform.start()  # it is still in ALARM state
    scaled.until(1)
    scaled.endpoints.sagemaker.delete_endpoint(EndpointName=scaled.name)
