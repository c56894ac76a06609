"""What the tests of processing jobs share: a bucket with data and scripts, and jobs to their ends."""

from typing import Any

from conftest import Platform
from sagemaker_inputs import fresh, role
from training_jobs import ENDS, until

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CODE = "/opt/ml/processing/input/code"
GROUP = "/aws/sagemaker/ProcessingJobs"


class Processing:
    """Jobs over one bucket; each has a prefix of its own, which is its name, for its input and its output."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.bucket = platform, fresh("processing")
        self.s3, self.sagemaker = platform.client("s3"), platform.client("sagemaker")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})

    def put(self, prefix: str, files: dict[str, bytes]) -> None:
        for path, body in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"{prefix}/{path}", Body=body)

    def input(self, name: str, uri: str, **changed: Any) -> dict[str, Any]:
        told = {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            **changed,
        }
        return {"InputName": name, "S3Input": told}

    def output(self, name: str, prefix: str, mode: str = "EndOfJob") -> dict[str, Any]:
        told = {
            "S3Uri": f"s3://{self.bucket}/{prefix}",
            "LocalPath": f"/opt/ml/processing/output/{name}",
            "S3UploadMode": mode,
        }
        return {"OutputName": name, "S3Output": told}

    def request(self, name: str, script: str, **changed: Any) -> dict[str, Any]:
        """`cluster` and `application` change members of ClusterConfig and AppSpecification; `inputs` come beside the
        code.
        """
        self.put(name, {"code/script.py": script.encode()})
        cluster = {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        application: dict[str, Any] = {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", f"{CODE}/script.py"]}
        application |= changed.pop("application", {})
        code = self.input("code", f"s3://{self.bucket}/{name}/code/")
        return {
            "ProcessingJobName": name,
            "ProcessingInputs": [code, *changed.pop("inputs", [])],
            "ProcessingOutputConfig": {"Outputs": [self.output("result", f"{name}/out")]},
            "ProcessingResources": {"ClusterConfig": {**cluster, **changed.pop("cluster", {})}},
            "AppSpecification": {name: value for name, value in application.items() if value is not None},
            "RoleArn": role(self.platform),
            **changed,
        }

    def start(self, script: str, name: str = "", **changed: Any) -> str:
        name = name or fresh("job")
        self.sagemaker.create_processing_job(**self.request(name, script, **changed))
        return name

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        return found

    def until(self, name: str, *statuses: str) -> dict[str, Any]:
        return until(lambda: self.describe(name), ("ProcessingJobStatus",), statuses)

    def run(self, script: str, **changed: Any) -> dict[str, bytes]:
        """What the job leaves in its output `result`, by paths."""
        name = self.start(script, **changed)
        self.until(name, "Completed")
        return self.left(f"{name}/out")

    def end(self, script: str, **changed: Any) -> dict[str, Any]:
        """Describe, of a job that has ended."""
        return self.until(self.start(script, **changed), *ENDS)

    def left(self, prefix: str) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{prefix}/").get("Contents", [])
        keys = [each["Key"] for each in listed]
        return {key[len(prefix) + 1 :]: self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def log(self, name: str) -> list[str]:
        """Of all instances, in the order of their streams."""
        logs = self.platform.client("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
            return []
        streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]
