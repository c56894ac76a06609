"""Endpoints as their API shows them. What they answer is tested in tests/serving."""

import gzip
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from endpoints import Endpoints
from layers import archive, entry
from own_images import Own
from sagemaker_inputs import fresh
from waiting import until


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


def test_an_endpoint_comes_into_service_and_goes(endpoints: Endpoints) -> None:
    sagemaker = endpoints.sagemaker
    config = endpoints.config()
    name = endpoints.create(config)
    found = endpoints.until(name)
    assert found["EndpointConfigName"] == config
    (variant,) = found["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"], variant["CurrentWeight"]) == (1, 1, 1.0)
    listed = sagemaker.list_endpoints(NameContains=name, StatusEquals="InService")["Endpoints"]
    assert [(each["EndpointName"], each["EndpointStatus"]) for each in listed] == [(name, "InService")]
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"])
    with pytest.raises(ClientError, match="Could not find endpoint"):
        endpoints.describe(name)


def test_more_instances_and_other_weights(endpoints: Endpoints) -> None:
    sagemaker = endpoints.sagemaker
    model = endpoints.model()
    variants = [endpoints.variant(model, VariantName=name) for name in ("one", "two")]
    name = endpoints.serving(*variants)
    wanted = [{"VariantName": "two", "DesiredInstanceCount": 2, "DesiredWeight": 0.5}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    one, two = endpoints.until(name)["ProductionVariants"]
    assert (one["CurrentInstanceCount"], one["CurrentWeight"]) == (1, 1.0)
    assert (two["CurrentInstanceCount"], two["CurrentWeight"]) == (2, 0.5)
    with pytest.raises(ClientError, match='variant name\\(s\\) "three"'):
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "three", "DesiredWeight": 1}]
        )
    wanted[0]["DesiredInstanceCount"] = 20
    with pytest.raises(sagemaker.exceptions.ResourceLimitExceeded, match="20 instances here, not 21"):
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    large = endpoints.config(endpoints.variant(model, InitialInstanceCount=21))
    for method, named in ((sagemaker.create_endpoint, "large"), (sagemaker.update_endpoint, name)):
        with pytest.raises(sagemaker.exceptions.ResourceLimitExceeded, match="20 instances here, not 21"):
            method(EndpointName=named, EndpointConfigName=large)
    other = endpoints.config(endpoints.variant(model, VariantName="two"))
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=other, RetainAllVariantProperties=True)
    found = endpoints.until(name)
    assert found["EndpointConfigName"] == other
    assert [each["CurrentInstanceCount"] for each in found["ProductionVariants"]] == [2]
    sagemaker.delete_endpoint(EndpointName=name)


def test_what_cannot_serve_fails_with_a_reason(endpoints: Endpoints) -> None:
    sagemaker = endpoints.sagemaker
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.create_endpoint(EndpointName="none", EndpointConfigName="none")
    s3 = endpoints.platform.client("s3")
    s3.copy_object(Bucket=endpoints.bucket, Key="gone.tar.gz", CopySource=endpoints.data.removeprefix("s3://"))
    gone = f"s3://{endpoints.bucket}/gone.tar.gz"
    config = endpoints.config(endpoints.variant(endpoints.model(ModelDataUrl=gone)))
    s3.delete_object(Bucket=endpoints.bucket, Key="gone.tar.gz")
    missing = endpoints.create(config)
    assert f"Could not find model data at {gone}" in endpoints.until(missing, "Failed")["FailureReason"]
    with pytest.raises(ClientError, match="Cannot update failed endpoint"):
        sagemaker.update_endpoint(EndpointName=missing, EndpointConfigName=config)
    train = f"s3://{endpoints.bucket}/in/train.csv"
    broken = endpoints.create(endpoints.config(endpoints.variant(endpoints.model(ModelDataUrl=train))))
    assert "cannot be unpacked" in endpoints.until(broken, "Failed")["FailureReason"]
    repository = fresh("own")
    own = endpoints.model(Image=Own(endpoints.platform).push(archive(entry("a", "")), repository=repository))
    endpoints.platform.client("ecr").delete_repository(repositoryName=repository, force=True)
    deleted = endpoints.create(endpoints.config(endpoints.variant(own)))
    said = endpoints.until(deleted, "Failed")["FailureReason"]
    assert f"{repository}:1. What was pushed, and by which name it goes: aws ecr list-images --repository-name " in said
    for name in (missing, broken, deleted):
        sagemaker.delete_endpoint(EndpointName=name)


