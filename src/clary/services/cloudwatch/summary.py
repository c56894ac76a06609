"""What is kept of many values: their count, sum and bounds, and, for percentiles, how they are spread."""

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EXACT = 256  # different values of a period that are told apart; of more than these, near ones are taken as one
NEAR = 1.01  # how near: percentiles are then within one percent
Spread = dict[float, float]  # value -> how often


@dataclass(slots=True)
class Summary:
    count: float
    total: float
    low: float
    high: float
    spread: Spread | None  # None: a statistic set was given, of which nobody knows the values

    def add(self, other: "Summary") -> None:
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        if self.spread is None or other.spread is None:
            self.spread = None
            return
        for value, count in other.spread.items():
            self.spread[value] = self.spread.get(value, 0.0) + count
        self.spread = merged(self.spread)

    def columns(self) -> dict[str, Any]:
        """As the table `point` has it."""
        known = self.spread is not None and self.low != self.high
        packed = array("d", [x for pair in (self.spread or {}).items() for x in pair]).tobytes() if known else None
        return {"count": self.count, "total": self.total, "low": self.low, "high": self.high, "spread": packed}


def of(values: Iterable[tuple[float, float]]) -> Summary:
    """Of values and how often each was seen; not of none."""
    spread: Spread = {}
    for value, count in values:
        spread[value] = spread.get(value, 0.0) + count
    total = math.fsum(value * count for value, count in spread.items())
    return Summary(math.fsum(spread.values()), total, min(spread), max(spread), merged(spread))


def of_set(given: Mapping[str, float]) -> Summary:
    """Of a StatisticSet. Its values are known where all are the same.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Percentiles
    """
    count, low, high = given["SampleCount"], given["Minimum"], given["Maximum"]
    return Summary(count, given["Sum"], low, high, {low: count} if low == high else None)


def of_row(row: Any) -> Summary:
    spread: Spread | None = None
    if row["spread"] is not None:
        numbers = array("d")
        numbers.frombytes(row["spread"])
        spread = dict(zip(numbers[::2], numbers[1::2], strict=True))
    elif row["low"] == row["high"]:
        spread = {row["low"]: row["count"]}
    return Summary(row["count"], row["total"], row["low"], row["high"], spread)


def merged(spread: Spread) -> Spread:
    """At most EXACT values: near ones become one, the more, the more there are."""
    near = NEAR
    while len(spread) > EXACT:
        step, smaller = math.log(near), Spread()
        for value, count in spread.items():
            kept = math.copysign(math.exp(round(math.log(abs(value)) / step) * step), value) if value else 0.0
            smaller[kept] = smaller.get(kept, 0.0) + count
        spread, near = smaller, near**2
    return spread
