"""What the tests of training jobs share: a bucket with data and scripts, and jobs to their ends."""

import io
import tarfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import waiting
from conftest import Platform
from sagemaker_inputs import role

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
ENDS = ("Completed", "Failed", "Stopped")
SCRIPT = """
import os
print("loss=0.5;")
print("loss=0.25;")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.txt"), "w") as model:
    model.write(",".join(sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"]))))
"""


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """A .tar.gz."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in files.items():
            body = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return target.getvalue()


def until(
    describe: Callable[[], dict[str, Any]], members: tuple[str, ...], statuses: tuple[str, ...]
) -> dict[str, Any]:
    """What is described, once one of the members is one of the statuses. The first one tells whether it has ended."""

    def look() -> dict[str, Any]:
        found = describe()
        if {found[member] for member in members} & set(statuses):
            return found
        assert found[members[0]] not in ENDS, found.get("FailureReason", found[members[0]])
        return {}

    return waiting.until(look, describe)


class Jobs:
    """Training jobs over one bucket, whose objects below `in/` are the channel `train`."""

    def __init__(self, platform: Platform, bucket: str) -> None:
        self.platform, self.bucket = platform, bucket
        self.s3, self.sagemaker = platform.client("s3"), platform.client("sagemaker")
        self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        rows = "\n".join(f"{number % 2},{number % 7},{number % 2 * 3 + number % 5}" for number in range(200))
        self.s3.put_object(Bucket=bucket, Key="in/train.csv", Body=rows.encode())

    def script(self, text: str) -> dict[str, str]:
        """The hyperparameters that run it."""
        key = f"code/{time.monotonic_ns()}/sourcedir.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=packed({"train.py": text}))
        return {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{self.bucket}/{key}"}

    def request(self, name: str, hyperparameters: dict[str, str], **changed: Any) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/in/"}
        request: dict[str, Any] = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": hyperparameters,
            "RoleArn": role(self.platform),
            "InputDataConfig": [
                {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        }
        return {**request, **changed}

    def create(self, name: str, hyperparameters: dict[str, str], **changed: Any) -> str:
        arn: str = self.sagemaker.create_training_job(**self.request(name, hyperparameters, **changed))[
            "TrainingJobArn"
        ]
        return arn

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return found

    def until(self, name: str, *statuses: str) -> dict[str, Any]:
        """Describe, once TrainingJobStatus or SecondaryStatus is one of these."""
        return until(lambda: self.describe(name), ("TrainingJobStatus", "SecondaryStatus"), statuses)

    def run(self, name: str, hyperparameters: dict[str, str], **changed: Any) -> dict[str, Any]:
        self.create(name, hyperparameters, **changed)
        return self.until(name, *ENDS)

    def model(self, name: str) -> dict[str, bytes]:
        """The files of its model.tar.gz."""
        body = self.s3.get_object(Bucket=self.bucket, Key=f"out/{name}/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
            return {path: file.read() for path, file in files if file is not None}
