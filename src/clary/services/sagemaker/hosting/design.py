"""What an endpoint configuration asks for, worked out once, when an endpoint begins to use it: a spec for each variant.

A spec has all that a replica takes, so that models and configurations may go while an endpoint goes on:
{"name", "model", "role", "mode", "shadow", "instance", "serverless", "volume", "isolated", "startup", "containers":
[{"hostname", "image", "own", "data": {"uri", "kind", "compression"} or None, "environment", "multi"}]}

`own` is what a user pushed under the name of the image, by digest; empty for a built-in one.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from clary.errors import Invalid
from clary.images.pull import Images
from clary.services.sagemaker.hosting.state import Variant
from clary.services.sagemaker.model import containers, source

Document = dict[str, Any]
Own = Mapping[tuple[str, str], str]  # of a role and an image
# Seconds for the first good answer to /ping:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
STARTUP = 480
SETTINGS = ("DataCaptureConfig", "AsyncInferenceConfig", "ExplainerConfig")


def settings(config: Document) -> Document:
    """What of a configuration is for all of its variants."""
    return {member: config[member] for member in SETTINGS if config.get(member)}


def variants(config: Document, models: dict[str, Document], own: Own) -> list[Variant]:
    """`models` are the documents of the models that the configuration names."""
    production = [_variant(variant, models, "", own) for variant in config["ProductionVariants"]]
    shadowed = production[0].name
    return production + [_variant(one, models, shadowed, own) for one in config.get("ShadowProductionVariants", [])]


def pinned(images: Images, models: Iterable[Document], region: str) -> Own:
    """Which images of the models are users' own. It takes the registry's word, so it is not for a transaction."""
    asked = {
        (model["ExecutionRoleArn"], container["Image"])
        for model in models
        if model.get("ExecutionRoleArn")
        for container in containers(model)
    }
    return {(role, image): images.pinned(image, role, region) for role, image in asked}


def _variant(variant: Document, models: dict[str, Document], shadow: str, own: Own) -> Variant:
    name = variant.get("ModelName")
    if name is None:
        raise Invalid(f"Variant {variant['VariantName']} names no model: inference components are not in Clary.")
    model = models[name]
    if not model.get("ExecutionRoleArn"):
        raise Invalid(f'Model "{name}" has no ExecutionRoleArn, so that nobody may fetch its data.')
    found = containers(model)
    serverless = variant.get("ServerlessConfig")
    spec = {
        "name": variant["VariantName"],
        "model": name,
        "role": model["ExecutionRoleArn"],
        "mode": _mode(model, found),
        "shadow": shadow,
        "instance": variant.get("InstanceType", ""),
        "serverless": serverless,
        "volume": variant.get("VolumeSizeInGB", 0),
        "isolated": model.get("EnableNetworkIsolation", False),
        "startup": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP),
        "containers": [
            _container(each, _name(number, found), own.get((model["ExecutionRoleArn"], each["Image"]), ""))
            for number, each in enumerate(found, start=1)
        ],
    }
    count = variant.get("InitialInstanceCount", 1) if serverless is None else max(1, floor(serverless))
    return Variant(spec, count, float(variant.get("InitialVariantWeight", 1.0)))


def floor(serverless: Document) -> int:
    """The replicas that a serverless variant keeps while nobody asks. A replica answers several requests at once, so
    that more of them than cores would only take memory, whatever concurrency is provisioned.
    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html#serverless-endpoints-how-it-works-provisioned-concurrency
    """
    return min(int(serverless.get("ProvisionedConcurrency", 0)), os.cpu_count() or 1)


def _mode(model: Document, found: list[Document]) -> str:
    if any(container.get("Mode") == "MultiModel" for container in found):
        return "Multi"
    if len(found) == 1:
        return "Single"
    return "Direct" if model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct" else "Serial"


def _name(number: int, found: list[Document]) -> str:
    """What AWS's messages call a container that has no hostname of its own: "Received server error (500) from primary
    with message …" (https://github.com/aws/sagemaker-python-sdk/issues/2955).
    """
    return "primary" if len(found) == 1 else f"container-{number}"


def _container(container: Document, name: str, own: str) -> Document:
    return {
        "hostname": container.get("ContainerHostname") or name,
        "named": bool(container.get("ContainerHostname")),
        "image": container["Image"],
        "own": own,
        "data": source(container),
        "environment": container.get("Environment", {}),
        "multi": container.get("Mode") == "MultiModel",
    }
