"""From data to predictions in a few seconds, without Spark: data in S3, a training job, a model, an endpoint."""

import os
import time
from collections.abc import Iterator
from typing import Any

from clary.demo import endpoint, training
from clary.demo.cars import CLASSES, Car, split
from clary.demo.example import steps

NAME = endpoint.NAME
ROLE = "AmazonSageMaker-ExecutionRole"
SHOWN = 6  # cars beside their truths
GOOD = 0.9  # of the predictions right


def carry_out(client: training.Client, account: str) -> str:
    """A row that the endpoint takes. Raises SystemExit."""
    held_out = learn(client, f"{NAME}-{account}", client("s3").meta.region_name)
    right = judge(client, held_out)
    if right < len(held_out) * GOOD:
        raise SystemExit("The model is worse than it should be")
    return held_out[0].features


def learn(client: training.Client, bucket: str, region: str) -> list[Car]:
    """Uploads, trains and deploys; returns the cars that the model has not seen. Raises SystemExit."""
    train, validation, held_out = split()
    upload(client("s3"), bucket, region, {"train": train, "validation": validation})
    print(f"Uploaded:    {len(train)} cars to train on, {len(validation)} to validate with, to s3://{bucket}/data")
    role = client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
    version = f"{endpoint.NAME}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    where = f"s3://{bucket}/data", f"s3://{bucket}/models"
    job = training.train(client, version, *where, role, len(CLASSES))
    _check(job["TrainingJobStatus"] == "Completed", job)
    took = (job["TrainingEndTime"] - job["CreationTime"]).total_seconds()
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    print(f"Trained:     in {took:.1f} s: {model}")
    asked = time.monotonic()
    described = endpoint.deploy(client, version, model, role)
    _check(described["EndpointStatus"] == "InService", described)
    print(f"Deployed:    endpoint {endpoint.NAME} is InService after {time.monotonic() - asked:.1f} s")
    return held_out


def upload(s3: Any, bucket: str, region: str, parts: dict[str, list[Car]]) -> None:
    if bucket not in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **place)
    for name, cars in parts.items():
        s3.put_object(Bucket=bucket, Key=f"data/{name}/cars.csv", Body="".join(car.labelled() for car in cars))


def judge(client: training.Client, cars: list[Car]) -> int:
    """Prints predictions beside truths; returns how many were right."""
    found = endpoint.ask(client, cars)
    right = sum(predicted == car.label for predicted, car in zip(found, cars, strict=True))
    head = ("buying", "maint", "doors", "persons", "boot", "safety", "predicted", "truth")
    print("\n" + "".join(f"{word:<11}" for word in head).rstrip())
    for predicted, car in list(zip(found, cars, strict=True))[:SHOWN]:
        mark = "" if predicted == car.label else "  wrong"
        print("".join(f"{word:<11}" for word in (*car.words, CLASSES[predicted])) + CLASSES[car.label] + mark)
    print(f"\nAccuracy:    {right / len(cars):.1%} of {len(cars)} cars that the model had not seen")
    return right


def whereabouts(client: training.Client) -> None:
    print(f"Logs:        {endpoint.GROUP}, {', '.join(endpoint.streams(client))}; {training.GROUP}")
    dimensions = f"EndpointName={NAME}, VariantName={endpoint.VARIANT}"
    print(f"Metrics:     CloudWatch, AWS/SageMaker: Invocations, ModelLatency, … of {dimensions}")


def clean(client: training.Client, account: str) -> Iterator[str]:
    """Takes away what was made; says each."""
    yield from steps.clean(client, f"{NAME}-{account}", NAME)


def _check(good: bool, described: dict[str, Any]) -> None:
    if not good:
        raise SystemExit(f"It failed: {described.get('FailureReason', 'no reason is given')}")
