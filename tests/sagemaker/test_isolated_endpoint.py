"""An endpoint whose model has EnableNetworkIsolation serves as others do."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh, role
from training_jobs import IMAGE


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


@pytest.fixture(scope="module")
def model(platform: Platform, endpoints: Endpoints) -> str:
    name = fresh("model")
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(platform),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": endpoints.data},
        EnableNetworkIsolation=True,
    )
    return name


def test_it_serves(platform: Platform, endpoints: Endpoints, model: str) -> None:
    serving = endpoints.serving(endpoints.variant(model))
    runtime = platform.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=serving, ContentType="text/csv", Body="1,7")
    assert float(answer["Body"].read()) > 0.5


def test_it_answers_what_does_not_wait(platform: Platform, endpoints: Endpoints, model: str) -> None:
    output = {"S3OutputPath": f"s3://{endpoints.bucket}/out", "S3FailurePath": f"s3://{endpoints.bucket}/failed"}
    name = endpoints.serving(endpoints.variant(model), AsyncInferenceConfig={"OutputConfig": output})
    s3, runtime = platform.client("s3"), platform.client("sagemaker-runtime")
    for rows, member in (("1,7\n" * 500_000, "OutputLocation"), ("no number", "FailureLocation")):
        s3.put_object(Bucket=endpoints.bucket, Key="rows.csv", Body=rows)
        source = f"s3://{endpoints.bucket}/rows.csv"
        told = runtime.invoke_endpoint_async(EndpointName=name, InputLocation=source, ContentType="text/csv")
        answer = come(s3, *told[member].removeprefix("s3://").split("/", 1))
        if member == "OutputLocation":
            assert answer.count("\n") == rows.count("\n")
        else:
            assert answer


def come(s3: Any, bucket: str, key: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
