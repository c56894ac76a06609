"""What is told of an endpoint: by Describe, and to the bus.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

import re
import sqlite3
from typing import Any

from clary.resource import tags
from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.resource.service import Document
from clary.services.sagemaker.hosting import deployment
from clary.services.sagemaker.hosting.state import SQL, Fleet, State, Variant

DETAIL = "SageMaker Endpoint State Change"


def ready(connection: sqlite3.Connection, one: State) -> dict[str, int]:
    """How many replicas serve, by variant."""
    serving = {fleet.id for fleet in one.fleets if fleet.share}
    rows = connection.execute(SQL["route_ready"], {"arn": one.arn}).fetchall()
    return {row["variant"]: row["ready"] for row in rows if row["fleet"] in serving}


def shown(one: State, ready: dict[str, int]) -> Document:
    """What Describe tells beside the request."""
    found: Document = {"EndpointStatus": one.status}
    if one.reason:
        found["FailureReason"] = one.reason
    serving = next((fleet for fleet in one.fleets if fleet.share), None)
    if serving is not None:
        found |= {"EndpointConfigName": serving.config, **serving.settings}
        every = [(each, _variant(one, serving, each, ready)) for each in serving.variants]
        found["ProductionVariants"] = [told for each, told in every if not each.spec["shadow"]]
        if shadows := [told for each, told in every if each.spec["shadow"]]:
            found["ShadowProductionVariants"] = shadows
        if "DataCaptureConfig" in found:
            found["DataCaptureConfig"] = _capture(found["DataCaptureConfig"])
    if one.last:
        found["LastDeploymentConfig"] = one.last
    newest = one.fleets[-1] if one.fleets else None
    if serving is not None and newest is not None and newest is not serving:
        found["PendingDeploymentSummary"] = _pending(newest, deployment.stage(one))
    return found


def _pending(fleet: Fleet, stage: str) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_PendingDeploymentSummary.html"""
    found: Document = {"EndpointConfigName": fleet.config, "StartTime": fleet.begun}
    for member, is_shadow in (("ProductionVariants", False), ("ShadowProductionVariants", True)):
        variants = [_coming(fleet, each, stage) for each in fleet.variants if bool(each.spec["shadow"]) is is_shadow]
        if variants:
            found[member] = variants
    return found


def _coming(fleet: Fleet, variant: Variant, stage: str) -> Document:
    found: Document = {
        "VariantName": variant.name,
        "DeployedImages": _images(fleet, variant),
        "DesiredWeight": variant.weight,
        "VariantStatus": [{"Status": stage, "StartTime": fleet.begun}],
    }
    if variant.spec["serverless"] is not None:
        return found | {"DesiredServerlessConfig": variant.spec["serverless"]}
    return found | {"InstanceType": variant.spec["instance"], "DesiredInstanceCount": variant.count}


def _variant(one: State, fleet: Fleet, variant: Variant, ready: dict[str, int]) -> Document:
    found: Document = {
        "VariantName": variant.name,
        "DeployedImages": _images(fleet, variant),
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
    }
    serverless = variant.spec["serverless"]
    if serverless is not None:
        return found | {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    current = ready.get(variant.name, 0)
    found |= {"CurrentInstanceCount": current, "DesiredInstanceCount": variant.count}
    if one.status == "Updating" and current != variant.count:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantStatus.html
        more = variant.count - current
        said = f"Launching {more} instance(s)." if more > 0 else f"Terminating {-more} instance(s)."
        found["VariantStatus"] = [{"Status": "Updating", "StatusMessage": said}]
    return found


def _images(fleet: Fleet, variant: Variant) -> list[Document]:
    return [
        {
            "SpecifiedImage": container["image"],
            "ResolvedImage": container.get("own") or container["image"],
            "ResolutionTime": fleet.begun,
        }
        for container in variant.spec["containers"]
    ]


def _capture(config: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfigSummary.html"""
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def event(platform: Platform, described: Document, one: State) -> Event:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"""
    _, _, _, region, account, _ = one.arn.split(":", 5)
    detail: dict[str, Any] = {
        **{member: described[member] for member in ("EndpointName", "EndpointArn", "EndpointConfigName")},
        "ProductionVariants": [
            {"VariantName": each.name, "DesiredWeight": each.weight, "DesiredInstanceCount": float(each.count)}
            for fleet in one.fleets[-1:]
            for each in fleet.variants
            if not each.spec["shadow"]
        ],
        "EndpointStatus": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", one.status).upper(),  # as events have it: IN_SERVICE
        "CreationTime": described["CreationTime"] * 1000,
        "LastModifiedTime": described["LastModifiedTime"] * 1000,
        "Tags": tags.read(platform.store.read(), one.arn),
    }
    if one.reason:
        detail["FailureReason"] = one.reason
    return Event("aws.sagemaker", DETAIL, detail, (one.arn,), account, region, platform.clock())
