"""What is told of a transform job beside Describe, and models of several containers."""

import datetime as dt
import json
from typing import Any

import pytest

from here import Here
from sagemaker_inputs import ROLE, fresh, role
from training_jobs import ENDS, IMAGE
from transforms import HOLD, Transforms
from waiting import until

OTHER = IMAGE.replace(":1.7-1", ":3.0-5")  # another environment, so another launch
MODEL = """
def model_fn(folder):
    print("NAME is loaded")

def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    lines = [f"{line},NAME" for line in text.splitlines()]
    return "\\n".join(lines), accept if accept == "application/x-last" else "text/csv"
"""
BUSY = f"""
{HOLD}

def model_fn(folder):
    return bytearray(64 << 20)

def transform_fn(model, body, content_type, accept):
    hold("measured")
    return body, "text/csv"
"""


def test_the_bus_hears_each_change(here: Here) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"""
    account = here.platform.config.account_id
    name = fresh("model")
    here.put("told", "model.tar.gz", b"this is no archive")
    here.call(
        "CreateModel",
        ModelName=name,
        ExecutionRoleArn=ROLE.format(account=account),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": "s3://told/model.tar.gz"},
    )
    here.put("told", "in/a.csv", b"1,2\n")
    arn = here.call(
        "CreateTransformJob",
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://told/in/"}}},
        TransformOutput={"S3OutputPath": "s3://told/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        Tags=[{"Key": "team", "Value": "a"}],
    )["TransformJobArn"]
    until(lambda: here.events and here.events[-1].detail.get("TransformJobStatus") in ENDS, lambda: here.events)
    event = here.events[-1]
    assert (event.source, event.detail_type) == ("aws.sagemaker", "SageMaker Transform Job State Change")
    assert (event.resources, event.region, event.account) == ((arn,), "us-west-2", account)
    detail = event.detail
    assert (detail["TransformJobName"], detail["TransformJobArn"]) == (name, arn)
    assert detail["Tags"] == {"team": "a"}
    assert detail["TransformJobStatus"] == "Failed"
    assert "The model data archive at s3://told/model.tar.gz cannot be unpacked" in detail["FailureReason"]
    assert isinstance(detail["TransformEndTime"], int)


def test_what_the_instances_use(transforms: Transforms) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html"""
    name = transforms.start({"a.csv": b"1\n"}, ModelName=transforms.script(BUSY))
    cloudwatch = transforms.platform.client("cloudwatch")
    namespace = "/aws/sagemaker/TransformJobs"

    def measured() -> list[Any]:
        every = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
        return [one for one in every if one["Dimensions"][0]["Value"].startswith(f"{name}/i-")]

    listed = until(measured, lambda: transforms.describe(name))
    transforms.s3.put_object(Bucket=transforms.bucket, Key="measured")
    found = transforms.until(name, "Completed")
    assert sorted(one["MetricName"] for one in listed) == ["CPUUtilization", "MemoryUtilization"]
    minute = dt.timedelta(minutes=1)
    for one in listed:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=one["MetricName"],
            Dimensions=one["Dimensions"],
            StartTime=found["CreationTime"] - minute,
            EndTime=found["TransformEndTime"] + minute,
            Period=60,
            Statistics=["Average"],
        )["Datapoints"]
        assert 0 < points[-1]["Average"] <= 400


@pytest.mark.parametrize("second", [IMAGE, OTHER], ids=["fused", "apart"])
def test_a_pipeline(transforms: Transforms, second: str) -> None:
    """Each container is asked what the one before it answered; the last is told what is accepted."""
    containers = []
    for number, image in enumerate((IMAGE, second), 1):
        model = transforms.script(MODEL.replace("NAME", f"step{number}"))
        found = transforms.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
        containers.append({**found, "Image": image, "ContainerHostname": f"step{number}"})
    name = fresh("pipeline")
    transforms.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role(transforms.platform), Containers=containers)
    job = transforms.start({"a.csv": b"1\n2\n"}, ModelName=name, result={"Accept": "application/x-last"})
    transforms.until(job, "Completed")
    assert transforms.output(job) == {"a.csv.out": b"1,step1,step2\n2,step1,step2\n"}
    said = transforms.log(job)
    assert sorted(said) == ["data-log", "step1", "step2"]
    assert all(f"{name} is loaded" in str(said[name]) for name in ("step1", "step2"))


def test_what_is_captured(transforms: Transforms) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html"""
    where = fresh("captured")
    told = {"DestinationS3Uri": f"s3://{transforms.bucket}/{where}", "GenerateInferenceId": True}
    name = transforms.start({"a.csv": b"1,2\n", "x/b.csv": b"1,2\n3,4\n"}, DataCaptureConfig=told)
    found = transforms.until(name, "Completed")
    assert found["DataCaptureConfig"] == told
    listed = transforms.s3.list_objects_v2(Bucket=transforms.bucket, Prefix=f"{where}/")["Contents"]
    hour = found["CreationTime"].astimezone(dt.UTC).strftime("%Y/%m/%d/%H")
    manifests = {}
    for one in listed:
        kind, _, rest = one["Key"].removeprefix(f"{where}/").partition("/")
        assert rest.startswith(f"{hour}/")
        manifests[kind] = json.load(transforms.s3.get_object(Bucket=transforms.bucket, Key=one["Key"])["Body"])
    assert manifests == {
        "input": [{"prefix": f"s3://{transforms.bucket}/{name}/"}, "a.csv", "x/b.csv"],
        "output": [{"prefix": f"s3://{transforms.bucket}/out-{name}/"}, "a.csv.out", "x/b.csv.out"],
    }
    rows = transforms.output(name)["x/b.csv.out"].decode().splitlines()
    started = found["CreationTime"].astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [row.count(",") for row in rows] == [2, 2]
    assert all(row.endswith(f",{started}") for row in rows)
