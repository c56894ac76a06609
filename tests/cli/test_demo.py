"""`clary demo`: from data to predictions, and nothing left after `--clean`."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from clary.demo.cars import CLASSES, split
from conftest import CLARY, Platform
from waiting import PATIENCE, until


def demo(platform: Platform, *words: str, **environment: str) -> str:
    command = [CLARY, "demo", "--home", str(platform.home), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def test_the_data_is_split_the_same_way_each_time() -> None:
    parts = split()
    assert [len(part) for part in parts] == [1209, 173, 346]
    assert parts == split()
    cars = [car for part in parts for car in part]
    assert len({car.words for car in cars}) == 1728  # no car stands in two parts
    assert {car.label for car in cars} == set(range(len(CLASSES)))
    assert {car.features.count("1") for car in cars} == {6}


CALLER = {"AWS_PROFILE": "nobody", "AWS_REGION": "eu-west-1"}  # for AWS: they take no part


def call(platform: Platform, said: str) -> str:
    """What the endpoint answers to the curl that the demo tells of."""
    line = re.search(r"^curl (.*?/invocations\")", said, re.MULTILINE | re.DOTALL)
    assert line, said
    lead = subprocess.check_output([CLARY, "env", "--home", platform.home, "--json"], text=True)
    curl = ["sh", "-c", f"curl -s {line[1]}"]
    return subprocess.check_output(curl, text=True, env={**os.environ, **json.loads(lead)}, timeout=PATIENCE)


def logged(platform: Platform, said: str) -> list[Any]:
    place = re.search(r"Logs: +(\S+), ([^\s,;]+)[,;]", said)
    assert place, said
    logs, stream = platform.client("logs"), {"logGroupName": place[1], "logStreamName": place[2]}
    return until(lambda: list(logs.get_log_events(**stream)["events"]))


def test_from_raw_data_to_labels(own_platform: Platform, tmp_path: Path) -> None:
    said = demo(own_platform, **CALLER, AWS_CONFIG_FILE=str(tmp_path / "none"))
    found = re.search(r"Accuracy: +([\d.]+)% of 1,728 cars", said)
    assert found, said
    assert float(found[1]) > 95
    for status in (
        "Glue job:    SUCCEEDED",
        "Training:    Completed",
        "Endpoint:    InService",
        "Transform:   Completed",
    ):
        assert status in said
    assert logged(own_platform, said)
    assert call(own_platform, said) == "unacc"

    gone = demo(own_platform, "--clean")
    for what in ("endpoint", "configuration", "model", "Glue job", "bucket"):
        assert f"{what} car-evaluation" in gone
    assert not own_platform.client("s3").list_buckets()["Buckets"]
    assert "there was nothing" in demo(own_platform, "--clean")


def test_from_data_to_predictions(own_platform: Platform, tmp_path: Path) -> None:
    said = demo(own_platform, "--quick", **CALLER, AWS_CONFIG_FILE=str(tmp_path / "none"))
    found = re.search(r"Accuracy: +([\d.]+)% of 346 cars", said)
    assert found, said
    assert float(found[1]) > 95
    sagemaker = own_platform.client("sagemaker")
    assert sagemaker.describe_endpoint(EndpointName="car-demo")["EndpointStatus"] == "InService"
    assert logged(own_platform, said)
    assert call(own_platform, said) == "0.0\n"

    assert "InService" in demo(own_platform, "--quick")  # again: the endpoint goes over to the new model
    gone = demo(own_platform, "--clean")
    assert gone.count("configuration car-demo-") == gone.count("model car-demo-") == 2
    assert not sagemaker.list_models(NameContains="car-demo")["Models"]
    assert not sagemaker.list_endpoint_configs(NameContains="car-demo")["EndpointConfigs"]
    assert not own_platform.client("s3").list_buckets()["Buckets"]
