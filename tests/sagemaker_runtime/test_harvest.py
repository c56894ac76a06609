"""What invocations leave behind: measurements in CloudWatch, captured requests in S3, and the container's log."""

import json
from datetime import datetime
from typing import Any

import pytest

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from sagemaker_runtime.asynchronous import statistics
from waiting import until


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


def invoke(platform: Platform, name: str, body: str = "1,2\n", **given: Any) -> str:
    runtime = platform.client("sagemaker-runtime", **given)
    return str(runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body)["Body"].read().decode())


def test_measurements_reach_cloudwatch(platform: Platform, endpoints: Endpoints) -> None:
    name = endpoints.serving()
    for _ in range(5):
        invoke(platform, name)
    which = {"EndpointName": name, "VariantName": "all"}
    until(lambda: statistics(platform, "Invocations", **which).get("Sum") == 5)
    assert statistics(platform, "Invocations", **which)["Unit"] == "None"
    latency = statistics(platform, "ModelLatency", **which)
    assert latency["SampleCount"] == 5
    assert latency["Minimum"] > 0
    assert latency["Unit"] == "Microseconds"
    assert statistics(platform, "Invocation4XXErrors", **which)["Sum"] == 0


def test_nothing_counted_is_lost_between_two_mains(own_platform: Platform) -> None:
    name = (endpoints := Endpoints(own_platform)).serving()
    which = {"EndpointName": name, "VariantName": "all"}
    invoke(own_platform, name)
    until(lambda: statistics(own_platform, "Invocations", **which).get("Sum") == 1)
    port = json.loads((own_platform.home / "run.json").read_text())["serving_port"]
    own_platform.kill()
    assert invoke(own_platform, name, endpoint_url=f"http://127.0.0.1:{port}")
    own_platform.start()
    assert endpoints.describe(name)["EndpointStatus"] == "InService"
    until(lambda: statistics(own_platform, "Invocations", **which).get("Sum") == 2)


def test_what_is_captured_reaches_s3(platform: Platform, endpoints: Endpoints) -> None:
    prefix = fresh("captured")
    name = endpoints.serving(
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{endpoints.bucket}/{prefix}",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        }
    )
    answer = invoke(platform, name)
    s3 = endpoints.jobs.s3
    (found,) = until(lambda: s3.list_objects_v2(Bucket=endpoints.bucket, Prefix=prefix).get("Contents"))
    folder, _, file = found["Key"].rpartition("/")
    at = datetime.strptime(f"{folder} UTC", f"{prefix}/{name}/all/%Y/%m/%d/%H %Z")  # noqa: DTZ007 - only its form
    assert at.year >= 2026
    assert file.endswith(".jsonl")
    (line,) = s3.get_object(Bucket=endpoints.bucket, Key=found["Key"])["Body"].read().decode().splitlines()
    captured = json.loads(line)["captureData"]
    assert captured["endpointInput"]["data"] == "1,2\n"
    assert captured["endpointOutput"]["data"] == answer
    until(lambda: not list((platform.home / "serving" / "capture").rglob("*.jsonl")))


def test_the_containers_log(platform: Platform, endpoints: Endpoints) -> None:
    name = endpoints.serving()
    group = f"/aws/sagemaker/Endpoints/{name}"
    logs = platform.client("logs")
    (stream,) = until(
        lambda: logs.describe_log_streams(logGroupName=group)["logStreams"],
        absent=(logs.exceptions.ResourceNotFoundException,),  # it is in service before its first line is carried there
    )
    variant, _, instance = stream["logStreamName"].partition("/")
    assert variant == "all"
    assert instance.startswith("i-")

    def said() -> bool:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        return any("ready" in event["message"] for event in events)

    until(said)


def test_what_is_captured_waits_for_its_bucket(own_platform: Platform) -> None:
    endpoints, bucket = Endpoints(own_platform), fresh("later")
    name = endpoints.serving(
        DataCaptureConfig={
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bucket}",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        }
    )
    invoke(own_platform, name)
    log = own_platform.home / "logs" / "clary.log"
    until(lambda: "data capture: 1 files wait" in log.read_text())
    assert f"Unable to upload to s3://{bucket}/{name}/all/" in log.read_text()  # who reads it is to know which bucket
    endpoints.sagemaker.delete_endpoint(EndpointName=name)
    s3 = endpoints.jobs.s3
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    own_platform.kill()
    own_platform.start()
    (found,) = until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert found["Key"].startswith(f"{name}/all/")
