"""Whether a built-in algorithm can take the hyperparameters it is given, told when the job is created.

An algorithm's hyperparameters are a table, `<image>/hyperparameters.toml`: type, range, and the tags that have it. The
words are those of the public containers' own check, which says them minutes later, as the job's FailureReason.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_algorithm_toolkit/hyperparameter_validation.py)
"""

import ast
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clary.errors import Invalid


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """`type` is AWS's: Integer, Continuous, Categorical, FreeText; or List (of `values`, comma-separated), Metrics
    (such a list, where `error@0.7` is legal too), Tuple or Nested (of whole numbers within the range). `low_open`:
    greater than `low`, not equal.
    """

    name: str
    type: str
    required: bool = False
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    values: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = ()
    tunable: bool = False
    default: str = ""

    @property
    def span(self) -> str:
        """As the containers write it: [0, 1], (0, +inf)."""
        if self.values:
            return str(list(self.values))
        low = "(-inf" if self.low is None else f"{'(' if self.low_open else '['}{self.low:g}"
        return f"{low}, " + ("+inf)" if self.high is None else f"{self.high:g}{')' if self.high_open else ']'}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Where the hyperparameter `when` is given, with one of the values `has` (any, if there are none), `name` has to be
    given too, as one of `among` if there are such: one that ends in `*` stands for all that begin so.
    """

    message: str
    when: str
    has: tuple[str, ...]
    name: str
    among: tuple[str, ...] = ()
    optional: bool = False  # it may as well not be there


@dataclass(frozen=True, slots=True)
class Specification:
    hyperparameters: Mapping[str, Hyperparameter]
    aliases: Mapping[str, str]
    rules: tuple[Rule, ...]


@cache
def load(file: Path, tag: str) -> Specification | None:
    """What the image's tag takes; None for an image that has no table."""
    if not file.exists():
        return None
    told = tomllib.loads(file.read_text())
    here = _version(tag)
    known = {
        name: _hyperparameter(name, row, told["lists"], here)
        for name, row in told["hyperparameters"].items()
        if _holds(row, here)
    }
    rules = tuple(
        Rule(
            row["message"],
            row["when"],
            tuple(row["has"]),
            row["name"],
            tuple(row.get("among", [])),
            row.get("optional", False),
        )
        for row in told.get("rules", [])
        if _holds(row, here)
    )
    return Specification(known, told.get("aliases", {}), rules)


def check(specification: Specification, given: Mapping[str, str]) -> None:
    """Raises Invalid. Spaces around a key are no part of it."""
    values: dict[str, str] = {}
    for key, value in given.items():
        name = key.strip()
        values[specification.aliases.get(name, name)] = value
    for name, known in specification.hyperparameters.items():
        if known.required and name not in values:
            raise Invalid(f"Missing required hyperparameter: {name}")
    for name, value in values.items():
        if name not in specification.hyperparameters:
            raise Invalid(f"Extraneous hyperparameter found: {name}")
        _check_one(specification.hyperparameters[name], value)
    for rule in specification.rules:
        _check_rule(rule, values)


def _check_one(known: Hyperparameter, value: str) -> None:
    try:
        parsed = _parsed(known, value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise Invalid(f"Hyperparameter {known.name}: could not parse value (caused by ValueError)") from error
    if known.type == "Metrics":
        for metric in parsed:
            _check_metric(known, metric)
        return
    if not all(_within(known, part) for part in (parsed if isinstance(parsed, list) else [parsed])):
        shown = value.split(",") if known.type == "List" else value if known.values or known.type in _NESTED else parsed
        inside = "value " if isinstance(parsed, list) else ""
        outside = "not in range" if isinstance(parsed, list) else "is not in"
        raise Invalid(f"Hyperparameter {known.name}: {inside}{shown} {outside} {known.span}")


_NESTED = ("Tuple", "Nested")


def _parsed(known: Hyperparameter, value: str) -> Any:
    if known.type == "Integer":
        return int(value)
    if known.type == "Continuous":
        return float(value)
    if known.type in ("List", "Metrics"):
        return [part.strip() for part in value.split(",")]
    if known.type in _NESTED:
        return _numbers(ast.literal_eval(value.strip()))
    return value


def _numbers(value: object) -> list[int]:
    if isinstance(value, bool) or not isinstance(value, (int, list, tuple)):
        raise TypeError(value)
    return [value] if isinstance(value, int) else [number for part in value for number in _numbers(part)]


def _within(known: Hyperparameter, value: Any) -> bool:
    if known.values:
        return str(value) in known.values
    if known.type == "FreeText":
        return True
    low = known.low is None or (value > known.low if known.low_open else value >= known.low)
    return low and (known.high is None or (value < known.high if known.high_open else value <= known.high))


def _check_metric(known: Hyperparameter, metric: str) -> None:
    name, at, threshold = (part.strip() for part in metric.partition("@"))
    if "<function" in metric:
        raise Invalid(f"User defined evaluation metric {metric} is not supported yet.")
    if at and name not in known.thresholds:
        options = ", ".join(f"'{option}'" for option in known.thresholds)
        raise Invalid(
            f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should be one of "
            f"these options: {options}."
        )
    if at and not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?-?", threshold):
        raise Invalid(f"Threshold value 't' in '{name}@t' expects float input.")
    if name not in known.values:
        raise Invalid(f"Hyperparameter {known.name}: value {[metric]} not in range {known.span}")


def _check_rule(rule: Rule, values: Mapping[str, str]) -> None:
    parts = [part.strip() for part in values.get(rule.when, "").split(",")] if rule.when in values else []
    if not parts or (rule.has and not any(part in rule.has for part in parts)):
        return
    value = values.get(rule.name)
    if value is None and rule.optional:
        return
    if value is None and not rule.among:
        raise Invalid(rule.message)
    if rule.among and not any(
        value is not None and (value.startswith(legal[:-1]) if legal.endswith("*") else value == legal)
        for legal in rule.among
    ):
        raise Invalid(rule.message)


def _hyperparameter(
    name: str, row: dict[str, Any], lists: dict[str, dict[str, list[str]]], here: tuple[int, ...]
) -> Hyperparameter:
    values = list(row.get("values", []))
    if "list" in row:
        for since, more in sorted(lists[row["list"]].items(), key=lambda pair: _version(pair[0])):
            if _version(since) <= here:
                values += more
    gone = [value for value, last in row.get("gone", {}).items() if here > _version(last)]
    return Hyperparameter(
        name=name,
        type=row["type"],
        required=row.get("required", False),
        low=row.get("min", row.get("above")),
        high=row.get("max", row.get("below")),
        low_open="above" in row,
        high_open="below" in row,
        values=tuple(value for value in values if value not in gone),
        thresholds=tuple(row.get("thresholds", [])),
        tunable=row.get("tunable", False),
        default=row.get("default", ""),
    )


def _holds(row: dict[str, Any], here: tuple[int, ...]) -> bool:
    return _version(row.get("since", "0")) <= here <= _version(row.get("until", "9999"))


def _version(tag: str) -> tuple[int, ...]:
    """1.7-1 -> (1, 7, 1). The tags `1` and `latest` are of xgboost 0.72."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", tag))
    return numbers if len(numbers) > 1 or numbers in ((0,), (9999,)) else (0, 72)
