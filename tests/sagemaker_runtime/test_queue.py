"""The queue of asynchronous invocations: what waits for too long, whose endpoint goes, and pipelines."""

import sqlite3
from contextlib import closing

import pytest

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh, role
from sagemaker_runtime.asynchronous import ask, config, content, statistics
from training_jobs import IMAGE
from transforms import Transforms
from waiting import PATIENCE, until

OTHER = IMAGE.replace(":1.7-1", ":3.0-5")  # another environment, so another launch
SCRIPT = """
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    return (body if isinstance(body, str) else body.decode()) + "|" + content_type + "|" + accept, "text/x-more"
"""


@pytest.fixture(scope="module")
def transforms(platform: Platform) -> Transforms:
    return Transforms(platform)


@pytest.fixture
def asleep(transforms: Transforms) -> str:
    """An endpoint without instances."""
    endpoints = transforms.models
    name = endpoints.serving(AsyncInferenceConfig=config(endpoints))
    _count(endpoints, name, 0)
    until(lambda: endpoints.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 0)
    return name


def _count(endpoints: Endpoints, name: str, count: int) -> None:
    wanted = [{"VariantName": "all", "DesiredInstanceCount": count}]
    endpoints.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    endpoints.until(name)


def test_what_waits_for_too_long_expires(platform: Platform, transforms: Transforms, asleep: str) -> None:
    runtime = platform.client("sagemaker-runtime")
    first = ask(runtime, asleep, Body="1,2\n", RequestTTLSeconds=60)
    second = ask(runtime, asleep, Body="1,2\n")
    with closing(sqlite3.connect(platform.home / "state.db", timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("UPDATE invocation SET created = created - 100 WHERE endpoint LIKE ?", (f"%/{asleep}",))
    said = content(transforms.models, first["FailureLocation"])
    assert said == "ClientError: The request waited for longer than its RequestTTLSeconds, 60 seconds."
    variant = {"EndpointName": asleep, "VariantName": "all"}
    assert until(lambda: statistics(platform, "ExpiredRequests", **variant))["Sum"] == 1
    _count(transforms.models, asleep, 1)
    assert content(transforms.models, second["OutputLocation"])


def test_with_an_endpoint_its_queue_goes(platform: Platform, transforms: Transforms, asleep: str) -> None:
    endpoints = transforms.models
    ask(platform.client("sagemaker-runtime"), asleep, Body="1,2\n")
    endpoints.sagemaker.delete_endpoint(EndpointName=asleep)

    def left() -> int:
        with closing(sqlite3.connect(platform.home / "state.db", timeout=PATIENCE)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM invocation WHERE endpoint LIKE ?", (f"%/{asleep}",))
        return int(count[0])

    until(lambda: not left())


def test_a_pipeline_of_several_launches(platform: Platform, transforms: Transforms) -> None:
    endpoints, containers = transforms.models, []
    for image in (IMAGE, OTHER):
        described = endpoints.sagemaker.describe_model(ModelName=transforms.script(SCRIPT, Image=image))
        given = described["PrimaryContainer"]
        containers.append({member: given[member] for member in ("Image", "ModelDataUrl", "Environment")})
    name = fresh("pipeline")
    endpoints.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(platform), Containers=containers)
    serving = endpoints.serving(endpoints.variant(name), AsyncInferenceConfig=config(endpoints))
    runtime = platform.client("sagemaker-runtime")
    answer = ask(runtime, serving, Body="a", ContentType="text/x-first", Accept="text/x-last")
    said = content(endpoints, answer["OutputLocation"])
    first, kind, accepted = said.rsplit("|", 2)
    assert first.startswith("a|text/x-first|")
    assert "text/x-last" not in first
    assert (kind, accepted) == ("text/x-more", "text/x-last")
