"""Column types as Hive writes them, and how those of several records become one."""

from dataclasses import dataclass, field
from typing import Any, Final

SIMILAR: Final = 0.7  # of columns that two schemas share, from which on they are one table's
LARGEST_INT: Final = (1 << 31) - 1
MOST_COLUMNS, LONGEST = 2000, 131_072  # of a table, and characters of a type: limits of the API's
WIDER: Final = ("tinyint", "smallint", "int", "bigint", "float", "double")

Type = "str | Struct | Array"


@dataclass(frozen=True, slots=True)
class Struct:
    fields: dict[str, Any]

    def __str__(self) -> str:
        return "struct<" + ",".join(f"{name}:{kind}" for name, kind in self.fields.items()) + ">"


@dataclass(frozen=True, slots=True)
class Array:
    of: Any

    def __str__(self) -> str:
        return f"array<{self.of}>"


@dataclass(slots=True)
class Found:
    """What a file is. `details`: what a table's parameters tell beside that, such as a delimiter."""

    classification: str  # csv, json, parquet
    columns: dict[str, Any]  # names in the order of the file, and types
    details: dict[str, str] = field(default_factory=dict)
    compression: str = "none"
    records: int = 0  # of those that were looked at
    size: float = 0.0  # bytes that they take

    def compatible(self, other: "Found") -> bool:
        """Whether the two could be files of one table, whatever their columns are."""
        mine, theirs = (
            (found.classification, found.compression, found.details.get("delimiter"), found.details.get("header"))
            for found in (self, other)
        )
        return mine == theirs

    def similar(self, other: "Found") -> bool:
        """https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html"""
        mine, theirs = ({name.lower() for name in found.columns} for found in (self, other))
        return len(mine & theirs) >= SIMILAR * len(mine | theirs)

    def merged(self, other: "Found") -> "Found":
        columns = dict(self.columns)
        for name, kind in other.columns.items() if other.columns != columns else ():
            columns[name] = merged(columns[name], kind) if name in columns else kind
        return Found(
            self.classification,
            columns,
            self.details,
            self.compression,
            self.records + other.records,
            self.size + other.size,
        )


def of_value(value: Any) -> Any:
    """Of a value of JSON; None of null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if -LARGEST_INT - 1 <= value <= LARGEST_INT else "bigint" if abs(value) < 1 << 63 else "double"
    if isinstance(value, float):
        return "double"
    if isinstance(value, dict):
        return Struct({str(name): of_value(each) for name, each in value.items()})
    if isinstance(value, list):
        kind = None
        for each in value:
            kind = merged(kind, of_value(each))
        return Array(kind)
    return "string"


def merged(one: Any, other: Any) -> Any:
    """The type that has room for both; what has nothing in common is text."""
    if one is None or other is None or one == other:
        return one if other is None else other
    if isinstance(one, Struct) and isinstance(other, Struct):
        fields = dict(one.fields)
        for name, kind in other.fields.items():
            fields[name] = merged(fields[name], kind) if name in fields else kind
        return Struct(fields)
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merged(one.of, other.of))
    if one in WIDER and other in WIDER:
        return WIDER[max(WIDER.index(one), WIDER.index(other))]
    return "string"


def settled(kind: Any) -> str:
    """As the catalog has it: what was never seen is text."""
    return str(_known(kind))[:LONGEST]


def _known(kind: Any) -> Any:
    if isinstance(kind, Struct):
        known = {name: _known(each) for name, each in kind.fields.items()}
        return Struct(known) if known else "string"
    if isinstance(kind, Array):
        return Array(_known(kind.of))
    return kind or "string"
