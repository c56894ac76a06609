"""Containers of one environment run in one process; each keeps its own environment variables."""

import io
import tarfile
from typing import Any

import pytest

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh, role
from sagemaker_runtime.asynchronous import statistics
from training_jobs import IMAGE
from waiting import until

SCRIPT = """
import os

def model_fn(folder):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(body, model):
    return body.replace("NUMBER", os.environ["NUMBER"])

def output_fn(body, accept):
    return body, "text/csv"
"""


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


def test_environments_are_kept_apart(platform: Platform, endpoints: Endpoints) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("code/step.py")
        member.size = len(SCRIPT)
        archive.addfile(member, io.BytesIO(SCRIPT.encode()))
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key="step.tar.gz", Body=packed.getvalue())
    script = {"Image": IMAGE, "ModelDataUrl": f"s3://{endpoints.bucket}/step.tar.gz"}
    environment = {"SAGEMAKER_PROGRAM": "step.py", "NUMBER": "7"}
    built_in = {"Image": IMAGE, "ModelDataUrl": endpoints.data}  # would look for step.py, were it told of it
    name = fresh("model")
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(platform),
        Containers=[{**script, "Environment": environment}, built_in],
    )
    serving = endpoints.serving(endpoints.variant(name))
    runtime = platform.client("sagemaker-runtime")
    ask = {"EndpointName": serving, "ContentType": "text/csv"}
    answers = [runtime.invoke_endpoint(Body=row, **ask)["Body"].read() for row in ("1,NUMBER", "1,7", "1,0")]
    assert float(answers[0]) == float(answers[1]) > 0.5 > float(answers[2])


def test_each_container_is_told_apart(platform: Platform, endpoints: Endpoints) -> None:
    """Whose fault it was, and how long each took:
    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation
    """
    container = {"Image": IMAGE, "ModelDataUrl": endpoints.data}
    name = fresh("model")
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(platform),
        Containers=[{**container, "ContainerHostname": each} for each in ("first", "second", "third")],
    )
    serving = endpoints.serving(endpoints.variant(name))
    runtime = platform.client("sagemaker-runtime")
    ask = {"EndpointName": serving, "ContentType": "text/csv"}
    runtime.invoke_endpoint(Body=b"1,2", **ask)
    with pytest.raises(runtime.exceptions.ModelError, match=r"from first with message"):
        runtime.invoke_endpoint(Body=b"word", **ask)
    with pytest.raises(runtime.exceptions.ModelError, match=r"from third with message"):
        runtime.invoke_endpoint(Body=b"1,2", Accept="image/png", **ask)

    def times(hostname: str) -> Any:
        """How often the container has answered well."""
        which = {"EndpointName": serving, "VariantName": "all", "ContainerName": hostname}
        found = statistics(platform, "ContainerLatency", **which)
        assert not found or found["Minimum"] > 1  # microseconds
        return found.get("SampleCount")

    until(lambda: [times(each) for each in ("first", "second", "third")] == [2, 2, 1])
