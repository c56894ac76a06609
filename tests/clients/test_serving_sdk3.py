"""Serving by SageMaker Python SDK 3, unchanged: ModelBuilder, and the resources that stand for what the API has."""

import json
from typing import Any

import pytest

from conftest import Platform
from endpoints import Endpoints

START = """
import json, sys, uuid
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
session, data, told = Session(), sys.argv[1], {}
role = get_execution_role(session)
image = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
name = f"sdk3-{uuid.uuid4().hex[:12]}"
"""
TELL = """
print("\\nTOLD " + json.dumps(told))
"""

BUILDER = """
from sagemaker.serve import ModelBuilder
builder = ModelBuilder(image_uri=image, s3_model_data_url=data, role_arn=role, sagemaker_session=session,
                       instance_type="ml.m5.large")
told["model"] = builder.build(model_name=name).model_name == name
endpoint = builder.deploy(endpoint_name=name, initial_instance_count=1, wait=False)
endpoint.wait_for_status("InService", poll=1)
answer = endpoint.invoke(body="1,7\\n1,0", content_type="text/csv", accept="text/csv")
told["answer"] = answer.body.read().decode()
told["type"] = answer.content_type
endpoint.delete()
"""

RESOURCES = """
Model.create(model_name=name, execution_role_arn=role,
             primary_container=ContainerDefinition(image=image, model_data_url=data))
variant = ProductionVariant(variant_name="all", model_name=name, instance_type="ml.m5.large", initial_instance_count=1)
EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
endpoint.wait_for_status("InService", poll=1)
told["status"] = Endpoint.get(name).endpoint_status
told["answer"] = endpoint.invoke(body="1,7\\n1,0", content_type="text/csv", accept="text/csv").body.read().decode()
try:
    endpoint.invoke(body="1,7", content_type="image/png")
except Exception as error:
    told["bad"] = str(error)
endpoint.delete()
endpoint.wait_for_delete(poll=1)
told["left"] = [found.endpoint_name for found in Endpoint.get_all(name_contains=name)]
"""


@pytest.fixture
def told(outside: Any, platform: Platform) -> Any:
    trained = Endpoints(platform).data

    def run(program: str) -> Any:
        done = outside("env", "sagemaker3", "python", "-W", "ignore", "-c", f"{START}{program}{TELL}", trained)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout.rpartition("\nTOLD ")[2])

    return run


def good(answer: str) -> bool:
    """Whether the first row is taken for a 1 and the second for a 0."""
    first, second = map(float, answer.split())
    return 0 < second < 0.5 < first < 1


def test_model_builder(told: Any) -> None:
    found = told(BUILDER)
    assert found["model"]
    assert good(found["answer"])
    assert found["type"].startswith("text/csv")


def test_resources(told: Any) -> None:
    found = told(RESOURCES)
    assert found["status"] == "InService"
    assert good(found["answer"])
    assert "image/png is not an accepted ContentType" in found["bad"]
    assert found["left"] == []
