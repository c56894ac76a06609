"""What the tests of asynchronous endpoints share: their configuration, and answers once they are in S3."""

from datetime import UTC, datetime, timedelta
from typing import Any

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from waiting import until

TOPIC = "arn:aws:sns:us-west-2:123456789012:"


def config(endpoints: Endpoints, **client: int) -> dict[str, Any]:
    topics = {"SuccessTopic": TOPIC + "done", "ErrorTopic": TOPIC + "failed"}
    output = {
        "S3OutputPath": f"s3://{endpoints.bucket}/out",
        "S3FailurePath": f"s3://{endpoints.bucket}/failed/",
        "NotificationConfig": {**topics, "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]},
    }
    return {"ClientConfig": client, "OutputConfig": output}


def put(endpoints: Endpoints, body: str | bytes) -> str:
    key = fresh("input")
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key=key, Body=body)
    return f"s3://{endpoints.bucket}/{key}"


def content(endpoints: Endpoints, uri: str) -> str:
    """Of an object, once it is there."""
    s3 = endpoints.jobs.s3
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    found: str = until(
        lambda: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(), absent=(s3.exceptions.NoSuchKey,)
    )
    return found


def ask(runtime: Any, name: str, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = runtime.invoke_endpoint_async(EndpointName=name, **{"ContentType": "text/csv", **given})
    return answer


def statistics(platform: Platform, metric: str, **dimensions: str) -> dict[str, Any]:
    """The sum and the count of a metric, over all there is."""
    now = datetime.now(UTC)
    points = platform.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=["Sum", "SampleCount", "Minimum"],
    )["Datapoints"]
    return points[0] if points else {}
