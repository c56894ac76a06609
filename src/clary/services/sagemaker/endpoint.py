"""Endpoints: models that answer requests, as an endpoint configuration says.

What an endpoint should be stands in table hosting (hosting/state.py), and the hosting controller sees to it.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
"""

import sqlite3
import time
from typing import Any

import orjson

from clary.resource import crud
from clary.resource.bus import Event
from clary.resource.call import Call, Platform
from clary.resource.resource import Resource, Words
from clary.resource.service import Document, operation
from clary.services.sagemaker.hosting import capacity, deployment, design, state
from clary.services.sagemaker.hosting.state import Fleet, State, Variant
from clary.services.sagemaker.state import SageMaker
from clary.store import routes

NOUN = "Endpoint"
ENDPOINT = Resource(
    NOUN,
    "endpoint/{EndpointName}",
    Words('Could not find endpoint "{arn}".', 'Cannot create already existing endpoint "{arn}".'),
    also={"EndpointStatus": "Creating"},
    fold=True,
)
DETAIL = "SageMaker Endpoint State Change"
# A Describe that comes while an endpoint is being made waits for a moment: SDKs that find it Creating look again in
# 30 seconds, and ours is there in one.
MOMENT = 3.0  # seconds


@operation("CreateEndpoint")
def create(call: Call[SageMaker], request: Document) -> Document:
    plan = call.state.plans[NOUN]
    arn = plan.locate(call, request)

    def hook(call: Call[SageMaker], connection: sqlite3.Connection, _document: Document) -> None:
        one = State(arn, request["EndpointName"], "Creating", last=request.get("DeploymentConfig"))
        _begin(call, connection, one, request["EndpointConfigName"])
        if crud.find(connection, arn) is None:
            state.put(connection, one)

    answer = crud.create(plan, call, request, hook)
    call.state.hosting.wake()
    return answer


@operation("DescribeEndpoint")
def describe(call: Call[SageMaker], request: Document) -> Document:
    plan = call.state.plans[NOUN]
    connection = call.platform.store.read()
    deadline = time.monotonic() + MOMENT
    while True:
        row = crud.get(plan, call, connection, request)
        one = state.find(connection, row["arn"])
        left = deadline - time.monotonic()
        if one is None or one.steady or left <= 0 or call.platform.clock() - row["modified"] > MOMENT:
            break
        call.state.hosting.turn(left)
    answer = crud.show(plan, connection, row)
    if one is not None:
        answer |= crud.pruned(plan, shown(one, _ready(connection, one)))
    return answer