def _routed(**routing: Any) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"WaitIntervalInSeconds": 0, **routing}}}


HALF, MOST = ({"Type": "CAPACITY_PERCENT", "Value": value} for value in (50, 60))
BATCHES = {"RollingUpdatePolicy": {"MaximumBatchSize": HALF, "WaitIntervalInSeconds": 0}}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({**_routed(Type="ALL_AT_ONCE"), **BATCHES}, "Only one of BlueGreenUpdatePolicy"),
        (_routed(Type="CANARY"), "needs a CanarySize"),
        (_routed(Type="LINEAR", CanarySize=HALF), "has no CanarySize"),
        (_routed(Type="CANARY", CanarySize=MOST), "from 1 to 50 percent"),
        (_routed(Type="LINEAR", LinearStepSize=MOST), "from 10 to 50 percent"),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": MOST, "WaitIntervalInSeconds": 0}}, "from 5 to 50 percent"),
    ],
)
def test_what_is_no_deployment(endpoints: Endpoints, config: dict[str, Any], said: str) -> None:
    for method in (endpoints.sagemaker.create_endpoint, endpoints.sagemaker.update_endpoint):
        with pytest.raises(ClientError, match=said):
            method(EndpointName="none", EndpointConfigName="none", DeploymentConfig=config)


def test_traffic_moves_in_steps_and_back_when_an_alarm_goes_off(endpoints: Endpoints) -> None:
    sagemaker, cloudwatch = endpoints.sagemaker, endpoints.platform.client("cloudwatch")
    model, alarm = endpoints.model(), endpoints.alarm()
    first = endpoints.config(endpoints.variant(model))
    name = endpoints.create(first)
    endpoints.until(name)
    canary = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 3600,
            }
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    second = endpoints.config(endpoints.variant(model, InitialInstanceCount=2))
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=second, DeploymentConfig=canary)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=first)

    def bakes() -> bool:
        found = endpoints.describe(name)
        pending = found["PendingDeploymentSummary"]
        assert (found["EndpointStatus"], pending["EndpointConfigName"]) == ("Updating", second)
        return bool(pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Baking")

    until(bakes)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    found = endpoints.until(name)
    assert found["EndpointConfigName"] == first
    assert alarm in found["FailureReason"]
    rolling = {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}
    sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=second, DeploymentConfig={"RollingUpdatePolicy": rolling}
    )
    found = endpoints.until(name)
    assert (found["EndpointConfigName"], found["ProductionVariants"][0]["CurrentInstanceCount"]) == (second, 2)
    assert "FailureReason" not in found
    sagemaker.delete_endpoint(EndpointName=name)


def test_an_archive_that_becomes_too_much_is_not_unpacked(endpoints: Endpoints) -> None:
    """A few kilobytes of gzip may be a terabyte of zeros."""
    head = tarfile.TarInfo("xgboost-model")
    head.size = 2 << 30
    bomb = gzip.compress(head.tobuf() + bytes(1 << 20))
    endpoints.platform.client("s3").put_object(Bucket=endpoints.bucket, Key="bomb.tar.gz", Body=bomb)
    model = endpoints.model(ModelDataUrl=f"s3://{endpoints.bucket}/bomb.tar.gz")
    name = endpoints.create(endpoints.config(endpoints.variant(model, VolumeSizeInGB=1)))
    assert "has no room for so much (1 GB" in endpoints.until(name, "Failed")["FailureReason"]
    endpoints.sagemaker.delete_endpoint(EndpointName=name)
