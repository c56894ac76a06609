"""An endpoint whose model has EnableNetworkIsolation serves as others do."""

from functools import partial

import pytest

from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh, role
from training_jobs import IMAGE
from waiting import until


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
        bucket, key = told[member].removeprefix("s3://").split("/", 1)
        found = partial(s3.get_object, Bucket=bucket, Key=key)
        answer = until(found, absent=(s3.exceptions.NoSuchKey,))["Body"].read().decode()
        if member == "OutputLocation":
            assert answer.count("\n") == rows.count("\n")
        else:
            assert answer
