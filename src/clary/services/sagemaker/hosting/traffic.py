"""How traffic moves from an endpoint's old fleet to its new one: a deployment configuration, worked out.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

import math
from dataclasses import dataclass
from typing import Any

from clary.errors import Invalid

Document = dict[str, Any]
MOST = 50  # percent of the capacity in one step
LIMIT = 28800.0  # seconds: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html


@dataclass(frozen=True, slots=True)
class Traffic:
    """`shares`: the new fleet's part of the traffic after each step, the last is 1. Times in seconds."""

    shares: tuple[float, ...] = (1.0,)
    bake: float = 0.0  # after each step: so long the alarms are looked at before the next one
    keep: float = 0.0  # for which the old fleet stays after the last
    limit: float = LIMIT  # for all of it
    alarms: tuple[str, ...] = ()
    rolling: bool = False  # the fleets grow and shrink with their shares


def of(config: Document, total: int) -> Traffic:
    """`total`: the instances that the new fleet is to have."""
    alarms = tuple(each["AlarmName"] for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    if rolling := config.get("RollingUpdatePolicy"):
        return Traffic(
            _steps(_part(rolling["MaximumBatchSize"], total)),
            float(rolling["WaitIntervalInSeconds"]),
            0.0,
            float(rolling.get("MaximumExecutionTimeoutInSeconds", LIMIT)),
            alarms,
            rolling=True,
        )
    policy = config.get("BlueGreenUpdatePolicy")
    if policy is None:
        return Traffic(alarms=alarms)
    routing = policy["TrafficRoutingConfiguration"]
    shares: tuple[float, ...] = (1.0,)
    if routing["Type"] == "CANARY":
        shares = (_part(routing["CanarySize"], total), 1.0)
    elif routing["Type"] == "LINEAR":
        shares = _steps(_part(routing["LinearStepSize"], total))
    return Traffic(
        shares,
        float(routing["WaitIntervalInSeconds"]),
        float(policy.get("TerminationWaitInSeconds", 0)),
        float(policy.get("MaximumExecutionTimeoutInSeconds", LIMIT)),
        alarms,
    )


def check(config: Document) -> None:
    """Raises Invalid for what the shape allows and AWS does not.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
    """
    policy, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if policy and rolling:
        raise Invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy may be specified.")
    if rolling:
        _sized("MaximumBatchSize", rolling["MaximumBatchSize"], 5)
    if not policy:
        return
    routing = policy["TrafficRoutingConfiguration"]
    for kind, member, least in (("CANARY", "CanarySize", 1), ("LINEAR", "LinearStepSize", 10)):
        size = routing.get(member)
        if (routing["Type"] == kind) is not bool(size):
            needs = "needs a" if routing["Type"] == kind else "has no"
            raise Invalid(f"Traffic routing of the type {routing['Type']} {needs} {member}.")
        if size:
            _sized(member, size, least)


def _sized(member: str, size: Document, least: int) -> None:
    """Half of the capacity at most."""
    if size["Type"] == "CAPACITY_PERCENT" and not least <= size["Value"] <= MOST:
        raise Invalid(f"{member} must be from {least} to {MOST} percent of the capacity, not {size['Value']}.")


def _part(size: Document, total: int) -> float:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CapacitySize.html"""
    part = size["Value"] / 100 if size["Type"] == "CAPACITY_PERCENT" else size["Value"] / max(1, total)
    return float(min(1.0, part))


def _steps(part: float) -> tuple[float, ...]:
    count = math.ceil(round(1 / part, 6))
    return (*(min(1.0, round(part * step, 6)) for step in range(1, count)), 1.0)
