"""Metric math: what its operators and functions do with series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import math
import operator
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Number = Callable[[float, float], float]


class MathError(Exception):
    """The expression cannot be evaluated. The message says why."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values by time; `period` in seconds is the time between two."""

    values: dict[float, float]
    period: int
    label: str = ""

    def map(self, function: Callable[[float], float]) -> "Series":
        return Series({at: kept for at, x in self.values.items() if (kept := _real(function, x)) is not None},
                      self.period, self.label)  # fmt: skip


Value = float | str | Series | list[Series]


def _real(function: Callable[..., float], *numbers: float | list[float]) -> float | None:
    """None where there is no such number: the point is left out."""
    try:
        found = function(*numbers)
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


OPERATORS: dict[str, Number] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "AND": lambda a, b: float(a > 0 and b > 0),
    "&&": lambda a, b: float(a > 0 and b > 0),
    "OR": lambda a, b: float(a > 0 or b > 0),
    "||": lambda a, b: float(a > 0 or b > 0),
}


def binary(sign: str, left: Value, right: Value) -> Value:
    """A number meets each value; two series meet where both have one; a list takes part with each of its own."""
    function = OPERATORS[sign]
    if isinstance(left, str) or isinstance(right, str):
        raise MathError(f"{sign} takes numbers and time series")
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            raise MathError(f"{sign} takes two arrays of the same size")
        return [_both(function, a, b) for a, b in zip(left, right, strict=True)]
    if isinstance(left, list):
        return [_one(function, each, right) for each in left]
    if isinstance(right, list):
        return [_one(function, left, each) for each in right]
    if isinstance(left, Series) or isinstance(right, Series):
        return _one(function, left, right)
    found = _real(function, left, right)
    if found is None:
        raise MathError(f"{left} {sign} {right} is no number")
    return found


def _one(function: Number, left: Value, right: Value) -> Series:
    if isinstance(left, Series) and isinstance(right, Series):
        return _both(function, left, right)
    if isinstance(left, Series) and isinstance(right, float | int):
        return left.map(lambda x: function(x, right))
    assert isinstance(right, Series)
    assert isinstance(left, float | int)
    return right.map(lambda x: function(left, x))


def _both(function: Number, left: Series, right: Series) -> Series:
    found = {at: _real(function, x, right.values[at]) for at, x in left.values.items() if at in right.values}
    return Series({at: x for at, x in found.items() if x is not None}, max(left.period, right.period))


def each(value: Value, function: Callable[[float], float]) -> Value:
    if isinstance(value, list):
        return [one.map(function) for one in value]
    if isinstance(value, Series):
        return value.map(function)
    if isinstance(value, str) or (found := _real(function, value)) is None:
        raise MathError("a number or a time series is needed")
    return found


def gathered(value: Value, function: Callable[[list[float]], float]) -> Value:
    """Of an array of series one series; of a series one number."""
    if isinstance(value, list):
        times = sorted({at for one in value for at in one.values})
        found = {at: _real(function, [one.values[at] for one in value if at in one.values]) for at in times}
        known = {at: x for at, x in found.items() if x is not None}
        return Series(known, max((one.period for one in value), default=60))
    if isinstance(value, Series):
        one = _real(function, list(value.values.values())) if value.values else None
        return Series({}, value.period) if one is None else one
    raise MathError("a time series, or an array of them, is needed")


def changes(value: Value, function: Callable[[float, float, float], float]) -> Value:
    """From each point to the next: function(before, after, seconds between)."""
    if isinstance(value, list):
        found = [changes(one, function) for one in value]
        return [one for one in found if isinstance(one, Series)]
    if not isinstance(value, Series):
        raise MathError("a time series is needed")
    times = sorted(value.values)
    pairs = zip(times, times[1:], strict=False)  # noqa: RUF007 - itertools.pairwise would say the same
    made = {b: _real(function, value.values[a], value.values[b], b - a) for a, b in pairs}
    return Series({at: x for at, x in made.items() if x is not None}, value.period, value.label)


@dataclass(slots=True)
class Running:
    """A sum so far."""

    total: float = field(default=0.0)

    def add(self, x: float) -> float:
        self.total += x
        return self.total


def running(value: Value) -> Value:
    if isinstance(value, list):
        found = [running(one) for one in value]
        return [one for one in found if isinstance(one, Series)]
    if not isinstance(value, Series):
        raise MathError("a time series is needed")
    so_far = Running()
    return Series({at: so_far.add(value.values[at]) for at in sorted(value.values)}, value.period, value.label)


def deviation(numbers: Iterable[float]) -> float:
    return statistics.pstdev(numbers)
