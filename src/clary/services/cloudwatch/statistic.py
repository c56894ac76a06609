"""Statistics by their names: Average, p99.9, TM(10%:90%), PR(:300).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import re
from collections.abc import Callable

from clary.services.cloudwatch.summary import Spread, Summary

SIMPLE: dict[str, Callable[[Summary], float]] = {
    "SampleCount": lambda s: s.count,
    "Average": lambda s: s.total / s.count,
    "Sum": lambda s: s.total,
    "Minimum": lambda s: s.low,
    "Maximum": lambda s: s.high,
}
NUMBER = r"\d+(?:\.\d+)?"
PERCENTILE = re.compile(rf"p({NUMBER})$")
TRIMMED = re.compile(rf"(tm|wm|tc|ts)({NUMBER})$")
RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\((-?{NUMBER})?(%)?:(-?{NUMBER})?(%)?\)$")
Statistic = Callable[[Summary], float | None]


def parse(name: str) -> Statistic | None:
    """The statistic of that name: of a Summary, the number, or None where its values are not known. None itself for a
    name that is no statistic.
    """
    if name in SIMPLE:
        return SIMPLE[name]
    if name == "IQM":
        return _between("TM", 25.0, 75.0, percent=True)
    if (match := PERCENTILE.match(name)) and float(match[1]) <= 100:
        percent = float(match[1])
        return lambda s: percentile(s, percent)
    if (match := TRIMMED.match(name)) and float(match[2]) <= 100:
        return _between(match[1].upper(), 0.0, float(match[2]), percent=True)
    if not (match := RANGE.match(name)):
        return None
    kind, low, low_percent, high, high_percent = match.groups()
    percent = bool(low_percent or high_percent)
    if low is high is None or (percent and ((low and not low_percent) or (high and not high_percent))):
        return None
    if percent and (kind == "PR" or not 0 <= float(low or 0) <= float(high or 100) <= 100):
        return None
    if percent:
        return _between(kind, float(low or 0), float(high or 100), percent=True)
    return _between(kind, float(low or "-inf"), float(high or "inf"), percent=False)


def percentile(s: Summary, percent: float) -> float | None:
    """The least value that so many percent of all do not exceed."""
    if s.spread is None:
        return None
    wanted, seen, value = percent / 100 * s.count, 0.0, s.low
    for value in sorted(s.spread):
        seen += s.spread[value]
        if seen >= wanted * (1 - 1e-12):
            break
    return min(max(value, s.low), s.high)  # near values were taken as one, which may lie beyond


def _between(kind: str, low: float, high: float, *, percent: bool) -> Statistic:
    def statistic(s: Summary) -> float | None:
        if s.spread is None:
            return None
        kept = _ranked(s.spread, low, high) if percent else {v: n for v, n in s.spread.items() if low <= v <= high}
        count, total = sum(kept.values()), sum(value * n for value, n in kept.items())
        if kind == "PR":
            return 100 * count / s.count
        if kind == "TC":
            return count
        if kind == "TS":
            return total
        if kind == "WM" and kept:  # what lies outside counts as the bound that it is beyond
            below = sum(n for value, n in s.spread.items() if value < min(kept))
            total += below * min(kept) + (s.count - count - below) * max(kept)
            count = s.count
        return total / count if count else None

    return statistic


def _ranked(spread: Spread, low: float, high: float) -> Spread:
    """The part of all values, in their order, that lies between two percents."""
    whole, seen, kept = sum(spread.values()), 0.0, Spread()
    start, end = low / 100 * whole, high / 100 * whole
    for value in sorted(spread):
        inside = min(seen + spread[value], end) - max(seen, start)
        if inside > 0:
            kept[value] = inside
        seen += spread[value]
    return kept
