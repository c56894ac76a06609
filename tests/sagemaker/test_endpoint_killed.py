"""kill -9 of Clary while an endpoint's traffic moves and while it loses instances, under load: no request is lost, what
was begun is done, and no replica is left over.
"""

import time
from typing import Any

import pytest

from conftest import Platform
from endpoints import Endpoints
from replicas import Load, folders, servers, streams
from training_jobs import packed
from waiting import until

# An answer takes a while, so that whatever is taken away has requests.
SCRIPT = """
import os, time

def model_fn(folder):
    return os.environ["NAMED"]

def input_fn(body, content_type):
    return body

def predict_fn(body, model):
    time.sleep(0.2)
    return model

def output_fn(prediction, accept):
    return prediction, "text/csv"
"""


class Killed:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.endpoints = Endpoints(platform)
        self.endpoints.jobs.s3.put_object(
            Bucket=self.endpoints.bucket, Key="slow.tar.gz", Body=packed({"code/inference.py": SCRIPT})
        )

    def kill(self) -> None:
        self.platform.kill()
        self.platform.start()
        self.endpoints.sagemaker = self.platform.client("sagemaker")

    def config(self, named: str, count: int) -> str:
        """Of a model that answers with its name."""
        program = {"SAGEMAKER_PROGRAM": "inference.py", "NAMED": named}
        data = f"s3://{self.endpoints.bucket}/slow.tar.gz"
        model = self.endpoints.model(ModelDataUrl=data, Environment=program)
        return self.endpoints.config(self.endpoints.variant(model, InitialInstanceCount=count))

    def until_stage(self, name: str, stage: str) -> None:
        """Of the deployment that goes on."""

        def reached() -> bool:
            pending = self.endpoints.describe(name)["PendingDeploymentSummary"]
            return bool(pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] == stage)

        until(reached)

    def settled(self, name: str, count: int) -> dict[str, Any]:
        """What Describe says once the endpoint is in service with so many instances, and nothing else runs."""
        found = self.endpoints.until(name)
        assert found["ProductionVariants"][0]["CurrentInstanceCount"] == count
        until(lambda: folders(self.platform) == count)
        found_servers = {*servers(self.platform)}
        time.sleep(0.5)
        assert {*servers(self.platform)} <= found_servers, "nothing is begun anew"
        return found


@pytest.fixture
def killed(own_platform: Platform) -> Killed:
    return Killed(own_platform)


def canary(wait: int, *alarms: str) -> dict[str, Any]:
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": wait,
    }
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
    }


def test_a_canary_goes_on_or_back(killed: Killed) -> None:
    endpoints, platform = killed.endpoints, killed.platform
    name, alarm = endpoints.create(killed.config("a", 1)), endpoints.alarm()
    endpoints.until(name)
    second = killed.config("b", 2)
    with Load(platform, name) as load:
        until(lambda: load.answers)
        endpoints.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=second, DeploymentConfig=canary(15, alarm)
        )
        killed.kill()  # while the new fleet is made
        killed.until_stage(name, "Baking")
        killed.kill()  # while a part of the traffic goes there
        assert killed.settled(name, 2)["EndpointConfigName"] == second
        until(lambda: len(streams(platform, name)) >= 3)
        assert len(streams(platform, name)) == 3, "no instance was made twice"
        until(lambda: "b" in load.answers)
        assert set(load.answers) == {"a", "b"}
        killed.endpoints.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=killed.config("c", 1), DeploymentConfig=canary(3600, alarm)
        )
        killed.until_stage(name, "Baking")
        until(lambda: "c" in load.answers)
        platform.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
        killed.kill()  # while all of it goes back, or is about to
        found = killed.settled(name, 2)
        assert (found["EndpointConfigName"], alarm in found["FailureReason"]) == (second, True)
        told = len(load.answers)
        until(lambda: len(load.answers) > told + 8)
        assert set(load.answers[told + 4 :]) == {"b"}
    assert load.errors == []


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_instances_go_once_they_have_answered(killed: Killed, pause: float) -> None:
    endpoints, platform = killed.endpoints, killed.platform
    name = endpoints.create(killed.config("a", 3))
    endpoints.until(name)
    with Load(platform, name, clients=6) as load:
        until(lambda: len(load.answers) > 6)
        endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "all", "DesiredInstanceCount": 1}]
        )
        time.sleep(pause)
        killed.kill()
        killed.settled(name, 1)
        until(lambda: len(streams(platform, name)) >= 3)
        assert len(streams(platform, name)) == 3
    assert load.errors == []
    killed.endpoints.sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: not folders(platform) and not servers(platform))