@operation("UpdateEndpoint")
def update(call: Call[SageMaker], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html"""
    plan = call.state.plans[NOUN]

    def work(connection: sqlite3.Connection) -> Document:
        row = crud.get(plan, call, connection, request)
        one = capacity.idle(connection, row["arn"])
        before = one.fleets[-1] if one.fleets else None
        fleet = _begin(call, connection, one, request["EndpointConfigName"])
        if before is not None and request.get("RetainAllVariantProperties"):
            _retain(before, fleet, request.get("ExcludeRetainedVariantProperties", []))
        if not request.get("RetainDeploymentConfig"):
            one.last = request.get("DeploymentConfig")
        deployment.begin(one, one.last or {}, call.platform.clock())
        _save(connection, one, call.state.now(call))
        return {"EndpointArn": row["arn"]}

    answer = call.platform.store.write(work)
    call.state.hosting.wake()
    return answer


@operation("UpdateEndpointWeightsAndCapacities")
def update_weights(call: Call[SageMaker], request: Document) -> Document:
    row = crud.get(call.state.plans[NOUN], call, call.platform.store.read(), request)
    capacity.resize(call.state.hosting, row["arn"], request["DesiredWeightsAndCapacities"])
    return {"EndpointArn": row["arn"]}


@operation("DeleteEndpoint")
def delete(call: Call[SageMaker], request: Document) -> Document:
    plan = call.state.plans[NOUN]

    def work(connection: sqlite3.Connection) -> State | None:
        row = crud.get(plan, call, connection, request)
        one = state.find(connection, row["arn"])
        if one is None:  # it never had anything that runs
            crud.forget(connection, row["arn"])
            return None
        one.status = "Deleting"
        _save(connection, one, call.state.now(call))
        return one

    if (one := call.platform.store.write(work)) is not None:
        call.state.hosting.tell(one)
    call.state.hosting.wake()
    return {}


def _ready(connection: sqlite3.Connection, one: State) -> dict[str, int]:
    """How many replicas serve, by variant."""
    serving = {fleet.id for fleet in one.fleets if fleet.share}
    found: dict[str, int] = {}
    for replica in routes.read(connection).replicas.values():
        if replica.endpoint == one.arn and replica.fleet in serving and replica.state == "ready":
            found[replica.variant] = found.get(replica.variant, 0) + 1
    return found


def shown(one: State, ready: dict[str, int]) -> Document:
    """What Describe tells beside the request."""
    found: Document = {"EndpointStatus": one.status}
    if one.reason:
        found["FailureReason"] = one.reason
    serving = next((fleet for fleet in one.fleets if fleet.share), None)
    if serving is not None:
        found |= {"EndpointConfigName": serving.config, **serving.settings}
        found["ProductionVariants"] = [_variant(each, ready) for each in serving.variants if not each.spec["shadow"]]
        shadows = [_variant(each, ready) for each in serving.variants if each.spec["shadow"]]
        if shadows:
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
    variants = [
        {"VariantName": variant.name, "DesiredWeight": variant.weight, "VariantStatus": [{"Status": stage}]}
        for variant in fleet.variants
        if not variant.spec["shadow"]
    ]
    return {"EndpointConfigName": fleet.config, "StartTime": fleet.begun, "ProductionVariants": variants}


def _variant(variant: Variant, ready: dict[str, int]) -> Document:
    spec = variant.spec
    found: Document = {
        "VariantName": variant.name,
        "DeployedImages": [
            {"SpecifiedImage": container["image"], "ResolvedImage": container["image"]}
            for container in spec["containers"]
        ],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
    }
    if spec["serverless"] is not None:
        return found | {"CurrentServerlessConfig": spec["serverless"], "DesiredServerlessConfig": spec["serverless"]}
    return found | {"CurrentInstanceCount": ready.get(variant.name, 0), "DesiredInstanceCount": variant.count}


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


def _begin(call: Call[SageMaker], connection: sqlite3.Connection, one: State, name: str) -> Fleet:
    """The fleet that a configuration asks for. Raises AWS's errors for a configuration or a model that is missing."""
    plans = call.state.plans
    row = crud.get(plans["EndpointConfig"], call, connection, {"EndpointConfigName": name})
    config = crud.loaded(row)
    models = {}
    for variant in (*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])):
        if model := variant.get("ModelName"):
            models[model] = crud.loaded(crud.get(plans["Model"], call, connection, {"ModelName": model}))
    variants = design.variants(config, models)
    return one.add(config["EndpointConfigName"], variants, design.settings(config), call.platform.clock())


def _retain(before: Fleet, fleet: Fleet, excluded: list[Document]) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html"""
    left = {each["VariantPropertyType"] for each in excluded}
    had = {variant.name: variant for variant in before.variants}
    for variant in fleet.variants:
        if (old := had.get(variant.name)) is None:
            continue
        if "DesiredInstanceCount" not in left and variant.spec["serverless"] is None:
            variant.count = old.count
        if "DesiredWeight" not in left:
            variant.weight = old.weight
    if "DataCaptureConfig" not in left and "DataCaptureConfig" in before.settings:
        fleet.settings["DataCaptureConfig"] = before.settings["DataCaptureConfig"]


def _save(connection: sqlite3.Connection, one: State, now: float) -> None:
    state.put(connection, one)
    sync(connection, one, now)


def sync(connection: sqlite3.Connection, one: State, now: float) -> None:
    """Within a transaction: what lists and filters know of an endpoint is what its state says."""
    row = crud.find(connection, one.arn)
    if row is None:
        return
    document = crud.loaded(row) | {"EndpointStatus": one.status}
    serving = next((fleet for fleet in one.fleets if fleet.share), None)
    if serving is not None:
        document["EndpointConfigName"] = serving.config
    values = {"arn": one.arn, "document": orjson.dumps(document).decode(), "modified": max(now, row["modified"])}
    connection.execute(crud.SQL["resource_change"], values)


def tell(platform: Platform, one: State) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"""
    _, _, _, region, account, _ = one.arn.split(":", 5)
    detail: dict[str, Any] = {"EndpointName": one.name, "EndpointArn": one.arn, "EndpointStatus": one.status}
    if one.reason:
        detail["FailureReason"] = one.reason
    platform.bus.publish(Event("aws.sagemaker", DETAIL, detail, (one.arn,), account, region, platform.clock()))
