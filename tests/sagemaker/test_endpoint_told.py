"""What the bus hears of models, endpoint configurations and endpoints."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from here import Here
from sagemaker_inputs import ROLE
from training_jobs import IMAGE
from waiting import until


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path / "home")
    made.app.hosting.start()
    yield made
    made.app.hosting.close()
    made.close()


def test_each_change_in_order(here: Here) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"""
    here.put("told", "model.tar.gz", b"this is no archive")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://told/model.tar.gz"}
    role = ROLE.format(account=here.platform.config.account_id)
    model = here.call("CreateModel", ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)["ModelArn"]
    variant = {"VariantName": "all", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    config = here.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
    tags = [{"Key": "team", "Value": "a"}]
    endpoint = here.call("CreateEndpoint", EndpointName="E", EndpointConfigName="c", Tags=tags)["EndpointArn"]
    until(lambda: here.events[-1].detail.get("EndpointStatus") == "FAILED", lambda: here.events)
    failed = here.events[-1].detail
    assert "cannot be unpacked" in failed["FailureReason"]
    assert (failed["EndpointName"], failed["EndpointConfigName"], failed["Tags"]) == ("E", "c", {"team": "a"})
    here.call("DeleteEndpoint", EndpointName="e")
    here.call("DeleteEndpointConfig", EndpointConfigName="c")
    here.call("DeleteModel", ModelName="m")
    told = [(each.detail_type, each.detail.get("EndpointStatus"), *each.resources) for each in here.events]
    assert told == [
        ("SageMaker Model State Change", None, model),
        ("SageMaker Endpoint Config State Change", None, config["EndpointConfigArn"]),
        ("SageMaker Endpoint State Change", "CREATING", endpoint),
        ("SageMaker Endpoint State Change", "FAILED", endpoint),
        ("SageMaker Endpoint State Change", "DELETING", endpoint),
        ("SageMaker Endpoint Config State Change", None, config["EndpointConfigArn"]),
        ("SageMaker Model State Change", None, model),
    ]
    creating = here.events[2].detail
    assert creating["ProductionVariants"] == [{"VariantName": "all", "DesiredWeight": 1.0, "DesiredInstanceCount": 1.0}]
    assert creating["CreationTime"] <= creating["LastModifiedTime"] <= time.time() * 1000
    assert {each.account for each in here.events} == {here.platform.config.account_id}
