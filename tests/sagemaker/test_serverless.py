"""Serverless variants: they start with a replica, lose it while nobody asks, and get another for the next request."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from endpoints import Endpoints
from replicas import ask, folders, runtime, streams
from waiting import until

SIZE = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}


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


def ended(endpoints: Endpoints) -> None:
    """Returns once no endpoint has a replica."""
    until(lambda: not folders(endpoints.platform))


def invoke(endpoints: Endpoints, name: str) -> str:
    return ask(runtime(endpoints.platform), name)


def test_to_nothing_and_back(endpoints: Endpoints) -> None:
    name = serverless(endpoints)
    (variant,) = endpoints.describe(name)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == SIZE
    assert "CurrentInstanceCount" not in variant
    before = invoke(endpoints, name)
    ended(endpoints)
    had = len(streams(endpoints.platform, name))
    assert endpoints.describe(name)["EndpointStatus"] == "InService"
    assert invoke(endpoints, name) == before
    until(lambda: len(streams(endpoints.platform, name)) == had + 1)
    endpoints.sagemaker.delete_endpoint(EndpointName=name)


def test_what_is_provisioned_stays(endpoints: Endpoints) -> None:
    name = serverless(endpoints, ProvisionedConcurrency=1)
    once = serverless(endpoints)
    until(lambda: folders(endpoints.platform) == 1)  # the other one's is gone
    invoke(endpoints, name)
    until(lambda: len(streams(endpoints.platform, name)) == 1)
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
