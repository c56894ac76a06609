"""Staging as a container's own program sees it, by the front door."""

import json

import pytest

from conftest import Platform
from sagemaker_inputs import fresh
from training_jobs import IMAGE, Jobs
from waiting import until

CHANNELS = """
import json, os
seen = {}
for epoch in range(2):
    with open(f"/opt/ml/input/data/pipe_{epoch}", "rb") as pipe:
        seen[f"pipe_{epoch}"] = len(pipe.read())
folder = os.environ["SM_CHANNEL_TRAIN"]
before = open(folder + "/train.csv").read()
with open(folder + "/train.csv", "a") as file:
    file.write("more")
open(folder + "/beside.txt", "w").write("mine")
os.remove(folder + "/deep/gone")
seen["changed"] = open(folder + "/train.csv").read() == before + "more"
seen["files"] = sorted(os.listdir(folder)), sorted(os.listdir(folder + "/deep"))
seen["checkpoint"] = open("/opt/ml/checkpoints/epoch-1").read()
open("/opt/ml/checkpoints/epoch-2", "w").write("two")
open("/opt/ml/output/data/plot", "w").write("plot")
with open("/opt/ml/model/seen.json", "w") as file:
    json.dump(seen, file)
"""

GOES_ON = """
import os, sys, time
folder = "/opt/ml/checkpoints/"
seen = sorted(os.listdir(folder))
with open(folder + f"epoch-{len(seen)}", "w") as file:
    file.write(",".join(seen))
with open("/opt/ml/model/seen", "w") as file:
    file.write(",".join(seen))
print("saved", flush=True)
while not seen:
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("staging"))


def test_channels_and_checkpoints(jobs: Jobs) -> None:
    """A job may change what it sees, and nobody else notices."""
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/deep/gone", Body=b"1")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/deep/stays", Body=b"1")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="saved/epoch-1", Body=b"one")
    original = jobs.s3.get_object(Bucket=jobs.bucket, Key="in/train.csv")["Body"].read()
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.bucket}/in/"}}
    channels = [
        {"ChannelName": "train", "DataSource": source},
        {"ChannelName": "pipe", "DataSource": source, "InputMode": "Pipe"},
    ]
    for _ in range(2):
        name = fresh()
        found = jobs.run(
            name,
            jobs.script(CHANNELS),
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            InputDataConfig=channels,
            CheckpointConfig={"S3Uri": f"s3://{jobs.bucket}/saved"},
        )
        assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
        assert json.loads(jobs.model(name)["seen.json"]) == {
            "pipe_0": len(original) + 2,
            "pipe_1": len(original) + 2,
            "changed": True,
            "files": [["beside.txt", "deep", "train.csv"], ["stays"]],
            "checkpoint": "one",
        }
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key="in/train.csv")["Body"].read() == original
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key="saved/epoch-2")["Body"].read() == b"two"
    assert jobs.s3.head_object(Bucket=jobs.bucket, Key=f"out/{name}/output/output.tar.gz")["ContentLength"] > 0


def test_a_job_goes_on_where_a_stopped_one_was(jobs: Jobs) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html"""
    first, second = fresh(), fresh()
    script, saved = jobs.script(GOES_ON), {"S3Uri": f"s3://{jobs.bucket}/goes-on"}
    jobs.create(first, script, CheckpointConfig=saved)
    jobs.until(first, "Training")
    until(lambda: "saved" in said(jobs, first))
    jobs.sagemaker.stop_training_job(TrainingJobName=first)
    jobs.until(first, "Stopped")
    keys = [each["Key"] for each in jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="goes-on/")["Contents"]]
    assert keys == ["goes-on/epoch-0"]
    found = jobs.run(second, script, CheckpointConfig=saved)
    assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
    assert jobs.model(second)["seen"] == b"epoch-0"
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key="goes-on/epoch-1")["Body"].read() == b"epoch-0"


def said(jobs: Jobs, name: str) -> str:
    logs = jobs.platform.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    try:
        found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
    except logs.exceptions.ResourceNotFoundException:  # no job has said anything yet
        return ""
    return "\n".join(event["message"] for event in found)
