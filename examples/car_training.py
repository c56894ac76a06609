"""A built-in XGBoost training job on UCI's Car Evaluation data, as code for AWS: nothing here knows of Clary.

eval "$(clary env)"
python examples/car_training.py

The data: Bohanec, M. (1988), Car Evaluation, UCI Machine Learning Repository, https://doi.org/10.24432/C5JP48, licensed
under CC BY 4.0 (examples/data/README.md).
"""

import os
import random
import re
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

DATA = Path(__file__).with_name("data") / "car.data"
CLASSES = ("unacc", "acc", "good", "vgood")
XGBOOST = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
ROUNDS = 10
HYPERPARAMETERS = {
    "objective": "multi:softmax",
    "num_class": str(len(CLASSES)),
    "eval_metric": "mlogloss",
    "num_round": str(ROUNDS),
    "early_stopping_rounds": "5",
}
METRIC = re.compile(r"\[(\d+)\]\s*(?:#011)?train-mlogloss:([\d.]+)\s*(?:#011)?validation-mlogloss:([\d.]+)")
GROUP = "/aws/sagemaker/TrainingJobs"
SHOWN = 20  # characters of the progress bar


def main() -> None:
    who = boto3.client("sts").get_caller_identity()
    s3 = boto3.client("s3")
    bucket = f"car-{who['Account']}-{os.getpid()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    try:
        train, validation = one_hot(DATA.read_text().split())
        for channel, rows in (("train", train), ("validation", validation)):
            s3.put_object(Bucket=bucket, Key=f"car/{channel}/rows.csv", Body="".join(f"{row}\n" for row in rows))
        print(f"Uploaded:   {len(train)} rows to train on, {len(validation)} to validate, to s3://{bucket}/car")
        described = run(bucket)
        print(f"Ended:      {described['TrainingJobStatus']} {described.get('FailureReason', '')}")
        for step in described["SecondaryStatusTransitions"]:
            took = (step["EndTime"] - step["StartTime"]).total_seconds() if "EndTime" in step else 0.0
            print(f"            {step['Status']:<12} {took:6.2f} s  {step.get('StatusMessage', '')}")
        if described["TrainingJobStatus"] != "Completed":
            raise SystemExit(1)
        show(s3, described)
    finally:
        for listed in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=listed["Key"])
        s3.delete_bucket(Bucket=bucket)


def one_hot(lines: list[str]) -> tuple[list[str], list[str]]:
    """CSV rows as the built-in algorithm wants them, label first and no header: four fifths, and the rest."""
    cars = [line.split(",") for line in lines]
    values = [sorted({car[column] for car in cars}) for column in range(6)]
    rows = []
    for car in cars:
        flags = [int(car[column] == value) for column in range(6) for value in values[column]]
        rows.append(",".join(map(str, [CLASSES.index(car[6]), *flags])))
    random.Random(0).shuffle(rows)  # noqa: S311 - a split, not a secret
    return rows[: len(rows) * 4 // 5], rows[len(rows) * 4 // 5 :]


def run(bucket: str) -> dict[str, Any]:
    """Starts the job, shows its metrics as they come, and returns how it ended."""
    sagemaker = boto3.client("sagemaker")
    role = boto3.client("iam").get_role(RoleName="AmazonSageMaker-ExecutionRole")["Role"]["Arn"]
    name = f"car-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters=HYPERPARAMETERS,
        InputDataConfig=[channel(bucket, "train"), channel(bucket, "validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    print(f"Started:    training job {name}")
    follower = Follower(name)
    while True:
        described: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        follower.show(described["SecondaryStatus"])
        if described["TrainingJobStatus"] not in {"InProgress", "Stopping"}:
            follower.show(described["SecondaryStatus"])
            print()
            return described
        time.sleep(0.1)


def channel(bucket: str, name: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{bucket}/car/{name}",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


class Follower:
    """Reads the job's log and draws the bar: one line on a terminal, one a round elsewhere."""

    def __init__(self, job: str) -> None:
        self._logs = boto3.client("logs")
        self._job = job
        self._stream = ""
        self._token: str | None = None
        self._status = ""

    def show(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._draw(f"Now:        {status}")
        for message in self._messages():
            if found := METRIC.search(message):
                done = int(found[1]) + 1
                bar = "█" * (SHOWN * done // ROUNDS)
                metrics = f"train {float(found[2]):.4f}  validation {float(found[3]):.4f}"
                self._draw(f"Round {done:>2}/{ROUNDS} {bar:░<{SHOWN}} mlogloss: {metrics}")
            elif not sys.stdout.isatty() and "Building" in message:
                print(message)

    def _messages(self) -> list[str]:
        if not self._stream:
            try:
                found = self._logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{self._job}/")
            except self._logs.exceptions.ResourceNotFoundException:
                return []  # no job has said anything yet
            self._stream = next((stream["logStreamName"] for stream in found["logStreams"]), "")
        if not self._stream:
            return []
        after = {"nextToken": self._token} if self._token else {}
        page = self._logs.get_log_events(logGroupName=GROUP, logStreamName=self._stream, startFromHead=True, **after)
        self._token = page["nextForwardToken"]
        return [event["message"] for event in page["events"]]

    def _draw(self, text: str) -> None:
        if sys.stdout.isatty():
            print(f"\r\033[K{text}", end="", flush=True)
        else:
            print(text, flush=True)


def show(s3: Any, described: dict[str, Any]) -> None:
    for metric in described.get("FinalMetricDataList", []):
        print(f"Metric:     {metric['MetricName']} {metric['Value']:.5f}")
    uri = described["ModelArtifacts"]["S3ModelArtifacts"]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.tar.gz")
        s3.download_file(bucket, key, str(file))
        with tarfile.open(file) as archive:
            names = ", ".join(f"{member.name} ({member.size} bytes)" for member in archive if member.isfile())
    print(f"Model:      {uri} has {names}")


if __name__ == "__main__":
    main()
