"""A training job of the built-in XGBoost, with a bar of its progress."""

import re
import sys
import time
from collections.abc import Callable
from typing import Any

XGBOOST = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
ROUNDS = 20
HYPERPARAMETERS = {"objective": "multi:softmax", "eval_metric": "mlogloss", "num_round": str(ROUNDS)}
METRIC = re.compile(r"\[(\d+)\]\s*(?:#011)?train-mlogloss:([\d.]+)\s*(?:#011)?validation-mlogloss:([\d.]+)")
GROUP = "/aws/sagemaker/TrainingJobs"
SHOWN = 20  # characters of the bar

Client = Callable[[str], Any]


def train(client: Client, name: str, data: str, output: str, role: str, classes: int) -> dict[str, Any]:
    """Starts the job, shows its metrics as they come, and returns its description when it is over."""
    sagemaker = client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters={**HYPERPARAMETERS, "num_class": str(classes)},
        InputDataConfig=[_channel(data, "train"), _channel(data, "validation")],
        OutputDataConfig={"S3OutputPath": output},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    follower = Follower(client("logs"), name)
    while True:
        described: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        follower.show(described["SecondaryStatus"])
        if described["TrainingJobStatus"] not in {"InProgress", "Stopping"}:
            follower.end()
            return described
        time.sleep(0.1)


def _channel(data: str, name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{data}/{name}", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


class Follower:
    """Reads the job's log and draws the bar: one line on a terminal, some lines elsewhere."""

    def __init__(self, logs: Any, job: str) -> None:
        self._logs = logs
        self._job = job
        self._stream = ""
        self._token: str | None = None
        self._status = ""

    def show(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._draw(f"Now:         {status}")
        for message in self._messages():
            if found := METRIC.search(message):
                self._round(int(found[1]) + 1, float(found[2]), float(found[3]))
            elif not sys.stdout.isatty() and "Building" in message:
                print(message)

    def end(self) -> None:
        if sys.stdout.isatty():
            print()

    def _round(self, done: int, train: float, validation: float) -> None:
        bar = "█" * (SHOWN * done // ROUNDS)
        if sys.stdout.isatty() or done % 5 == 0:
            self._draw(
                f"Round {done:>2}/{ROUNDS}: {bar:░<{SHOWN}} mlogloss: train {train:.4f}  validation {validation:.4f}"
            )

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
