"""What the tests of transform jobs share: a model that was trained, and jobs to their ends."""

from typing import Any

import waiting
from conftest import Platform
from endpoints import Endpoints
from sagemaker_inputs import fresh
from training_jobs import packed, until

# Its server imports nothing but the script, where xgboost's takes a second to import for each of its processes.
LIGHT = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
# For a script that goes on once there is an object in the job's bucket.
HOLD = """
import boto3, time

def hold(key):
    while True:
        try:
            if boto3.client("s3").list_objects_v2(Bucket="BUCKET", Prefix=key)["KeyCount"]:
                return
        except Exception:  # Clary is away
            time.sleep(0.5)
        time.sleep(0.1)
"""


class Transforms:
    """Jobs over one bucket; each call of `run` has a prefix of its own, for its input and its output."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.models = Endpoints(platform)
        self.sagemaker, self.s3, self.bucket = self.models.sagemaker, self.models.jobs.s3, self.models.bucket
        self.model = self.models.model()

    def script(self, text: str, **container: Any) -> str:
        """A model that is a user's inference.py, in which BUCKET stands for the bucket."""
        text = text.replace("BUCKET", self.bucket)
        key = f"models/{fresh('script')}/model.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=packed({"code/inference.py": text}))
        program = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        given = {"Image": LIGHT, "ModelDataUrl": f"s3://{self.bucket}/{key}", "Environment": program, **container}
        return self.models.model(**given)

    def put(self, prefix: str, files: dict[str, bytes]) -> None:
        for path, body in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"{prefix}/{path}", Body=body)

    def request(self, prefix: str, **changed: Any) -> dict[str, Any]:
        """`source`, `result` and `resources` change members of TransformInput, TransformOutput, TransformResources."""
        where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{prefix}/"}
        usual = {"DataSource": {"S3DataSource": where}, "ContentType": "text/csv", "SplitType": "Line"}
        written = {"S3OutputPath": f"s3://{self.bucket}/out-{prefix}", "AssembleWith": "Line"}
        return {
            "TransformJobName": prefix,
            "ModelName": self.model,
            "TransformInput": {**usual, **changed.pop("source", {})},
            "TransformOutput": {**written, **changed.pop("result", {})},
            "TransformResources": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                **changed.pop("resources", {}),
            },
            **changed,
        }

    def start(self, files: dict[str, bytes], **changed: Any) -> str:
        """The name of the job, which is the prefix too."""
        prefix = fresh("batch")
        self.put(prefix, files)
        self.sagemaker.create_transform_job(**self.request(prefix, **changed))
        return prefix

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_transform_job(TransformJobName=name)
        return found

    def until(self, name: str, *statuses: str) -> dict[str, Any]:
        return until(lambda: self.describe(name), ("TransformJobStatus",), statuses)

    def until_it_works(self, *names: str) -> None:
        """Until an agent of each job has said what it goes by."""
        waiting.until(
            lambda: all(self.log(name).get("data-log") for name in names),
            lambda: [self.describe(name) for name in names],
        )

    def run(self, files: dict[str, bytes], **changed: Any) -> dict[str, bytes]:
        """What a job makes of the files, by their paths."""
        name = self.start(files, **changed)
        self.until(name, "Completed")
        return self.output(name)

    def fail(self, files: dict[str, bytes], **changed: Any) -> tuple[str, str]:
        """The job's name, and its FailureReason."""
        name = self.start(files, **changed)
        return name, self.until(name, "Failed")["FailureReason"]

    def output(self, name: str) -> dict[str, bytes]:
        return {
            path: self.s3.get_object(Bucket=self.bucket, Key=f"out-{name}/{path}")["Body"].read()
            for path in self.outputs(name)
        }

    def outputs(self, name: str) -> list[str]:
        """The paths alone."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"out-{name}/").get("Contents", [])
        return [one["Key"].partition("/")[2] for one in listed]

    def log(self, name: str) -> dict[str, list[str]]:
        """Lines by stream; the job's name and the instance's id are left out of a stream's."""
        logs = self.platform.client("logs")
        group = "/aws/sagemaker/TransformJobs"
        found: dict[str, list[str]] = {}
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return found
        for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]:
            place = stream["logStreamName"]
            events = logs.get_log_events(logGroupName=group, logStreamName=place, startFromHead=True)["events"]
            found.setdefault("/".join(place.split("/")[2:]), []).extend(event["message"] for event in events)
        return found
