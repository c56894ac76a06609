"""Endpoint configurations: which variants an endpoint is to have, and what is refused of them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

import sqlite3
from typing import Any

from clary.errors import Invalid, NotImplementedHere
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation
from clary.services.sagemaker import job_event
from clary.services.sagemaker.model import containers
from clary.services.sagemaker.state import SageMaker

NOUN = "EndpointConfig"
DETAIL = "SageMaker Endpoint Config State Change"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
SIZES = (1024, 2048, 3072, 4096, 5120, 6144)
# https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html#serverless-endpoints-how-it-works-exclusions
NOT_SERVERLESS = ("DataCaptureConfig", "AsyncInferenceConfig", "ShadowProductionVariants", "VpcConfig")


@operation("CreateEndpointConfig")
def create(call: Call[SageMaker], request: Document) -> Document:
    production, shadows = request["ProductionVariants"], request.get("ShadowProductionVariants") or []
    variants = [*production, *shadows]
    names = [variant["VariantName"] for variant in variants]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"Variant names must be unique within an endpoint configuration: {', '.join(twice)}")
    # https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html
    if shadows and (len(production) > 1 or len(shadows) > 1):
        raise Invalid("With ShadowProductionVariants, there may be one production variant and one shadow variant only.")
    for variant in variants:
        _variant(variant, request)
    if any(variant.get("ServerlessConfig") for variant in variants):
        _serverless(variants, request)

    def hook(call: Call[Nouns], connection: sqlite3.Connection, _document: Document) -> None:
        for variant in variants:
            if name := variant.get("ModelName"):
                row = crud.get(call.state.plans["Model"], call, connection, {"ModelName": name})
                _model(variant, crud.loaded(row))

    plan = call.state.plans[NOUN]
    answer = crud.create(plan, call, request, hook)
    job_event.tell(call.platform, plan, DETAIL, answer["EndpointConfigArn"])
    return answer


def _variant(variant: dict[str, Any], request: Document) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html"""
    name = variant["VariantName"]
    if not variant.get("ModelName") and not request.get("ExecutionRoleArn"):
        raise Invalid(f"Variant {name}: without a ModelName, the endpoint configuration must have an ExecutionRoleArn.")
    if variant.get("ManagedInstanceScaling"):
        # https://github.com/hashicorp/terraform-provider-aws/pull/45926
        raise Invalid("ManagedInstanceScaling is only supported for inference component endpoints.")
    if variant.get("InstancePools"):
        raise NotImplementedHere("CreateEndpointConfig: Clary does not have InstancePools.")
    if serverless := variant.get("ServerlessConfig"):
        if variant.get("InstanceType") or variant.get("InitialInstanceCount"):
            raise Invalid(f"Variant {name}: a ServerlessConfig excludes InstanceType and InitialInstanceCount.")
        if serverless["MemorySizeInMB"] not in SIZES:
            sizes = ", ".join(map(str, SIZES))
            raise Invalid(f"Variant {name}: MemorySizeInMB {serverless['MemorySizeInMB']} is none of {sizes}.")
        if serverless.get("ProvisionedConcurrency", 0) > serverless["MaxConcurrency"]:
            raise Invalid(f"Variant {name}: ProvisionedConcurrency must not be greater than MaxConcurrency.")
    elif not variant.get("InstanceType"):
        raise Invalid(f"Variant {name}: an InstanceType or a ServerlessConfig is required.")
    elif not variant.get("InitialInstanceCount"):
        raise Invalid(f"Variant {name}: InitialInstanceCount is required.")
    variant.setdefault("InitialVariantWeight", 1.0)


def _serverless(variants: list[Document], request: Document) -> None:
    if len(variants) > 1:
        raise Invalid("An endpoint configuration with a serverless variant can have no other variant.")
    capture = request.get("DataCaptureConfig")
    given = {**request, "DataCaptureConfig": capture if capture and capture.get("EnableCapture", True) else None}
    if found := [member for member in NOT_SERVERLESS if given.get(member)]:
        raise Invalid(f"{found[0]} is not supported for serverless variants.")


def _model(variant: Document, model: Document) -> None:
    """Whether the variant can serve this model."""
    if not variant.get("ServerlessConfig"):
        return
    found = containers(model)
    if len(found) > 1:
        raise Invalid("Inference pipelines are not supported for serverless variants.")
    if found[0].get("Mode") == "MultiModel":
        raise Invalid("Multi-model endpoints are not supported for serverless variants.")
    if model.get("EnableNetworkIsolation") or model.get("VpcConfig"):
        raise Invalid("Network isolation and VPC configurations are not supported for serverless variants.")


@operation("DeleteEndpointConfig")
def delete(call: Call[SageMaker], request: Document) -> Document:
    """Endpoints that were made of it go on: they have all that they take from it.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html
    """
    return job_event.delete(call.state.plans[NOUN], call, request, DETAIL)
