"""Endpoints: models that answer requests, as an endpoint configuration says.

What an endpoint should be stands in table hosting (hosting/state.py), and the hosting controller sees to it.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
"""

import sqlite3
import time
from typing import Any

import orjson

from clary.resource import crud
from clary.resource.call import Call, Platform
from clary.resource.resource import Plan, Resource, Words
from clary.resource.service import Document, operation
from clary.services.sagemaker import endpoint_view
from clary.services.sagemaker.hosting import capacity, deployment, design, state, traffic
from clary.services.sagemaker.hosting.state import Fleet, State
from clary.services.sagemaker.state import SageMaker

NOUN = "Endpoint"
ENDPOINT = Resource(
    NOUN,
    "endpoint/{EndpointName}",
    Words('Could not find endpoint "{arn}".', 'Cannot create already existing endpoint "{arn}".'),
    also={"EndpointStatus": "Creating"},
    fold=True,
    # What was there before comes back all at once.
    unused=("DeploymentConfig.RollingUpdatePolicy.RollbackMaximumBatchSize",),
)
# A Describe that comes while an endpoint is being made waits for a moment: SDKs that find it Creating look again in
# 30 seconds, and ours is there in one.
MOMENT = 3.0  # seconds


@operation("CreateEndpoint")
def create(call: Call[SageMaker], request: Document) -> Document:
    plan = call.state.plans[NOUN]
    arn = plan.locate(call, request)
    traffic.check(request.get("DeploymentConfig") or {})
    own = _own(call, request["EndpointConfigName"])

    def hook(call: Call[SageMaker], connection: sqlite3.Connection, _document: Document) -> None:
        one = State(arn, request["EndpointName"], "Creating", last=request.get("DeploymentConfig"))
        capacity.limited(_begin(call, connection, one, request["EndpointConfigName"], own).variants)
        if crud.find(connection, arn) is None:
            state.put(connection, one)

    answer = crud.create(plan, call, request, hook)
    _changed(call, arn)
    return answer


@operation("DescribeEndpoint")
def describe(call: Call[SageMaker], request: Document) -> Document:
    plan = call.state.plans[NOUN]
    deadline = time.monotonic() + MOMENT
    while True:
        seen = call.state.hosting.turns
        with call.platform.store.moment() as connection:
            row = crud.get(plan, call, connection, request)
            one = state.find(connection, row["arn"])
            left = deadline - time.monotonic()
            if one is None or one.steady or left <= 0 or call.platform.clock() - row["modified"] > MOMENT:
                return described(plan, connection, row, one)
        call.state.hosting.turn(seen, left)


def described(plan: Plan, connection: sqlite3.Connection, row: Any, one: State | None) -> Document:
    """A row as Describe has it in this moment."""
    answer = crud.show(plan, connection, row)
    if one is not None:
        answer |= crud.pruned(plan, endpoint_view.shown(one, endpoint_view.ready(connection, one)))
    return answer


@operation("UpdateEndpoint")
def update(call: Call[SageMaker], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html"""
    plan = call.state.plans[NOUN]
    traffic.check(request.get("DeploymentConfig") or {})
    own = _own(call, request["EndpointConfigName"])

    def work(connection: sqlite3.Connection) -> Document:
        row = crud.get(plan, call, connection, request)
        one = capacity.idle(connection, row["arn"])
        before = one.fleets[-1] if one.fleets else None
        fleet = _begin(call, connection, one, request["EndpointConfigName"], own)
        if before is not None and request.get("RetainAllVariantProperties"):
            _retain(before, fleet, request.get("ExcludeRetainedVariantProperties", []))
        capacity.limited(fleet.variants)
        if not request.get("RetainDeploymentConfig"):
            one.last = request.get("DeploymentConfig")
        deployment.begin(one, one.last or {}, call.platform.clock())
        _save(connection, one, call.state.now(call))
        return {"EndpointArn": row["arn"]}

    answer = call.platform.store.write(work)
    _changed(call, answer["EndpointArn"])
    return answer


@operation("UpdateEndpointWeightsAndCapacities")
def update_weights(call: Call[SageMaker], request: Document) -> Document:
    row = crud.get(call.state.plans[NOUN], call, call.platform.store.read(), request)
    capacity.resize(call.state.hosting, row["arn"], request["DesiredWeightsAndCapacities"])
    return {"EndpointArn": row["arn"]}


@operation("DeleteEndpoint")
def delete(call: Call[SageMaker], request: Document) -> Document:
    """At any time, also while it is being made or changed, where AWS lets one wait until that is done."""
    plan = call.state.plans[NOUN]

    def work(connection: sqlite3.Connection) -> str:
        row = crud.get(plan, call, connection, request)
        one = state.find(connection, row["arn"])
        if one is None:  # it never had anything that runs
            crud.forget(connection, row["arn"])
        elif one.status == "Deleting":
            raise capacity.busy(one.arn)
        else:
            one.status = "Deleting"
            _save(connection, one, call.state.now(call))
        return str(row["arn"])

    _changed(call, call.platform.store.write(work))
    return {}


def _changed(call: Call[SageMaker], arn: str) -> None:
    """What the endpoint is to be is on the disk."""
    if (one := state.find(call.platform.store.read(), arn)) is not None:
        call.state.hosting.tell(one)
    call.state.hosting.wake()


def _begin(call: Call[SageMaker], connection: sqlite3.Connection, one: State, name: str, own: design.Own) -> Fleet:
    """The fleet that a configuration asks for. Raises AWS's errors for a configuration or a model that is missing."""
    config, models = _asked(call, connection, name)
    variants = design.variants(config, models, own)
    return one.add(config["EndpointConfigName"], variants, design.settings(config), call.platform.clock())


def _own(call: Call[SageMaker], name: str) -> design.Own:
    _, models = _asked(call, call.platform.store.read(), name)
    return design.pinned(call.state.images, models.values(), call.region)


def _asked(call: Call[SageMaker], connection: sqlite3.Connection, name: str) -> tuple[Document, dict[str, Document]]:
    """The configuration, and its models by name."""
    plans = call.state.plans
    config = crud.loaded(crud.get(plans["EndpointConfig"], call, connection, {"EndpointConfigName": name}))
    models = {}
    for variant in (*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])):
        if model := variant.get("ModelName"):
            models[model] = crud.loaded(crud.get(plans["Model"], call, connection, {"ModelName": model}))
    return config, models


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


def tell(platform: Platform, nouns: SageMaker, one: State) -> None:
    """The bus, of the state that an endpoint is in now."""
    connection = platform.store.read()
    if (row := crud.find(connection, one.arn)) is not None:
        platform.bus.publish(endpoint_view.event(platform, crud.show(nouns.plans[NOUN], connection, row), one))
