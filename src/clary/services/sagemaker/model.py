"""Models and endpoint configurations: what is checked when one is made. Serving them is another matter."""

import sqlite3
from typing import Any

from clary.errors import Invalid
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation

Containers = list[Document]


def containers(document: Document) -> Containers:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html: one, or up to 15 in a row."""
    primary, several = document.get("PrimaryContainer"), document.get("Containers")
    if primary and several:
        raise Invalid("Only one of PrimaryContainer and Containers may be specified.")
    if not primary and not several:
        raise Invalid("One of PrimaryContainer and Containers must be specified.")
    return several or [primary or {}]


def _checked(document: Document) -> Containers:
    found = containers(document)
    for container in found:
        if not container.get("Image") and not container.get("ModelPackageName"):
            raise Invalid("Each container must have an Image or a ModelPackageName.")
        if len(found) > 1 and container.get("Mode") == "MultiModel":
            raise Invalid("More than one container in MultiModel mode is not supported with inference pipeline.")
        container.setdefault("Mode", "SingleModel")
    names = [name for container in found if (name := container.get("ContainerHostname"))]
    if len(set(names)) < len(names):
        raise Invalid("The ContainerHostname of each container must be unique in the model.")
    direct = document.get("InferenceExecutionConfig", {}).get("Mode") == "Direct"
    if direct and len(names) < len(found):
        raise Invalid("Each container must have a ContainerHostname when the inference execution mode is Direct.")
    return found


@operation("CreateModel")
def create_model(call: Call[Nouns], request: Document) -> Document:
    found = _checked(request)

    def hook(call: Call[Nouns], connection: sqlite3.Connection, _document: Document) -> None:
        for container in found:
            if package := container.get("ModelPackageName"):
                crud.get(call.state.plans["ModelPackage"], call, connection, {"ModelPackageName": package})

    return crud.create(call.state.plans["Model"], call, request, hook)


@operation("CreateEndpointConfig")
def create_endpoint_config(call: Call[Nouns], request: Document) -> Document:
    production = request["ProductionVariants"]
    variants = [*production, *request.get("ShadowProductionVariants", [])]
    names = [variant["VariantName"] for variant in variants]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"Variant names must be unique within an endpoint configuration: {', '.join(twice)}")
    for variant in variants:
        _variant(variant, request)

    def hook(call: Call[Nouns], connection: sqlite3.Connection, _document: Document) -> None:
        for variant in variants:
            if name := variant.get("ModelName"):
                crud.get(call.state.plans["Model"], call, connection, {"ModelName": name})

    return crud.create(call.state.plans["EndpointConfig"], call, request, hook)


def _variant(variant: dict[str, Any], request: Document) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html"""
    name = variant["VariantName"]
    if not variant.get("ModelName") and not request.get("ExecutionRoleArn"):
        raise Invalid(f"Variant {name}: without a ModelName, the endpoint configuration must have an ExecutionRoleArn.")
    if variant.get("ServerlessConfig"):
        if variant.get("InstanceType") or variant.get("InitialInstanceCount"):
            raise Invalid(f"Variant {name}: a ServerlessConfig excludes InstanceType and InitialInstanceCount.")
    elif not variant.get("InstanceType") and not variant.get("InstancePools"):
        raise Invalid(f"Variant {name}: an InstanceType or a ServerlessConfig is required.")
    elif not variant.get("InitialInstanceCount"):
        raise Invalid(f"Variant {name}: InitialInstanceCount is required.")
    variant.setdefault("InitialVariantWeight", 1.0)
