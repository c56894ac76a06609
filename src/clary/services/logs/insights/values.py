"""Rows and values as queries see them: a value is text, a number, a time, or nothing."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Value = Any


class Time(int):
    """Milliseconds since the epoch, shown as Insights does."""

    def __str__(self) -> str:
        return datetime.fromtimestamp(self / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{self % 1000:03d}"


class Row(dict[str, Value]):
    """One line, or one group of lines. What it lacks is looked for in the message, where that is JSON: `a.b`, `c.0`.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
    """

    def __missing__(self, name: str) -> Value:
        message = self.get("@message")
        if message is None or ("@document" in self and self["@document"] is None):
            return None
        if "@document" not in self:
            begin = message.find("{")
            try:
                self["@document"] = _flat(json.JSONDecoder().raw_decode(message, begin)[0]) if begin >= 0 else None
            except ValueError:
                self["@document"] = None
        return (self["@document"] or {}).get(name)


def _flat(value: Any, name: str = "") -> dict[str, Value]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        return {name: value if not isinstance(value, bool) else int(value)}
    found: dict[str, Value] = {}
    for key, one in inner:
        found |= _flat(one, f"{name}.{key}" if name else str(key))
    return found


def number(value: Value) -> float | None:
    if isinstance(value, int | float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def shown(value: Value) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


def compare(one: Value, other: Value) -> int:
    """Numbers before texts, nothing last: below, equal to, above 0."""
    if one is None or other is None:
        return (one is None) - (other is None)
    a, b = number(one), number(other)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    if (a is None) != (b is None):
        return 1 if a is None else -1
    return (str(one) > str(other)) - (str(one) < str(other))


def _texts(function: Callable[..., Value]) -> Callable[..., Value]:
    """Nothing of nothing."""
    return lambda *given: None if any(one is None for one in given) else function(*map(_plain, given))


def _plain(value: Value) -> Value:
    return value if isinstance(value, str | int | float) else str(value)


def _numbers(function: Callable[..., float]) -> Callable[..., float | None]:
    def call(*given: Value) -> float | None:
        found = [number(one) for one in given]
        if any(one is None for one in found):
            return None
        try:
            return function(*found)
        except (ArithmeticError, ValueError):
            return None

    return call


def _chars(given: tuple[Value, ...]) -> str | None:
    return str(given[1]) if len(given) > 1 else None


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _numbers(abs),
    "ceil": _numbers(math.ceil),
    "floor": _numbers(math.floor),
    "log": _numbers(math.log),
    "sqrt": _numbers(math.sqrt),
    "greatest": _numbers(max),
    "least": _numbers(min),
    "strlen": _texts(lambda text: len(str(text))),
    "tolower": _texts(lambda text: str(text).lower()),
    "toupper": _texts(lambda text: str(text).upper()),
    "trim": lambda *given: None if given[0] is None else str(given[0]).strip(_chars(given)),
    "ltrim": lambda *given: None if given[0] is None else str(given[0]).lstrip(_chars(given)),
    "rtrim": lambda *given: None if given[0] is None else str(given[0]).rstrip(_chars(given)),
    "concat": lambda *given: "".join(shown(one) for one in given if one is not None),
    "replace": _texts(lambda text, old, new: str(text).replace(str(old), str(new))),
    "substr": _texts(lambda text, begin, *size: str(text)[int(begin) :][: int(size[0]) if size else None]),
    "strcontains": _texts(lambda text, part: int(str(part) in str(text))),
    "coalesce": lambda *given: next((one for one in given if one is not None), None),
    "ispresent": lambda value: value is not None,
    "isempty": lambda value: value is None or value == "",
    "isblank": lambda value: value is None or not str(value).strip(),
    "frommillis": lambda value: None if number(value) is None else Time(number(value) or 0),
    "tomillis": lambda value: None if number(value) is None else int(number(value) or 0),
}
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
OPERATORS: dict[str, Callable[..., Value]] = {
    "+": _numbers(lambda a, b: a + b),
    "-": _numbers(lambda a, b: a - b),
    "*": _numbers(lambda a, b: a * b),
    "/": _numbers(lambda a, b: a / b),
    "%": _numbers(math.fmod),
    "^": _numbers(math.pow),
}


def milliseconds(period: str) -> int | None:
    found = re.fullmatch(r"(\d+)\s*([a-z]+)", period)
    if found is None:
        return None
    unit = found[2] if found[2] in UNITS else found[2].removesuffix("s")
    unit = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hr": "h", "hour": "h", "day": "d"}.get(unit, unit)
    return int(found[1]) * UNITS[unit] if unit in UNITS and int(found[1]) else None
