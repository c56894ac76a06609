"""Endpoints of sagemaker-sparkml-serving, alone and in a row with XGBoost."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from clary.demo.cars import CLASSES
from clary.images.runtime.bundle import Node
from conftest import Platform
from endpoints import Endpoints
from images import sparkml_bundles as bundles
from sagemaker_inputs import fresh, role
from training_jobs import IMAGE
from waiting import until

SPARKML = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:"
SOFTMAX = {"objective": "multi:softmax", "num_class": "4", "num_round": "10"}


@pytest.fixture(scope="module")
def endpoints(platform: Platform) -> Endpoints:
    return Endpoints(platform)


def container(endpoints: Endpoints, folder: Path, schema: dict[str, Any], tag: str = "3.3") -> dict[str, Any]:
    key = f"bundles/{fresh('bundle')}.tar.gz"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for part in folder.iterdir():
            archive.add(part, part.name)
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key=key, Body=packed.getvalue())
    data = {"ModelDataUrl": f"s3://{endpoints.bucket}/{key}", "Environment": bundles.schema(schema)}
    return {"Image": SPARKML + tag, **data}


def trained(endpoints: Endpoints) -> str:
    """A model of the cars' classes."""
    rows = [
        ",".join(map(str, [CLASSES.index(car[-1]), *bundles.features(car)])) for car in bundles.CARS
    ]  # the class, then 21 numbers
    endpoints.jobs.s3.put_object(Bucket=endpoints.bucket, Key="cars/train.csv", Body="\n".join(rows).encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{endpoints.bucket}/cars/"}
    channel = {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
    name = fresh("cars")
    endpoints.jobs.create(name, SOFTMAX, InputDataConfig=[channel])
    endpoints.jobs.until(name, "Completed")
    return f"s3://{endpoints.bucket}/out/{name}/output/model.tar.gz"


def test_three_containers_run_as_one(platform: Platform, endpoints: Endpoints, tmp_path: Path) -> None:
    """Words in, a label out; one launch has all three, though their images differ."""
    name = fresh("model")
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(platform),
        Containers=[
            container(endpoints, bundles.cars(tmp_path / "cars"), bundles.FEATURES, "2.2"),
            {"Image": IMAGE, "ModelDataUrl": trained(endpoints)},
            container(endpoints, bundles.labels(tmp_path / "labels"), bundles.LABEL, "2.4"),
        ],
    )
    serving = endpoints.serving(endpoints.variant(name))
    runtime = platform.client("sagemaker-runtime")

    def ask(body: str) -> str:
        answer = runtime.invoke_endpoint(EndpointName=serving, ContentType="text/csv", Body=body)
        return str(answer["Body"].read().decode())

    some = bundles.CARS[::40]
    one_by_one = [ask(",".join(car[:-1])) for car in some]
    assert ask("\n".join(",".join(car[:-1]) for car in some)).split("\n") == one_by_one
    assert sum(label == car[-1] for label, car in zip(one_by_one, some, strict=True)) > 0.9 * len(some)
    with pytest.raises(runtime.exceptions.ModelError, match=r"\(400\) from container-1 with message .*vvhigh"):
        ask("vvhigh,low,2,2,small,low")
    group = f"/aws/sagemaker/Endpoints/{serving}"
    logs = platform.client("logs")

    def said(container: int) -> str:
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        names = [each["logStreamName"] for each in streams if each["logStreamName"].endswith(f"/container-{container}")]
        assert len(names) < 2, names
        events = logs.get_log_events(logGroupName=group, logStreamName=names[0])["events"] if names else []
        return "\n".join(event["message"] for event in events)

    with pytest.raises(runtime.exceptions.ModelError, match=r"\(400\) from container-3 "):
        runtime.invoke_endpoint(EndpointName=serving, ContentType="text/csv", Accept="a/b", Body=",".join(some[0][:-1]))
    until(lambda: "vvhigh" in said(1), absent=(logs.exceptions.ResourceNotFoundException,))
    assert "The model server is ready." in said(1)
    until(lambda: "Accept value passed" in said(3))
    assert "vvhigh" not in said(3)
    assert "Accept" not in said(1)


@pytest.mark.parametrize("alone", [True, False])
def test_a_transformer_that_is_unknown_is_the_endpoints_failure(
    endpoints: Endpoints, tmp_path: Path, alone: bool
) -> None:
    folder = bundles.pipeline(tmp_path / "odd", Node("odd one", "time_machine", {"input": "a"}, {"output": "b"}))
    odd = container(endpoints, folder, bundles.LABEL)
    name = fresh("model")
    containers = [odd] if alone else [{"Image": IMAGE, "ModelDataUrl": endpoints.data}, odd]
    endpoints.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(endpoints.platform), Containers=containers)
    endpoint = endpoints.create(endpoints.config(endpoints.variant(name)))
    found = endpoints.until(endpoint, "Failed")
    assert "time_machine" in found["FailureReason"]
