"""Serverless variants: they start with a replica, lose it while nobody asks, and get another for the next request."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from endpoints import Endpoints

SIZE = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
ROW = "0.1,0.2"


@pytest.fixture(scope="module")
def endpoints() -> Iterator[Endpoints]:
    """On a platform where half a second without a request is long."""
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    running = Platform(folder / "home", CLARY_SERVERLESS_IDLE="0.5").start()
    yield Endpoints(running)
    running.stop()
    shutil.rmtree(folder)


def serverless(endpoints: Endpoints, **changed: int) -> str:
    variant = {"VariantName": "all", "ModelName": endpoints.model(), "ServerlessConfig": {**SIZE, **changed}}
    return endpoints.serving(variant)


def replicas(endpoints: Endpoints, name: str) -> list[str]:
    """All that there ever were: each has a log stream of its own."""
    logs = endpoints.platform.client("logs")
    found = logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["logStreams"]
    return [stream["logStreamName"] for stream in found]


def ended(endpoints: Endpoints, name: str) -> None:
    """Returns once the endpoint has no replica."""
    deadline = time.monotonic() + 30
    jobs = endpoints.platform.home / "jobs"
    while list(jobs.iterdir()):
        assert time.monotonic() < deadline, f"{name} keeps its replica"
        time.sleep(0.05)


def invoke(endpoints: Endpoints, name: str) -> float:
    runtime = endpoints.platform.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=ROW)
    return float(answer["Body"].read())


def test_to_nothing_and_back(endpoints: Endpoints) -> None:
    name = serverless(endpoints)
    (variant,) = endpoints.describe(name)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == SIZE
    assert "CurrentInstanceCount" not in variant
    before = invoke(endpoints, name)
    ended(endpoints, name)
    had = len(replicas(endpoints, name))
    assert endpoints.describe(name)["EndpointStatus"] == "InService"
    assert invoke(endpoints, name) == before
    assert len(replicas(endpoints, name)) == had + 1
    endpoints.sagemaker.delete_endpoint(EndpointName=name)


def test_what_is_provisioned_stays(endpoints: Endpoints) -> None:
    name = serverless(endpoints, ProvisionedConcurrency=1)
    once = serverless(endpoints)
    deadline = time.monotonic() + 30
    while len(list((endpoints.platform.home / "jobs").iterdir())) > 1:  # the other one's is gone
        assert time.monotonic() < deadline
        time.sleep(0.05)
    invoke(endpoints, name)
    assert len(replicas(endpoints, name)) == 1
    for wanted, said in (
        ({"DesiredInstanceCount": 2}, "is serverless"),
        ({"ServerlessUpdateConfig": {"ProvisionedConcurrency": 6}}, "must not be greater than"),
    ):
        with pytest.raises(ClientError, match=said):
            endpoints.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "all", **wanted}]
            )
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": "all", "ServerlessUpdateConfig": {"MaxConcurrency": 9}}],
    )
    (variant,) = endpoints.until(name)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 9
    for each in (name, once):
        endpoints.sagemaker.delete_endpoint(EndpointName=each)
