"""Staging as a container's own program sees it, by the front door."""

import json

import pytest

from conftest import Platform
from sagemaker_inputs import fresh
from training_jobs import IMAGE, Jobs

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
