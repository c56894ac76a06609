"""Raw data to labels: a Glue job, a training job, an endpoint of three containers, a batch transform job. Code for AWS
with boto3.

eval "$(clary env)"
python examples/car_evaluation/run.py            leaves the endpoint there
python examples/car_evaluation/run.py --clean    takes away what it made

On AWS, --mleap FOLDER names one with MLeap's python.zip and mleap_spark_assembly.jar.
"""

import argparse
import functools
import time
from pathlib import Path

import boto3
import steps

ROLE = "AmazonSageMaker-ExecutionRole"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mleap", type=Path)
    parser.add_argument("--role", default=ROLE, help="its name; SageMaker and Glue may assume it")
    parser.add_argument("--clean", action="store_true")
    args = parser.parse_args()

    client = functools.cache(boto3.client)
    bucket = f"{steps.NAME}-{client('sts').get_caller_identity()['Account']}"
    if args.clean:
        print(", ".join(steps.clean(client, bucket)))
        return
    role = client("iam").get_role(RoleName=args.role)["Role"]["Arn"]
    version = f"{steps.NAME}-{time.strftime('%Y%m%d-%H%M%S')}"

    print(f"s3://{bucket}")
    steps.upload(client, bucket, client("s3").meta.region_name, args.mleap)
    run = steps.preprocess(client, bucket, role, said("Glue"), args.mleap)
    check(run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage"))
    job = steps.train(client, bucket, role, version, said("Training"))
    check(job["TrainingJobStatus"] == "Completed", job.get("FailureReason"))
    steps.model(client, bucket, role, version, job["ModelArtifacts"]["S3ModelArtifacts"])
    endpoint = steps.deploy(client, version, said("Endpoint"))
    check(endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason"))

    for *car, worth in steps.raw()[::288]:
        print(f"{','.join(car):36} {steps.ask(client, car):8} {worth}")
    labels = steps.transform(client, bucket, version, said("Transform"))
    right = sum(label == worth for label, (*_, worth) in zip(labels, steps.raw(), strict=True))
    print(f"Accuracy:   {right / len(labels):.1%} of {len(labels):,} cars")


def said(what: str) -> steps.Say:
    """A line for each new status."""
    began, known = time.monotonic(), [""]

    def say(status: str) -> None:
        if status != known[-1]:
            print(f"{what + ':':11} {status:12} {time.monotonic() - began:5.1f} s", flush=True)
            known.append(status)

    return say


def check(good: bool, reason: str | None) -> None:
    if not good:
        raise SystemExit(f"It failed: {reason}")


if __name__ == "__main__":
    main()
