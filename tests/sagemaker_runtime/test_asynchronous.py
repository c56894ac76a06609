"""Asynchronous endpoints: a queue, answers in S3, and what is told of them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from sagemaker_runtime.asynchronous import TOPIC, ask, config, content, put, statistics
from waiting import until

ROW = "1,2\n"


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


@pytest.fixture(scope="module")
def serving(endpoints: Endpoints) -> str:
    return endpoints.serving(AsyncInferenceConfig=config(endpoints, MaxConcurrentInvocationsPerInstance=2))


@pytest.fixture(scope="module", params=["gateway", "plane"])
def runtime(request: pytest.FixtureRequest, platform: Platform) -> Any:
    """A client of each of the two ports."""
    if request.param == "gateway":
        return platform.client("sagemaker-runtime")
    port = json.loads((platform.home / "run.json").read_text())["serving_port"]
    return platform.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{port}")


def told(platform: Platform, inference: str) -> dict[str, Any]:
    """The notification of an invocation, with its topic."""

    def look() -> dict[str, Any]:
        for line in (platform.home / "logs" / "clary.log").read_text().splitlines():
            if "notification for" in line and inference in line:
                topic, _, message = line.partition("notification for ")[2].partition(": ")
                return {"topic": topic, **json.loads(message)}
        return {}

    found: dict[str, Any] = until(look)
    return found


def test_an_answer_comes_to_s3(platform: Platform, endpoints: Endpoints, serving: str, runtime: Any) -> None:
    source = put(endpoints, ROW * 3)
    answer = ask(runtime, serving, InputLocation=source, Accept="text/csv")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    inference = answer["InferenceId"]
    assert answer["OutputLocation"] == f"s3://{endpoints.bucket}/out/{inference}.out"
    assert answer["FailureLocation"] == f"s3://{endpoints.bucket}/failed/{inference}-error.out"
    said = content(endpoints, answer["OutputLocation"])
    assert len([float(each) for each in said.replace(",", "\n").split()]) == 3
    message = told(platform, inference)
    assert message["topic"] == TOPIC + "done"
    assert message["invocationStatus"] == "Completed"
    assert message["requestParameters"]["inputLocation"] == source
    assert message["responseParameters"]["outputLocation"] == answer["OutputLocation"]
    assert message["responseBody"] == {"content": said, "encoding": "UTF-8"}
    assert (message["eventSource"], message["eventName"]) == ("aws:sagemaker", "InferenceResult")


def test_data_may_come_with_the_request(endpoints: Endpoints, serving: str, runtime: Any) -> None:
    answer = ask(runtime, serving, Body=ROW, InferenceId="mine", S3OutputPathExtension="by/name", Filename="one.csv")
    assert answer["InferenceId"] == "mine"
    assert answer["OutputLocation"] == f"s3://{endpoints.bucket}/out/by/name/one.csv"
    assert content(endpoints, answer["OutputLocation"])


def test_what_the_model_refuses(platform: Platform, endpoints: Endpoints, serving: str, runtime: Any) -> None:
    answer = ask(runtime, serving, InputLocation=put(endpoints, ROW), ContentType="image/png")
    assert content(endpoints, answer["FailureLocation"])
    message = told(platform, answer["InferenceId"])
    assert message["topic"] == TOPIC + "failed"
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith("ClientError: Received client error (415) from ")
    assert "responseBody" not in message


def test_an_input_that_is_not_there(platform: Platform, endpoints: Endpoints, serving: str, runtime: Any) -> None:
    answer = ask(runtime, serving, InputLocation=f"s3://{endpoints.bucket}/nothing")
    said = content(endpoints, answer["FailureLocation"])
    assert said.startswith(f"ClientError: Failed to download the input at s3://{endpoints.bucket}/nothing")
    assert told(platform, answer["InferenceId"])["failureReason"] == said


def test_an_answer_that_cannot_be_written(platform: Platform, endpoints: Endpoints) -> None:
    given = config(endpoints)
    given["OutputConfig"]["S3OutputPath"] = f"s3://{fresh('nowhere')}/out"
    name = endpoints.serving(AsyncInferenceConfig=given)
    answer = ask(platform.client("sagemaker-runtime"), name, Body=ROW)
    message = told(platform, answer["InferenceId"])
    assert message["failureReason"].startswith(
        f"ClientError: Failed to upload the response to {answer['OutputLocation']}"
    )
    variant = {"EndpointName": name, "VariantName": "all"}
    assert until(lambda: statistics(platform, "ResponseUploadFailures", **variant))["Sum"] == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Exactly one of Body and InputLocation"),
        ({"Body": ROW, "InputLocation": "s3://b/k"}, "Exactly one of Body and InputLocation"),
        ({"InputLocation": "s3://bucket"}, "is not the location of an object"),
        ({"InputLocation": "https://example.com/a"}, "is not the location of an object"),
        ({"InputLocation": "file:///etc/passwd"}, "inputLocation"),
        ({"InputLocation": "s3://b/k", "RequestTTLSeconds": 59}, "requestTTLSeconds"),
        ({"InputLocation": "s3://b/k", "InvocationTimeoutSeconds": 3601}, "invocationTimeoutSeconds"),
    ],
)
def test_a_request_that_is_wrong(runtime: Any, serving: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said) as raised:
        ask(runtime, serving, **given)
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_each_endpoint_is_invoked_in_its_own_way(endpoints: Endpoints, serving: str, runtime: Any) -> None:
    with pytest.raises(ClientError, match="is asynchronous"):
        runtime.invoke_endpoint(EndpointName=serving, Body=ROW)
    waiting = endpoints.serving()
    with pytest.raises(ClientError, match="is not an asynchronous endpoint"):
        ask(runtime, waiting, Body=ROW)
    with pytest.raises(ClientError, match="not found"):
        ask(runtime, fresh("nowhere"), Body=ROW)


def test_a_url_of_s3_is_as_good(endpoints: Endpoints, serving: str, runtime: Any) -> None:
    key = put(endpoints, ROW).rpartition("/")[2]
    answer = ask(runtime, serving, InputLocation=f"https://{endpoints.bucket}.s3.us-west-2.amazonaws.com/{key}")
    assert content(endpoints, answer["OutputLocation"])


def test_what_is_counted(platform: Platform, endpoints: Endpoints) -> None:
    name = endpoints.serving(AsyncInferenceConfig=config(endpoints))
    runtime = platform.client("sagemaker-runtime")
    good = ask(runtime, name, Body=ROW)
    bad = ask(runtime, name, Body=ROW, ContentType="image/png")
    content(endpoints, good["OutputLocation"])
    content(endpoints, bad["FailureLocation"])
    variant = {"EndpointName": name, "VariantName": "all"}
    until(lambda: statistics(platform, "InvocationFailures", **variant).get("SampleCount") == 2)
    assert statistics(platform, "InvocationFailures", **variant)["Sum"] == 1
    assert statistics(platform, "InvocationsProcessed", **variant)["Sum"] == 1
    assert statistics(platform, "Invocation4XXErrors", **variant)["Sum"] == 1
    for metric, unit in (
        ("TimeInBacklog", "Milliseconds"),
        ("TotalProcessingTime", "Milliseconds"),
        ("ModelLatency", "Microseconds"),
    ):
        found = statistics(platform, metric, **variant)
        assert (found["SampleCount"], found["Unit"]) == (2, unit)
    until(lambda: statistics(platform, "ApproximateBacklogSizePerInstance", EndpointName=name))
    assert statistics(platform, "HasBacklogWithoutCapacity", EndpointName=name)["Sum"] == 0


def test_a_queue_without_replicas_waits_and_survives(own_platform: Platform) -> None:
    endpoints = Endpoints(own_platform)
    name = endpoints.serving(AsyncInferenceConfig=config(endpoints, MaxConcurrentInvocationsPerInstance=1))
    wanted = {"VariantName": "all", "DesiredInstanceCount": 0}
    endpoints.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[wanted])
    endpoints.until(name)
    until(lambda: endpoints.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 0)
    runtime = own_platform.client("sagemaker-runtime")
    asked = [ask(runtime, name, Body=ROW) for _ in range(3)]
    until(lambda: statistics(own_platform, "HasBacklogWithoutCapacity", EndpointName=name).get("Sum"))
    own_platform.kill()
    own_platform.start()
    wanted["DesiredInstanceCount"] = 1
    endpoints.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[wanted])
    for each in asked:
        assert content(endpoints, each["OutputLocation"])
