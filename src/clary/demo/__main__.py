"""The main job: data in S3, a training job, a model, an endpoint, predictions.

eval "$(clary env)"
python -m clary.demo             leaves the endpoint there, and says how to call it
python -m clary.demo --clean     takes away what it made
"""

import os
import sys
import time
from typing import Any

from botocore.session import get_session

from clary.demo import endpoint, training
from clary.demo.cars import CLASSES, Car, split

ROLE = "AmazonSageMaker-ExecutionRole"
SHOWN = 6  # cars beside their truths
GOOD = 0.9  # of the predictions right
CURL = """\
curl --aws-sigv4 aws:amz:{region}:sagemaker --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
     -H "x-amz-security-token: $AWS_SESSION_TOKEN" -H 'content-type: text/csv' \\
     --data '{row}' \\
     "$AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME/endpoints/{name}/invocations"\
"""
BOTO3 = """\
boto3.client("sagemaker-runtime").invoke_endpoint(
    EndpointName="{name}", ContentType="text/csv", Body="{row}"
)["Body"].read()\
"""


def main() -> None:
    client = _clients()
    region = client("s3").meta.region_name
    bucket = f"{endpoint.NAME}-{client('sts').get_caller_identity()['Account']}"
    if "--clean" in sys.argv[1:]:
        clean(client, bucket)
        return
    began = time.monotonic()
    held_out = learn(client, bucket, region)
    right = judge(client, held_out)
    print(f"Took:        {time.monotonic() - began:.1f} s from data to predictions")
    whereabouts(client, held_out[0], region)
    if right < len(held_out) * GOOD:
        raise SystemExit("The model is worse than it should be")


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


def whereabouts(client: training.Client, car: Car, region: str) -> None:
    print(f"Logs:        {endpoint.GROUP}, {', '.join(endpoint.streams(client))}; {training.GROUP}")
    dimensions = f"EndpointName={endpoint.NAME}, VariantName={endpoint.VARIANT}"
    print(f"Metrics:     CloudWatch, AWS/SageMaker: Invocations, ModelLatency, … of {dimensions}")
    told = {"region": region, "row": car.features, "name": endpoint.NAME}
    print(f"\nThe endpoint goes on serving. With curl or boto3:\n\n{CURL.format(**told)}\n\n{BOTO3.format(**told)}")


def clean(client: training.Client, bucket: str) -> None:
    gone = list(endpoint.remove(client))
    s3 = client("s3")
    if bucket in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for listed in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=listed["Key"])
        s3.delete_bucket(Bucket=bucket)
        gone.append(f"bucket {bucket}")
    print(f"Cleaned up:  {', '.join(gone) or 'there was nothing'}")


def _clients() -> training.Client:
    session = get_session()
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        return made.get(service) or made.setdefault(service, session.create_client(service))

    return client


def _check(good: bool, described: dict[str, Any]) -> None:
    if not good:
        raise SystemExit(f"It failed: {described.get('FailureReason', 'no reason is given')}")


if __name__ == "__main__":
    main()
