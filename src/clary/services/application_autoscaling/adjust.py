"""How much there should be: the arithmetic of policies.

https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

import math
from typing import Any

Document = dict[str, Any]


def tracked(capacity: int, value: float, target: float) -> int:
    """In proportion, so that the metric comes to its target; never less than needed for it."""
    if capacity == 0:
        return 1 if value > target else 0
    return math.ceil(round(capacity * value / target, 9)) if target else capacity


def stepped(capacity: int, beyond: float, above: bool, steps: Document) -> int:
    """`beyond`: the metric less the alarm's threshold; `above`: whether the alarm watches for too much."""
    adjustment = next((one for one in steps["StepAdjustments"] if _holds(one, beyond, above)), None)
    if adjustment is None:
        return capacity
    amount, kind = adjustment["ScalingAdjustment"], steps["AdjustmentType"]
    if kind == "ExactCapacity":
        return int(amount)
    if kind == "PercentChangeInCapacity":
        amount = _rounded(capacity * amount / 100)
        least = steps.get("MinAdjustmentMagnitude", 0)
        if amount and abs(amount) < least:
            amount = int(math.copysign(least, amount))
    return max(0, capacity + int(amount))


def _holds(one: Document, beyond: float, above: bool) -> bool:
    """Above the threshold a step begins with its lower bound; below, it ends with its upper one."""
    low, high = one.get("MetricIntervalLowerBound", -math.inf), one.get("MetricIntervalUpperBound", math.inf)
    return bool(low <= beyond < high if above else low < beyond <= high)


def _rounded(amount: float) -> int:
    """Towards none, but for what is less than one."""
    if 0 < abs(amount) < 1:
        return int(math.copysign(1, amount))
    return int(amount)
