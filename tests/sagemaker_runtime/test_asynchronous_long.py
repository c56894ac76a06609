"""Asynchronous invocations that are large, or take long: over time limits, updates and crashes."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from sagemaker_runtime.asynchronous import ask, config, content, put, statistics
from transforms import Transforms
from waiting import until

# Answers {"tag", "sleep"} with the tag, after so many seconds, or ends its container; and what is no JSON with itself.
SCRIPT = """
import json, os, time
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    if content_type != "application/json":
        return body, "application/octet-stream"
    asked = json.loads(body)
    print("begins " + asked["tag"], flush=True)
    if asked["sleep"] < 0:
        os.kill(os.getppid(), 9)
        os._exit(1)
    time.sleep(asked["sleep"])
    return asked["tag"], "text/plain"
"""


class Slow:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        made = Transforms(platform)
        self.endpoints: Endpoints = made.models
        self.model = made.script(SCRIPT)
        self.runtime = platform.client("sagemaker-runtime")

    def serving(self, **client: int) -> str:
        settings = config(self.endpoints, **client)
        return self.endpoints.serving(self.endpoints.variant(self.model), AsyncInferenceConfig=settings)

    def ask(self, name: str, tag: str, sleep: float, **given: Any) -> dict[str, Any]:
        body = json.dumps({"tag": tag, "sleep": sleep})
        return ask(self.runtime, name, Body=body, ContentType="application/json", **given)

    def begun(self, name: str, tag: str) -> int:
        """How often a model has begun to answer it."""
        logs = self.platform.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
        return sum(f"begins {tag}" in event["message"] for page in pages for event in page["events"])

    def until_begun(self, name: str, tag: str, times: int = 1) -> None:
        absent = self.platform.client("logs").exceptions.ResourceNotFoundException
        until(lambda: self.begun(name, tag) >= times, absent=(absent,))


@pytest.fixture(scope="module")
def slow(platform: Platform) -> Slow:
    return Slow(platform)


@pytest.fixture(scope="module")
def serving(slow: Slow) -> str:
    return slow.serving()


def test_a_model_has_its_time_and_no_more(slow: Slow) -> None:
    name = slow.serving()
    answer = slow.ask(name, fresh("slow"), 600, InvocationTimeoutSeconds=1)
    said = content(slow.endpoints, answer["FailureLocation"])
    assert said.startswith("ClientError: Your invocation timed out while waiting for a response from container")
    variant = {"EndpointName": name, "VariantName": "all"}
    until(lambda: statistics(slow.platform, "InvocationFailures", **variant).get("Sum"))
    slow.endpoints.sagemaker.delete_endpoint(EndpointName=name)


def test_the_queue_of_one_endpoint_does_not_hold_that_of_another(slow: Slow, serving: str) -> None:
    held = slow.serving(MaxConcurrentInvocationsPerInstance=100)
    for _ in range(100):
        slow.ask(held, "held", 600)
    slow.until_begun(held, "held")
    tag = fresh("free")
    answer = slow.ask(serving, tag, 0)
    assert content(slow.endpoints, answer["OutputLocation"]) == tag
    slow.endpoints.sagemaker.delete_endpoint(EndpointName=held)


def test_what_is_large_goes_from_file_to_file(slow: Slow, serving: str) -> None:
    size = 96 << 20
    source = put(slow.endpoints, b"x" * size)
    main = slow.platform.process
    assert main is not None
    before = _peak(main.pid)
    answer = ask(slow.runtime, serving, InputLocation=source, ContentType="application/octet-stream")
    bucket, _, key = answer["OutputLocation"].removeprefix("s3://").partition("/")
    s3 = slow.endpoints.jobs.s3
    (found,) = until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"))
    assert found["Size"] == size
    assert s3.head_object(Bucket=bucket, Key=key)["ContentType"] == "application/octet-stream"
    assert _peak(main.pid) - before < size / 4


def _peak(pid: int) -> int:
    """The most memory that a process has had so far, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def test_an_update_waits_for_what_runs(slow: Slow) -> None:
    name, tag = slow.serving(), fresh("kept")
    answer = slow.ask(name, tag, 4)
    slow.until_begun(name, tag)
    endpoints = slow.endpoints
    other = endpoints.config(endpoints.variant(slow.model), AsyncInferenceConfig=config(endpoints))
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=other)
    assert content(endpoints, answer["OutputLocation"]) == tag
    assert slow.begun(name, tag) == 1
    assert endpoints.until(name)["EndpointConfigName"] == other


def test_what_ends_every_replica_is_given_up(slow: Slow) -> None:
    name, tag = slow.serving(), fresh("deadly")
    answer = slow.ask(name, tag, -1)
    said = content(slow.endpoints, answer["FailureLocation"])
    assert said.startswith("ServerError: The container did not answer, or not to the end")
    slow.until_begun(name, tag, 3)
    assert slow.begun(name, tag) == 3
    again = slow.ask(name, "alive", 0)
    assert content(slow.endpoints, again["OutputLocation"]) == "alive"


def test_a_crash_loses_nothing_and_writes_each_answer_once(own_platform: Platform) -> None:
    slow = Slow(own_platform)
    name, bucket, s3 = slow.serving(), slow.endpoints.bucket, slow.endpoints.jobs.s3
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    asked = {tag: slow.ask(name, tag, seconds) for tag, seconds in (("long", 3), ("short", 0), ("short-2", 0))}
    slow.until_begun(name, "long")
    assert content(slow.endpoints, asked["short"]["OutputLocation"]) == "short"
    own_platform.kill()
    own_platform.start()
    for tag, answer in asked.items():
        assert content(slow.endpoints, answer["OutputLocation"]) == tag
    time.sleep(1)  # in which nothing is to come
    versions = s3.list_object_versions(Bucket=bucket, Prefix="out/")["Versions"]
    written = sorted(each["Key"] for each in versions if each["Key"].endswith(".out"))
    assert written == sorted(answer["OutputLocation"].removeprefix(f"s3://{bucket}/") for answer in asked.values())
