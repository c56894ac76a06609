"""From raw data to labels, as examples/car_evaluation does it, with what it is doing said."""

import functools
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from clary.demo import endpoint
from clary.demo.example import steps
from clary.demo.training import Client

NAME = "car-evaluation"
ROLE = "AmazonSageMaker-ExecutionRole"
ASKED, SHOWN = 48, 2  # cars that the endpoint is asked for, and how many of each class beside their truths
GOOD = 0.9  # of the labels right
CLEAR = "\r\033[K"
EVERY = 1.0  # seconds between looks at the log
PULL = ("Waiting for the pull", "Pulling", "Downloading", "Prepared", "Installed", "Pulled")
GROUPS = ("/aws-glue/jobs/output", "/aws-glue/jobs/error", "/aws/sagemaker/TrainingJobs")


def carry_out(client: Client, account: str) -> str:
    """A row that the endpoint takes. Raises SystemExit."""
    bucket = f"{NAME}-{account}"
    role = client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
    version = f"{NAME}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    cars = steps.raw()
    steps.upload(client, bucket, client("s3").meta.region_name)
    print(f"Uploaded:    {len(cars):,} cars as they were written down, and a Spark script, to s3://{bucket}")

    run, took = _timed(lambda: steps.preprocess(client, bucket, role, _Pulled(client)))
    _check(run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage"))
    _tell(f"Features:    in {took:.1f} s by Spark, a Glue job; what it fitted is kept as MLeap bundles")
    job, took = _timed(lambda: steps.train(client, bucket, role, version, _Said("Training")))
    _check(job["TrainingJobStatus"] == "Completed", job.get("FailureReason"))
    _tell(f"Trained:     in {took:.1f} s by XGBoost: {job['ModelArtifacts']['S3ModelArtifacts']}")
    steps.model(client, bucket, role, version, job["ModelArtifacts"]["S3ModelArtifacts"])
    made, took = _timed(lambda: steps.deploy(client, version, _Said("Endpoint")))
    _check(made["EndpointStatus"] == "InService", made.get("FailureReason"))
    _tell(f"Deployed:    endpoint {NAME} is InService after {took:.1f} s: SparkML, XGBoost, SparkML in a row")

    some = random.Random(0).sample(cars, ASKED)  # noqa: S311 - a sample, not a secret
    answers = [_timed(functools.partial(steps.ask, client, car[:-1])) for car in some]
    _table([(car, label) for car, (label, _) in zip(some, answers, strict=True)])
    median = statistics.median(took for _, took in answers) * 1000
    print(f"\nAsked:       {len(some)} cars one by one, {median:.1f} ms each (median)")
    labels, took = _timed(lambda: steps.transform(client, bucket, version, _Said("Transform")))
    _tell(f"Transformed: all {len(labels):,} cars in {took:.1f} s by a batch transform job of the same model")
    by_job = dict(zip(map(tuple, cars), labels, strict=True))
    _check([by_job[tuple(car)] for car in some] == [label for label, _ in answers], "the two say different labels")
    right = sum(label == car[-1] for label, car in zip(labels, cars, strict=True)) / len(cars)
    print(f"Accuracy:    {right:.1%} of {len(cars):,} cars")
    _check(right > GOOD, "the model is worse than it should be")
    return ",".join(cars[0][:-1])


def whereabouts(client: Client) -> None:
    group = f"/aws/sagemaker/Endpoints/{NAME}"
    print(f"Logs:        {group}, {', '.join(endpoint.streams(client, group))}; {', '.join(GROUPS)}")
    dimensions = f"EndpointName={NAME}, VariantName=all"
    print(f"Metrics:     CloudWatch, AWS/SageMaker: Invocations, ModelLatency, … of {dimensions}")


def clean(client: Client, account: str) -> Iterator[str]:
    """Takes away what was made; says each."""
    yield from steps.clean(client, f"{NAME}-{account}")


class _Said:
    """Each status as it comes, and the seconds: one line that is written anew on a terminal, a line each elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = f"{what}:"
        self._began = time.monotonic()
        self._status = ""

    def __call__(self, status: str) -> None:
        new, self._status = status != self._status, status
        text = f"{self._what:<12} {status} ({time.monotonic() - self._began:.1f} s)"
        if sys.stdout.isatty():
            print(f"{CLEAR}{text}", end="", flush=True)
        elif new:
            print(text, flush=True)


class _Pulled(_Said):
    """Also what the Glue job's log says of Spark's image, which the first job of all waits for."""

    def __init__(self, client: Client) -> None:
        super().__init__("Glue job")
        self._logs = client("logs")
        self._known = {stream["logStreamName"] for stream in self._streams()}
        self._shown = 0
        self._next = 0.0

    def __call__(self, status: str) -> None:
        if time.monotonic() > self._next:
            self._next = time.monotonic() + EVERY
            new = [stream["logStreamName"] for stream in self._streams() if stream["logStreamName"] not in self._known]
            lines = self._lines(new[0]) if new else []
            for line in lines[self._shown :]:
                _tell(f"             {line}")
            self._shown = len(lines)
        super().__call__(status)

    def _streams(self) -> list[Any]:
        try:
            return list(self._logs.describe_log_streams(logGroupName=GROUPS[1])["logStreams"])
        except self._logs.exceptions.ResourceNotFoundException:
            return []  # no job has said anything yet

    def _lines(self, stream: str) -> list[str]:
        told = self._logs.get_log_events(logGroupName=GROUPS[1], logStreamName=stream, startFromHead=True)
        return [event["message"] for event in told["events"] if event["message"].startswith(PULL)]


def _tell(text: str) -> None:
    """A line of its own, in place of the status that stands there."""
    print(f"{CLEAR if sys.stdout.isatty() else ''}{text}", flush=True)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return work(), time.monotonic() - began


def _table(answered: list[tuple[list[str], str]]) -> None:
    """Some of each class."""
    head = ("buying", "maint", "doors", "persons", "boot", "safety", "predicted", "truth")
    print("\n" + "".join(f"{word:<11}" for word in head).rstrip())
    shown: dict[str, int] = {}
    for (*words, worth), label in answered:
        shown[worth] = shown.get(worth, 0) + 1
        if shown[worth] <= SHOWN:
            mark = "" if label == worth else "  wrong"
            print("".join(f"{word:<11}" for word in (*words, label)) + worth + mark)


def _check(good: bool, reason: str | None) -> None:
    if not good:
        raise SystemExit(f"It failed: {reason or 'no reason is given'}")
