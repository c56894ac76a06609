"""Endpoints under many hands, and over the ends of Clary, of replicas and of the data plane's other half."""

import concurrent.futures
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from endpoints import Endpoints
from replicas import ask, runtime, servers, streams
from sagemaker_inputs import fresh, role
from training_jobs import IMAGE
from waiting import until


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


def invoke(platform: Platform, name: str) -> float:
    """At the data plane's own port."""
    return float(ask(runtime(platform, direct=True), name))


def _gone(platform: Platform, processes: set[int]) -> bool:
    return not processes & set(servers(platform))


def at_once(count: int, function: Callable[[int], Any]) -> list[str]:
    """What each came to: its answer, or its error."""

    def attempt(number: int) -> str:
        try:
            return f"made {function(number)}"
        except ClientError as error:
            return str(error.response["Error"]["Message"])

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))


def test_one_of_many_creates_it(endpoints: Endpoints) -> None:
    config, name = endpoints.config(), fresh("endpoint")
    said = at_once(
        6, lambda _: endpoints.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)["EndpointArn"]
    )
    assert sum(each.startswith("made") for each in said) == 1
    assert sum("Cannot create already existing endpoint" in each for each in said) == 5
    endpoints.until(name)
    until(lambda: streams(endpoints.platform, name))
    assert len(streams(endpoints.platform, name)) == 1
    # Many change it at once: one does, the others are told to wait.
    wanted = [{"VariantName": "all", "DesiredInstanceCount": 2}]
    said = at_once(
        6,
        lambda _: endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=wanted
        )["EndpointArn"],
    )
    assert {each for each in said if not each.startswith("made")} <= {
        f'Cannot update in-progress endpoint "{endpoints.describe(name)["EndpointArn"]}".'
    }
    assert any(each.startswith("made") for each in said)
    assert endpoints.until(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    said = at_once(4, lambda _: endpoints.sagemaker.delete_endpoint(EndpointName=name))
    assert sum(each.startswith("made") for each in said) == 1


def test_deleted_while_it_is_made(endpoints: Endpoints) -> None:
    config = endpoints.config()
    sagemaker, name = endpoints.sagemaker, endpoints.create(config)
    sagemaker.delete_endpoint(EndpointName=name)
    for method, given in ((sagemaker.delete_endpoint, {}), (sagemaker.update_endpoint, {"EndpointConfigName": config})):
        with pytest.raises(ClientError, match=r"Cannot update in-progress endpoint|Could not find endpoint"):
            method(EndpointName=name, **given)
    until(lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"])


def test_a_package_is_served(endpoints: Endpoints) -> None:
    """A model that names a version in the registry, approved or not, with an environment of its own."""
    sagemaker, group = endpoints.sagemaker, fresh("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    packed = {"Image": IMAGE, "ModelDataUrl": endpoints.data, "Environment": {"A": "1", "B": "1"}}
    package = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [packed],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    name = fresh("model")
    container = {"ModelPackageName": package, "Environment": {"B": "2"}}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(endpoints.platform), Containers=[container])
    assert sagemaker.describe_model(ModelName=name)["Containers"] == [{**container, "Mode": "SingleModel"}]
    with pytest.raises(ClientError, match="has no additional inference specification other"):
        sagemaker.create_model(ModelName=fresh(), PrimaryContainer={**container, "InferenceSpecificationName": "other"})
    endpoint = endpoints.serving(endpoints.variant(name))
    assert endpoints.describe(endpoint)["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert 0 <= invoke(endpoints.platform, endpoint) <= 1
    sagemaker.delete_model(ModelName=name)
    sagemaker.delete_model_package(ModelPackageName=package)
    assert 0 <= invoke(endpoints.platform, endpoint) <= 1, "what is served is served on"
    sagemaker.delete_endpoint(EndpointName=endpoint)


def test_a_shadow_is_shown(endpoints: Endpoints) -> None:
    model = endpoints.model()
    config = endpoints.config(
        endpoints.variant(model),
        ShadowProductionVariants=[endpoints.variant(model, VariantName="shadow", InitialVariantWeight=0.5)],
    )
    name = endpoints.create(config)
    found = endpoints.until(name)
    assert [each["VariantName"] for each in found["ProductionVariants"]] == ["all"]
    (shadow,) = found["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"], shadow["CurrentWeight"]) == ("shadow", 1, 0.5)
    endpoints.sagemaker.delete_endpoint(EndpointName=name)


def test_clary_ends_at_any_moment(own_platform: Platform) -> None:
    """By kill -9, while an endpoint is made, changed and deleted: it gets there, with as many replicas as asked."""
    endpoints = Endpoints(own_platform)
    config = endpoints.config()
    names = [endpoints.create(config)]
    for pause in (0.05, 0.3):
        own_platform.kill()
        own_platform.start()
        endpoints.sagemaker = own_platform.client("sagemaker")
        names.append(endpoints.create(config))
        time.sleep(pause)
    own_platform.kill()
    own_platform.start()
    endpoints.sagemaker = own_platform.client("sagemaker")
    for name in names:
        (variant,) = endpoints.until(name)["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == 1
    until(lambda: len(servers(own_platform)) == len(names))
    before = [invoke(own_platform, name) for name in names]
    processes = servers(own_platform)
    own_platform.kill()
    assert [invoke(own_platform, name) for name in names] == before, "the data plane answers while main is away"
    own_platform.start()
    endpoints.sagemaker = own_platform.client("sagemaker")
    assert [endpoints.until(name)["EndpointStatus"] for name in names] == ["InService"] * 3
    assert servers(own_platform) == processes, "the same ones"
    endpoints.sagemaker.delete_endpoint(EndpointName=names[0])
    own_platform.kill()
    own_platform.start()
    endpoints.sagemaker = own_platform.client("sagemaker")
    until(lambda: names[0] not in str(endpoints.sagemaker.list_endpoints()["Endpoints"]))
    own_platform.stop()
    until(lambda: not servers(own_platform))
    own_platform.start()
    endpoints.sagemaker = own_platform.client("sagemaker")
    for name in names[1:]:
        endpoints.until(name)
    assert [invoke(own_platform, name) for name in names[1:]] == before[1:], "clary up begins them anew"
    assert len(servers(own_platform)) == len(names) - 1
    for name in names[1:]:
        endpoints.sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: not servers(own_platform))


def test_a_replica_that_dies_is_replaced(own_platform: Platform) -> None:
    endpoints = Endpoints(own_platform)
    name = endpoints.serving()
    before = invoke(own_platform, name)
    for process in servers(own_platform):
        os.kill(process, signal.SIGKILL)
    until(lambda: len(streams(own_platform, name)) > 1)
    logs = own_platform.client("logs")
    given = {
        "logGroupName": f"/aws/sagemaker/Endpoints/{name}",
        "filterPattern": '"The container ended with exit code"',
    }
    assert until(lambda: logs.filter_log_events(**given)["events"])
    found = until(lambda: (told := endpoints.describe(name))["ProductionVariants"][0]["CurrentInstanceCount"] and told)
    assert found["EndpointStatus"] == "InService", "all along"
    assert until(lambda: invoke(own_platform, name)) == before
    endpoints.sagemaker.delete_endpoint(EndpointName=name)


def test_one_that_dies_again_and_again(own_platform: Platform) -> None:
    """It stays in service, as on AWS, and is begun again, later and later."""
    endpoints = Endpoints(own_platform)
    name = endpoints.serving()
    before = invoke(own_platform, name)
    for _ in range(3):
        found = until(lambda: servers(own_platform))
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        until(partial(_gone, own_platform, set(found)))
        assert endpoints.describe(name)["EndpointStatus"] == "InService"
    until(lambda: endpoints.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 1)
    assert invoke(own_platform, name) == before
    endpoints.sagemaker.delete_endpoint(EndpointName=name)
