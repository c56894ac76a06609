"""One constraint at a time, in AWS's words: lengths, ranges, patterns, enumerations."""

from collections.abc import Callable, Iterable
from typing import Any

from clary.wire.forms.scalars import FLOATS, INTEGERS, Shape
from clary.wire.patterns import compiled

NOT_NULL = "Member must not be null"
# Backtracking over a text that is far too long anyway would only cost time.
_PATTERN_LIMIT = 1 << 16

Constraint = tuple[Callable[[Any], bool], str]


def constraints(shape: Shape, *, only_enum: bool = False) -> list[Constraint]:
    """What the shape itself asks of a value, in AWS's order: longest, shortest, pattern, enumeration."""
    facts = shape.metadata
    found: list[Constraint] = []
    kind = shape.type_name
    if not only_enum:
        numeric = kind in INTEGERS or kind in FLOATS
        if kind != "timestamp":
            found += _bounds(facts, numeric=numeric)
        if kind == "string" and "pattern" in facts:
            found += _pattern(facts["pattern"])
    if kind == "string" and facts.get("enum"):
        found.append((_in(facts["enum"]), f"Member must satisfy enum value set: [{', '.join(facts['enum'])}]"))
    return found


def _bounds(facts: dict[str, Any], *, numeric: bool) -> Iterable[Constraint]:
    what = "value" if numeric else "length"
    if "max" in facts:
        yield _at_most(facts["max"], numeric=numeric), f"Member must have {what} less than or equal to {facts['max']}"
    # A length of at least 0 is never missed, but AWS names it where it lists all constraints.
    if "min" in facts:
        words = f"Member must have {what} greater than or equal to {facts['min']}"
        yield _at_least(facts["min"], numeric=numeric), words


def _at_most(limit: Any, *, numeric: bool) -> Callable[[Any], bool]:
    return (lambda value: value <= limit) if numeric else (lambda value: len(value) <= limit)


def _at_least(limit: Any, *, numeric: bool) -> Callable[[Any], bool]:
    return (lambda value: value >= limit) if numeric else (lambda value: len(value) >= limit)


def _in(values: list[str]) -> Callable[[Any], bool]:
    return frozenset(values).__contains__


def _pattern(pattern: str) -> Iterable[Constraint]:
    # Compiled when first needed: a service has hundreds, a request meets a few.
    def matches(value: str) -> bool:
        regex = compiled(pattern)
        return regex is None or len(value) > _PATTERN_LIMIT or regex.match(value) is not None

    yield matches, f"Member must satisfy regular expression pattern: {pattern}"
