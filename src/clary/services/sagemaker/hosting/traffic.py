"""How traffic moves from an endpoint's old fleet to its new one: a deployment configuration, worked out.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

import math
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
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


def _part(size: Document, total: int) -> float:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CapacitySize.html"""
    part = size["Value"] / 100 if size["Type"] == "CAPACITY_PERCENT" else size["Value"] / max(1, total)
    return float(min(1.0, part))


def _steps(part: float) -> tuple[float, ...]:
    count = math.ceil(round(1 / part, 6))
    return (*(min(1.0, round(part * step, 6)) for step in range(1, count)), 1.0)
