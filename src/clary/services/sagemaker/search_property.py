"""The properties that Search filters and sorts by: a path through the shape of a record, in AWS's spelling.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Filter.html: HyperParameters.<name>, Metrics.<name> and
Tags.<key> name what is in a map or a list. What stands in lists has as many values as elements.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from clary.errors import Invalid

Kind = Literal["text", "number", "time", "boolean", "loose", "whole"]  # loose: a number if it reads as one
KINDS: Final[dict[str, Kind]] = {
    "string": "text",
    "integer": "number",
    "long": "number",
    "float": "number",
    "double": "number",
    "timestamp": "time",
    "boolean": "boolean",
}
STATISTICS: Final = ("Max", "Min", "Avg", "Last", "Count", "StdDev")
PAIRS: Final = {"Tag": ("Key", "Value"), "MetricData": ("MetricName", "Value")}  # lists that are asked as maps
VALUES: Final = {"TrialComponentParameterValue": ("NumberValue", "StringValue"), "TrialComponentArtifact": ("Value",)}
LOOSE: Final = {"TrialComponentParameterValue", "HyperParameterValue"}

Walk = Callable[[Any], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    kind: Kind
    walk: Walk

    def values(self, record: Any) -> list[Any]:
        """All that a record has there."""
        return [value for value in self.walk(record) if value is not None]


def find(shape: Any, name: str) -> Property:
    """Raises Invalid for what records of the shape do not have."""
    found = _find(shape, name)
    if found is None:
        raise Invalid(f"Unknown property name: {name}")
    return Property(name, *found)


def _find(shape: Any, rest: str) -> tuple[Kind, Walk] | None:
    if shape.type_name == "structure":
        return _member(shape, rest)
    if shape.type_name == "list":
        return _element(shape.member, rest)
    if shape.type_name == "map":
        return _entry(shape.value, rest)
    if rest:
        return None
    return ("loose" if shape.name in LOOSE else KINDS[shape.type_name]), lambda value: iter((value,))


def _member(shape: Any, rest: str) -> tuple[Kind, Walk] | None:
    if not rest:
        members = VALUES.get(shape.name)
        if members is None:
            return "whole", lambda value: iter((value,))
        kind: Kind = "loose" if shape.name in LOOSE else "text"
        return kind, lambda value: (value.get(member) for member in members)
    wanted, _, after = rest.partition(".")
    if shape.name == "TrainingJob" and wanted.lower() == "metrics":
        wanted = "FinalMetricDataList"
    name = next((known for known in shape.members if known.lower() == wanted.lower()), None)
    if name is None or (found := _find(shape.members[name], after)) is None:
        return None
    kind, inner = found

    def walk(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and value.get(name) is not None:
            yield from inner(value[name])

    return kind, walk


def _element(shape: Any, rest: str) -> tuple[Kind, Walk] | None:
    if shape.name in PAIRS:
        key, value = PAIRS[shape.name]
        kind: Kind = KINDS[shape.members[value].type_name]
        if not rest:
            return "text", lambda elements: (one[member] for one in elements for member in (key, value))
        return kind, lambda elements: (one[value] for one in elements if one[key] == rest)
    if shape.name == "TrialComponentMetricSummary" and rest:
        return "number", lambda elements: _statistic(elements, rest)
    found = _find(shape, rest)
    if found is None:
        return None
    kind, inner = found
    return kind, lambda elements: (value for one in elements for value in inner(one))


def _statistic(elements: list[Any], rest: str) -> Iterator[Any]:
    """metrics.test:accuracy.max; the last one, if none is named."""
    name, _, asked = rest.rpartition(".")
    statistic = next((known for known in STATISTICS if name and known.lower() == asked.lower()), None)
    for one in elements:
        if one["MetricName"] == (name if statistic else rest):
            yield one.get(statistic or "Last")


def _entry(shape: Any, rest: str) -> tuple[Kind, Walk] | None:
    """Keys may have dots in them: Parameters.SageMaker.InstanceType."""
    plain = _find(shape, "")
    if plain is None:
        return None
    kind, inner = plain
    if not rest:
        return "text", lambda entries: (
            text for key, value in entries.items() for text in (key, *inner(value)) if text is not None
        )

    def walk(entries: Any) -> Iterator[Any]:
        for key, value in entries.items():
            if key == rest:
                yield from inner(value)
            elif rest.startswith(f"{key}.") and (deeper := _find(shape, rest[len(key) + 1 :])):
                yield from deeper[1](value)

    return kind, walk


def meant(of: Property, text: str) -> Any:
    """The value of a filter as the property's kind has it. Raises Invalid."""
    try:
        if of.kind == "number":
            return float(text)
        if of.kind == "time":
            return _time(text)
        if of.kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError) as error:
        raise Invalid(f"Invalid value for property {of.name} of type {of.kind}: {text}") from error
    return text


def _time(text: str) -> float:
    """YYYY-mm-dd'T'HH:MM:SS, in UTC unless it says otherwise; seconds since the epoch."""
    found = dt.datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
