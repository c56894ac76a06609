"""kill -9 of Clary with images of users: while one is unpacked, and while one serves."""

import os
import subprocess
import time

import pytest

from conftest import CLARY, IMAGES, Platform
from endpoints import Endpoints
from layers import archive, entry
from own_images import PROGRAM, Own, base
from replicas import Load, streams
from training_jobs import Jobs
from waiting import until

COMMAND = ("python3", "/opt/program/main.py")


@pytest.fixture
def own(own_platform: Platform) -> Own:
    return Own(own_platform)


def test_an_image_that_is_being_unpacked(own: Own) -> None:
    """It is begun anew, the job completes, and `clary images` shows it and takes it away."""
    platform = own.platform
    random = [entry(f"opt/data/{number}", os.urandom(20_000)) for number in range(2000)]
    program = entry("opt/program/main.py", PROGRAM)
    uri = own.push(base(), archive(*random, program), Entrypoint=list(COMMAND), Env=["PATH=/usr/bin:/bin"])
    jobs = Jobs(platform, "own-killed")
    jobs.create("killed", {}, AlgorithmSpecification={"TrainingImage": uri, "TrainingInputMode": "File"})
    before = len(list(IMAGES.glob("trees/[!.]*/tree.json")))
    until(
        lambda: list(IMAGES.glob("layers/.*.building/data/opt/data/9")) or list(IMAGES.glob("trees/.*.building/tree"))
    )
    platform.kill()
    assert len(list(IMAGES.glob("trees/[!.]*/tree.json"))) == before
    platform.start()
    jobs = Jobs.__new__(Jobs)
    jobs.platform, jobs.bucket = platform, "own-killed"
    jobs.s3, jobs.sagemaker = platform.client("s3"), platform.client("sagemaker")
    found = jobs.until("killed", "Completed", "Failed")
    assert found["TrainingJobStatus"] == "Completed", found
    listed = clary(platform, "images")
    assert f"\n{uri} " in listed.partition("\n\nYOURS ")[2]  # whose names make no other line longer
    assert f"{uri} (sha256:" in clary(platform, "images", "rm", uri)
    assert uri not in clary(platform, "images")


def clary(platform: Platform, *arguments: str) -> str:
    environment = {**os.environ, "CLARY_IMAGES_HOME": str(IMAGES), "COLUMNS": "300"}
    command = [CLARY, *arguments, "--home", str(platform.home)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_one_that_serves_goes_on(own: Own) -> None:
    platform, endpoints = own.platform, Endpoints(own.platform)
    model = endpoints.model(Image=own.program(), Environment={"MARK": "own"})
    name = endpoints.serving(endpoints.variant(model))
    with Load(platform, name) as load:
        until(lambda: load.answers)
        platform.kill()
        told = len(load.answers)
        until(lambda: len(load.answers) > told + 4)
        platform.start()
        endpoints.sagemaker = platform.client("sagemaker")
        endpoints.until(name)
        time.sleep(1)
        told = len(load.answers)
        until(lambda: len(load.answers) > told + 4)
    assert load.errors == []
    assert {answer.rpartition("|")[2] for answer in load.answers} == {"0own"}
    until(lambda: streams(platform, name))
    assert len(streams(platform, name)) == 1, "no instance was made twice"
