"""An endpoint for a model that was trained: made or led to the new model, and asked."""

import time
from typing import Any

from clary.demo.cars import Car
from clary.demo.training import XGBOOST, Client

NAME = "car-demo"
GROUP = f"/aws/sagemaker/Endpoints/{NAME}"
VARIANT = "all"
MOVING = ("Creating", "Updating")
PATIENCE = 60.0  # seconds for the log's first line


def deploy(client: Client, version: str, model: str, role: str) -> dict[str, Any]:
    """The endpoint's description when it has come to rest. One that serves already goes over to the new model."""
    sagemaker = client("sagemaker")
    container = {"Image": XGBOOST, "ModelDataUrl": model}
    sagemaker.create_model(ModelName=version, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": VARIANT, "ModelName": version, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=version, ProductionVariants=[variant])
    known = sagemaker.list_endpoints(NameContains=NAME)["Endpoints"]
    there = any(one["EndpointName"] == NAME for one in known)
    act = sagemaker.update_endpoint if there else sagemaker.create_endpoint
    act(EndpointName=NAME, EndpointConfigName=version)
    while True:
        described: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=NAME)
        if described["EndpointStatus"] not in MOVING:
            return described
        time.sleep(0.05)


def ask(client: Client, cars: list[Car]) -> list[int]:
    """What the model takes each for, by one request."""
    body = "\n".join(car.features for car in cars)
    answer = client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=body)
    return [int(float(value)) for value in answer["Body"].read().decode().replace(",", "\n").split()]


def streams(client: Client, group: str = GROUP) -> list[str]:
    """An endpoint's log streams. A log comes a little after what it tells of: it is waited for, but not for ever."""
    logs, deadline = client("logs"), time.monotonic() + PATIENCE
    while True:
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if any(one["logGroupName"] == group for one in groups):
            found = logs.describe_log_streams(logGroupName=group)["logStreams"]
            if found:
                return [stream["logStreamName"] for stream in found]
        if time.monotonic() > deadline:
            return []
        time.sleep(0.1)
