"""Endpoints that grow and shrink: by alarms on metrics that are put, and by the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from application_autoscaling.scaled import COUNT, TRACKED, Scaled
from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import account, fresh, refused
from waiting import until

PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


@pytest.fixture(scope="module")
def endpoint(endpoints: Endpoints) -> Iterator[Scaled]:
    found = Scaled(endpoints)
    yield found
    endpoints.sagemaker.delete_endpoint(EndpointName=found.name)


@pytest.fixture
def scaled(endpoint: Scaled) -> Iterator[Scaled]:
    """Registered from 1 to 3, with one instance."""
    if endpoint.count() != 1:
        endpoint.resize(1)
    endpoint.register()
    yield endpoint
    endpoint.scaling.deregister_scalable_target(**endpoint.place)


def test_targets_are_registered_and_go(endpoint: Scaled) -> None:
    scaling = endpoint.scaling
    arn = endpoint.register(Tags={"team": "red"})
    (shown,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[endpoint.place["ResourceId"]], ScalableDimension=COUNT
    )["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"], shown["ScalableTargetARN"]) == (1, 3, arn)
    assert shown["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert set(shown["SuspendedState"].values()) == {False}
    again = scaling.register_scalable_target(
        **endpoint.place, MaxCapacity=5, SuspendedState={"ScheduledScalingSuspended": True}
    )
    assert again["ScalableTargetARN"] == arn
    (shown,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (1, 5)
    assert shown["SuspendedState"]["ScheduledScalingSuspended"] is True
    scaling.tag_resource(ResourceARN=arn, Tags={"cost": "1"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"cost": "1"}
    scaling.deregister_scalable_target(**endpoint.place)
    with pytest.raises(ClientError) as error:
        scaling.deregister_scalable_target(**endpoint.place)
    code, message = refused(error.value)
    assert (code, "No scalable target found for service namespace: sagemaker" in message) == (
        "ObjectNotFoundException",
        True,
    )
    for method, given in (
        (scaling.list_tags_for_resource, {}),
        (scaling.tag_resource, {"Tags": {"a": "b"}}),
        (scaling.untag_resource, {"TagKeys": ["a"]}),
    ):
        with pytest.raises(ClientError) as error:
            method(ResourceARN=arn, **given)
        assert refused(error.value)[0] == "ResourceNotFoundException"


def test_what_is_no_target(endpoint: Scaled) -> None:
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    for changed, code, said in (
        ({"ResourceId": "endpoint/none/variant/all"}, "ValidationException", "Could not find endpoint"),
        ({"ResourceId": f"endpoint/{endpoint.name}/variant/none"}, "ValidationException", "not present"),
        ({"ResourceId": "table/mine"}, "ValidationException", "Unsupported service namespace, resource type"),
        ({"ScalableDimension": PROVISIONED}, "ValidationException", "instance-based"),
        ({"ScalableDimension": "ecs:service:DesiredCount"}, "ValidationException", "Unsupported service namespace"),
        ({"ServiceNamespace": "ecs"}, "NotImplementedException", "nothing of ecs"),
        ({"MaxCapacity": 0}, "ValidationException", "cannot be less than minimum capacity"),
        ({"MinCapacity": -1}, "ValidationException", "less than 0"),
        ({"MinCapacity": None}, "ValidationException", "required"),
    ):  # fmt: skip
        given = {name: value for name, value in {**endpoint.place, **bounds, **changed}.items() if value is not None}
        with pytest.raises(ClientError) as error:
            endpoint.scaling.register_scalable_target(**given)
        assert (refused(error.value)[0], said in refused(error.value)[1]) == (code, True), error.value
    with pytest.raises(ClientError) as error:
        endpoint.track("too-early")
    code, message = refused(error.value)
    assert (code, message.startswith("No scalable target registered for")) == ("ObjectNotFoundException", True)


def test_a_target_is_tracked(scaled: Scaled) -> None:
    space, made = scaled.track("follow", ScaleOutCooldown=0)
    high, low = (one["AlarmName"] for one in made["Alarms"])
    assert high.startswith(f"TargetTracking-endpoint/{scaled.name}/variant/all-AlarmHigh-")
    alarms = {one["AlarmName"]: one for one in scaled.cloudwatch.describe_alarms()["MetricAlarms"]}
    assert alarms[high]["AlarmActions"] == [made["PolicyARN"]]
    assert [alarms[name]["Threshold"] for name in (high, low)] == [10, 9]
    assert [alarms[name]["EvaluationPeriods"] for name in (high, low)] == [3, 15]
    scaled.measure(space, 25)
    scaled.ring(high)
    assert scaled.count() == 3, "1 instance, at 2.5 times the target"
    until(lambda: scaled.activities()[0]["StatusCode"] != "InProgress")
    newest = scaled.activities()[0]
    assert (newest["Description"], newest["StatusCode"]) == ("Setting desired instance count to 3.", "Successful")
    assert newest["Cause"] == f"monitor alarm {high} in state ALARM triggered policy follow"
    assert newest["EndTime"] >= newest["StartTime"]
    # Too little to do, but another policy does not find so.
    other, also = scaled.track("busy")
    busy = [one["AlarmName"] for one in also["Alarms"]]
    scaled.ring(high, "OK")
    for each in (space, other):
        scaled.measure(each, -5)  # with what was measured before in this minute: 10
    before = len(scaled.activities())
    scaled.measure(space, -60)
    scaled.ring(low)
    assert (scaled.count(), len(scaled.activities())) == (3, before)
    scaled.measure(other, -60)

    def agreed() -> bool:
        for each in (low, busy[1]):  # both: the look of a new minute, which comes at any time, has set back the first
            scaled.ring(each)
        return scaled.count() == 1

    until(agreed)
    scaled.scaling.delete_scaling_policy(PolicyName="busy", **scaled.place)
    left = {one["AlarmName"] for one in scaled.cloudwatch.describe_alarms()["MetricAlarms"]}
    assert not left & set(busy)
    assert high in left


def test_what_was_added_lately_counts(scaled: Scaled) -> None:
    space, made = scaled.track("patient", ScaleOutCooldown=3600)
    high = made["Alarms"][0]["AlarmName"]
    scaled.measure(space, 20)
    scaled.ring(high)
    assert scaled.count() == 2
    scaled.ring(high, "OK")
    scaled.ring(high)
    assert scaled.count() == 2, "1 instance twice as busy, which 2 are there for"
    scaled.measure(space, 100)
    scaled.ring(high, "OK")
    scaled.ring(high)
    assert scaled.count() == 3, "it is worse, and 3 is the most"
    scaled.scaling.register_scalable_target(**scaled.place, SuspendedState={"DynamicScalingInSuspended": True})
    scaled.measure(space, -1000)
    scaled.ring(made["Alarms"][1]["AlarmName"])
    assert scaled.count() == 3


def test_steps(scaled: Scaled) -> None:
    scaled.resize(3)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -2}],
        "Cooldown": 3600,
    }
    given = {"PolicyName": "less", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
    made = scaled.scaling.put_scaling_policy(**given, **scaled.place)
    assert made["Alarms"] == []
    alarm = scaled.endpoints.alarm(made["PolicyARN"], ComparisonOperator="LessThanThreshold")
    (shown,) = scaled.scaling.describe_scaling_policies(**scaled.place, PolicyNames=["less"])["ScalingPolicies"]
    assert shown["StepScalingPolicyConfiguration"] == steps
    assert [one["AlarmName"] for one in shown["Alarms"]] == [alarm]
    scaled.ring(alarm)
    assert scaled.count() == 1
    scaled.resize(2)
    scaled.ring(alarm, "OK")
    scaled.ring(alarm)
    assert scaled.count() == 2, "not again within its cooldown"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({TRACKED: {"TargetValue": 1}}, "Exactly one of PredefinedMetricSpecification"),
        (
            {TRACKED: {"TargetValue": 1, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}}},
            "is not supported for the scalable dimension",
        ),
        ({TRACKED: {"TargetValue": 1, "CustomizedMetricSpecification": {"MetricName": "m"}}}, "needs Namespace"),
        ({"PolicyType": "StepScaling", TRACKED: {"TargetValue": 1}}, "does not go with"),
        ({"PolicyType": "StepScaling"}, "is required for the policy type"),
        ({"PredictiveScalingPolicyConfiguration": {"MetricSpecifications": []}}, "does not go with the policy type"),
        (
            {TRACKED: {"TargetValue": 1, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance", "ResourceLabel": "app/a/1"}}},
            "A resource label cannot be specified",
        ),
        (
            {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1},
                                    {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 1}]}},
            "neither overlap nor have gaps",
        ),
    ],
)  # fmt: skip
def test_what_is_no_policy(scaled: Scaled, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError) as error:
        scaled.scaling.put_scaling_policy(
            **{"PolicyName": "bad", "PolicyType": "TargetTrackingScaling", **scaled.place, **given}
        )
    assert refused(error.value)[0] == "ValidationException"
    assert said in refused(error.value)[1]
    with pytest.raises(ClientError) as error:
        scaled.scaling.delete_scaling_policy(PolicyName="bad", **scaled.place)
    assert refused(error.value)[0] == "ObjectNotFoundException"


def test_predefined_metrics(scaled: Scaled) -> None:
    for kind, metric, period in (
        ("SageMakerVariantInvocationsPerInstance", "InvocationsPerInstance", 60),
        ("SageMakerVariantConcurrentRequestsPerModelHighResolution", "ConcurrentRequestsPerModel", 10),
    ):
        made = scaled.scaling.put_scaling_policy(
            PolicyName="known",
            PolicyType="TargetTrackingScaling",
            **scaled.place,
            **{TRACKED: {"TargetValue": 70, "PredefinedMetricSpecification": {"PredefinedMetricType": kind}}},
        )
        names = [one["AlarmName"] for one in made["Alarms"]]
        found = scaled.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        assert {(one["Namespace"], one["MetricName"], one["Period"]) for one in found} == {
            ("AWS/SageMaker", metric, period)
        }
        assert {each["Name"]: each["Value"] for each in found[0]["Dimensions"]} == {
            "EndpointName": scaled.name,
            "VariantName": "all",
        }
        (policy,) = scaled.scaling.describe_scaling_policies(**scaled.place)["ScalingPolicies"]
        assert policy["Alarms"] == made["Alarms"]


def test_at_its_time(scaled: Scaled) -> None:
    action = {"ScheduledActionName": "soon", "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 4}}

    def put() -> Any:
        soon = datetime.now(UTC) + timedelta(seconds=2)
        return scaled.scaling.put_scheduled_action(**scaled.place, **action, Schedule=f"at({soon:%Y-%m-%dT%H:%M:%S})")

    until(put, absent=(scaled.scaling.exceptions.ValidationException,))  # while it is no longer to come as it arrives
    (shown,) = scaled.scaling.describe_scheduled_actions(**scaled.place)["ScheduledActions"]
    assert (shown["ScheduledActionName"], shown["ScalableTargetAction"]) == ("soon", action["ScalableTargetAction"])
    scaled.until(3)
    assert "by scheduled action soon" in scaled.activities()[0]["Cause"]
    (target,) = scaled.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 4)
    scaled.scaling.delete_scheduled_action(**scaled.place, ScheduledActionName="soon")
    kept, invalid = {**action, "ScheduledActionName": "kept"}, "ValidationException"
    scaled.scaling.put_scheduled_action(**scaled.place, **kept, Schedule="rate(1 day)")
    for method, given, code in (
        (scaled.scaling.delete_scheduled_action, {"ScheduledActionName": "soon"}, "ObjectNotFoundException"),
        (scaled.scaling.put_scheduled_action, {**action, "Schedule": "at(2020-01-01T00:00:00)"}, "ValidationException"),
        (scaled.scaling.put_scheduled_action, {**kept, "Schedule": "at(2020-01-01T00:00:00)"}, "ValidationException"),
        (scaled.scaling.put_scheduled_action, {**action, "Schedule": "cron(x)"}, "ValidationException"),
        (scaled.scaling.put_scheduled_action, {**action, "Schedule": "rate(1 day)", "Timezone": "X"}, invalid),
        (scaled.scaling.put_scheduled_action, action, "ValidationException"),
    ):  # fmt: skip
        with pytest.raises(ClientError) as error:
            method(**scaled.place, **given)
        assert refused(error.value)[0] == code


def test_an_endpoint_that_goes_takes_all_along(endpoints: Endpoints) -> None:
    scaled = Scaled(endpoints)
    scaled.register()
    _, made = scaled.track("gone")
    other = {**scaled.place, "ResourceId": f"endpoint/{scaled.name}/variant/other"}
    both = endpoints.config(*(endpoints.variant(VariantName=name) for name in ("all", "other")))
    alone = endpoints.describe(scaled.name)["EndpointConfigName"]
    for config, count in ((both, 2), (alone, 1)):
        endpoints.sagemaker.update_endpoint(EndpointName=scaled.name, EndpointConfigName=config)
        assert len(endpoints.until(scaled.name)["ProductionVariants"]) == count
        if count > 1:
            scaled.scaling.register_scalable_target(**other, MinCapacity=1, MaxCapacity=2)
    targets = partial(scaled.scaling.describe_scalable_targets, ServiceNamespace="sagemaker")
    until(lambda: other["ResourceId"] not in str(targets()))
    assert scaled.place["ResourceId"] in str(scaled.scaling.describe_scalable_targets(ServiceNamespace="sagemaker"))
    endpoints.sagemaker.delete_endpoint(EndpointName=scaled.name)
    found = scaled.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert scaled.place["ResourceId"] not in [one["ResourceId"] for one in found]
    names = [one["AlarmName"] for one in made["Alarms"]]
    assert scaled.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []


def test_who_may(platform: Platform, scaled: Scaled) -> None:
    iam, name = platform.client("iam"), fresh("user")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    user = platform.client("application-autoscaling", keys=(keys["AccessKeyId"], keys["SecretAccessKey"]))
    with pytest.raises(ClientError) as error:
        user.describe_scalable_targets(ServiceNamespace="sagemaker")
    wanted = f"application-autoscaling:us-west-2:{account(platform)}:scalable-target/*"
    assert wanted in refused(error.value)[1]
    condition = '{"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}'
    statement = (
        f'{{"Effect": "Allow", "Action": "application-autoscaling:*", "Resource": "*", "Condition": {condition}}}'
    )
    iam.put_user_policy(
        UserName=name, PolicyName="p", PolicyDocument=f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    )
    assert user.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    with pytest.raises(ClientError, match="AccessDenied"):
        user.describe_scalable_targets(ServiceNamespace="ecs")
