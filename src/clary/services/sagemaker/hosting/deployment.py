"""How an endpoint gets from one fleet to the next, and which status it has meanwhile.

An update makes a second fleet beside the first. Once all its replicas are ready, traffic moves to it in steps; if one
of the alarms goes off before it is done, all traffic moves back.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

import math
from typing import Any

from clary.services.sagemaker.hosting import traffic
from clary.services.sagemaker.hosting.round import Replica, Round
from clary.services.sagemaker.hosting.state import Fleet, State
from clary.services.sagemaker.hosting.traffic import Traffic
from clary.store import routes

Document = dict[str, Any]


def begin(one: State, config: Document, now: float) -> None:
    """An update from the first fleet to the second, by a deployment configuration."""
    one.status, one.reason = "Updating", ""
    counts = {fleet.id: {variant.name: variant.count for variant in fleet.variants} for fleet in one.fleets}
    one.deployment = {"config": config, "began": now, "step": 0, "at": now, "counts": counts}
    if len(one.fleets) > 1 and (moving := _traffic(one)).rolling:
        _resize(one, moving.shares[0], shrink=False)


def advance(one: State, now: Round) -> None:
    """The next step of an endpoint whose fleets are being filled."""
    if len(one.fleets) > 1:
        _move(one, one.fleets[0], one.fleets[-1], now)
    elif one.fleets:
        _settle(one, one.fleets[0], now)


def stage(one: State) -> str:
    """VariantStatus of the fleet that an update makes."""
    if not one.fleets[-1].complete:
        return "Creating"
    return "Baking" if one.deployment.get("step") else "ActivatingTraffic"


def _settle(one: State, fleet: Fleet, now: Round) -> None:
    if not fleet.complete:
        if reason := _failed(one, fleet, now):
            one.fleets, one.status, one.reason, one.deployment = [], "Failed", reason, {}
            return
        if not _full(one, fleet, now):
            return
        fleet.complete, fleet.share = True, 1.0
    if one.status in ("Creating", "Updating", "RollingBack") and _full(one, fleet, now):
        one.status, one.deployment = "InService", {}


def _move(one: State, old: Fleet, new: Fleet, now: Round) -> None:
    deployment = one.deployment
    moving = _traffic(one)
    if reason := _trouble(one, new, moving, now):
        _back(one, old, reason)
        return
    if not _full(one, new, now):
        return
    new.complete = True
    step, since = deployment["step"], now.now - deployment["at"]
    if step < len(moving.shares):
        if step and since < moving.bake:
            now.look_at(deployment["at"] + moving.bake)
            return
        if moving.rolling and not _grown(one, moving.shares[step]):
            _resize(one, moving.shares[step], shrink=False)
            return
        new.share = moving.shares[step]
        old.share = 1.0 - new.share
        if moving.rolling:
            _resize(one, new.share, shrink=True)
        deployment["step"], deployment["at"] = step + 1, now.now
    elif since < moving.bake + moving.keep:
        now.look_at(deployment["at"] + moving.bake + moving.keep)
    else:
        one.fleets = [new]
        one.status, one.deployment = "InService", {}


def _traffic(one: State) -> Traffic:
    return traffic.of(one.deployment["config"], sum(one.deployment["counts"][one.fleets[-1].id].values()))


def _trouble(one: State, new: Fleet, moving: Traffic, now: Round) -> str:
    """Why the update is not to go on; "" if nothing speaks against it."""
    if not new.complete and (reason := _failed(one, new, now)):
        return reason
    if now.now - one.deployment["began"] > moving.limit:
        return f"The deployment took longer than {moving.limit:.0f} seconds (MaximumExecutionTimeoutInSeconds)."
    if going_off := [name for name in moving.alarms if now.alarm(one.region, name)]:
        return f"The deployment was rolled back, since these alarms are in ALARM state: {', '.join(going_off)}"
    return ""


def _back(one: State, old: Fleet, reason: str) -> None:
    """What was there before goes on."""
    counts = one.deployment["counts"][old.id]
    for variant in old.variants:
        variant.count = counts[variant.name]
    old.share = 1.0
    one.fleets, one.status, one.reason, one.deployment = [old], "RollingBack", reason, {}


def _resize(one: State, share: float, *, shrink: bool) -> None:
    """The new fleet's replicas for a share of the traffic; `shrink`: and no more of the old one's than it needs."""
    old, new = one.fleets[0], one.fleets[-1]
    counts = one.deployment["counts"]
    for variant in new.variants:
        variant.count = math.ceil(round(share * counts[new.id][variant.name], 6))
    if shrink:
        for variant in old.variants:
            variant.count = math.ceil(round((1.0 - share) * counts[old.id][variant.name], 6))


def _grown(one: State, share: float) -> bool:
    new = one.fleets[-1]
    counts = one.deployment["counts"][new.id]
    return all(variant.count >= math.ceil(round(share * counts[variant.name], 6)) for variant in new.variants)


def route(one: State) -> routes.Route | None:
    """What the data plane is told; None as long as nobody may be answered."""
    serving = [fleet for fleet in one.fleets if fleet.share > 0]
    if not serving or one.status == "Deleting":
        return None
    fleets = tuple(_fleet(fleet) for fleet in serving)
    refused = ""
    if all(fleet.is_async for fleet in fleets):
        refused = (
            f"Endpoint {one.name} is asynchronous and cannot be invoked by InvokeEndpoint: use InvokeEndpointAsync."
        )
    return routes.Route(one.arn, one.name, one.region, fleets, refused)


def _fleet(fleet: Fleet) -> routes.Fleet:
    variants = tuple(
        routes.Variant(
            name=variant.name,
            weight=variant.weight,
            mode=variant.spec["mode"],
            shadow=variant.spec["shadow"],
            serverless=variant.spec["serverless"] is not None,
            concurrency=(variant.spec["serverless"] or {}).get("MaxConcurrency", 0),
            model=variant.spec["model"],
        )
        for variant in fleet.variants
    )
    capture = fleet.settings.get("DataCaptureConfig")
    if capture:  # and who may bring what is captured to S3
        capture = {**capture, "Roles": {variant.name: variant.spec["role"] for variant in fleet.variants}}
    return routes.Fleet(
        id=fleet.id,
        share=fleet.share,
        config=fleet.config,
        variants=variants,
        capture=capture if capture and capture.get("EnableCapture", True) else None,
        is_async="AsyncInferenceConfig" in fleet.settings,
    )


def _full(one: State, fleet: Fleet, now: Round) -> bool:
    """Whether all its replicas are ready."""
    return all(
        sum(replica.ready for replica in now.of(one, fleet, variant)) >= variant.count for variant in fleet.variants
    )


def _failed(one: State, fleet: Fleet, now: Round) -> str:
    """Why a fleet that is being made will not be; "" as long as it may."""
    for variant in fleet.variants:
        for replica in now.of(one, fleet, variant):
            if replica.ended:
                return _reason(variant.name, replica, now)
    return ""


def _reason(variant: str, replica: Replica, now: Round) -> str:
    """AWS's sentence, and what we know: https://repost.aws/knowledge-center/sagemaker-endpoint-creation-fail"""
    said = now.said(replica.arn) if replica.state == "failed" else ""
    if said and not said.startswith("its container"):
        return said
    ping = (
        f"The primary container for production variant {variant} did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )
    return f"{ping} ({said})" if said else ping
