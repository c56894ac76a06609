"""How an endpoint gets from one fleet to the next, and which status it has meanwhile.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from clary.services.sagemaker.hosting.round import Replica, Round
from clary.services.sagemaker.hosting.state import Fleet, State
from clary.store import routes


def advance(one: State, now: Round) -> None:
    """The next step of an endpoint whose fleets are being filled."""
    if not one.fleets:
        return
    newest = one.fleets[-1]
    if not newest.complete:
        if reason := _failed(one, newest, now):
            _give_up(one, reason)
            return
        if not _full(one, newest, now):
            return
        newest.complete = True
    if len(one.fleets) > 1 or not newest.share:
        for fleet in one.fleets:
            fleet.share = 0.0
        newest.share = 1.0
        one.fleets = [newest]
    if one.status in ("Creating", "Updating") and _full(one, newest, now):
        one.status, one.reason, one.deployment = "InService", "", {}


def route(one: State) -> routes.Route | None:
    """What the data plane is told; None as long as nobody may be answered."""
    serving = [fleet for fleet in one.fleets if fleet.share > 0]
    if not serving or one.status == "Deleting":
        return None
    return routes.Route(one.arn, one.name, one.region, tuple(_fleet(fleet) for fleet in serving))


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
    """AWS's sentence, and what we know beside it: https://repost.aws/knowledge-center/sagemaker-endpoint-creation-fail"""
    said = now.said(replica.arn) if replica.state == "failed" else ""
    if said and not said.startswith("its container"):
        return said
    ping = (
        f"The primary container for production variant {variant} did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )
    return f"{ping} ({said})" if said else ping


def _give_up(one: State, reason: str) -> None:
    """What was there before goes on; where there was nothing, nothing does."""
    one.fleets.pop()
    one.reason, one.deployment = reason, {}
    one.status = "InService" if one.fleets else "Failed"
