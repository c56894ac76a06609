"""Types of dynamic records beside Spark's: how one is said in the other, how two become one, how they are printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pyspark.sql import types as spark

from . import gluetypes as glue

_ATOMS: list[tuple[type[glue.DataType], Any]] = [
    (glue.BinaryType, spark.BinaryType()),
    (glue.BooleanType, spark.BooleanType()),
    (glue.ByteType, spark.ByteType()),
    (glue.DateType, spark.DateType()),
    (glue.DoubleType, spark.DoubleType()),
    (glue.FloatType, spark.FloatType()),
    (glue.IntegerType, spark.IntegerType()),
    (glue.LongType, spark.LongType()),
    (glue.NullType, spark.NullType()),
    (glue.ShortType, spark.ShortType()),
    (glue.StringType, spark.StringType()),
    (glue.TimestampType, spark.TimestampType()),
]
# As mappings, casts and the Data Catalog spell them: https://docs.aws.amazon.com/athena/latest/ug/data-types.html
_SPELT: dict[str, type[glue.DataType]] = {one.name: one for one, _ in _ATOMS} | {
    "bigint": glue.LongType,
    "bool": glue.BooleanType,
    "integer": glue.IntegerType,
    "smallint": glue.ShortType,
    "tinyint": glue.ByteType,
    "text": glue.StringType,
    "void": glue.NullType,
    "real": glue.FloatType,
    "char": glue.StringType,
    "varchar": glue.StringType,
}
_SIZED = re.compile(r"(char|varchar|decimal)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
NESTED = {"array", "struct", "map", "choice", "set"}


class SparkType(glue.AtomicType):
    """One that Spark alone has, as a vector of its ML: kept as it is."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def typeName(self) -> str:  # type: ignore[override] # the name is the instance's
        return str(self.kind.simpleString())

    def _key(self) -> tuple[Any, ...]:
        return (SparkType, self.kind)


def to_spark(kind: glue.DataType) -> Any:
    """A choice is a struct with a field a type."""
    for one, found in _ATOMS:
        if type(kind) is one:
            return found
    if isinstance(kind, glue.DecimalType):
        return spark.DecimalType(kind.precision, kind.scale)
    if isinstance(kind, glue.EnumType):
        return spark.StringType()
    if isinstance(kind, glue.ArrayType):
        return spark.ArrayType(to_spark(kind.elementType))
    if isinstance(kind, glue.MapType):
        return spark.MapType(spark.StringType(), to_spark(kind.valueType))
    if isinstance(kind, glue.StructType):
        return spark.StructType([spark.StructField(one.name, to_spark(one.dataType)) for one in kind])
    if isinstance(kind, glue.ChoiceType):
        return spark.StructType([spark.StructField(name, to_spark(one)) for name, one in kind.choices.items()])
    return kind.kind if isinstance(kind, SparkType) else spark.NullType()


def from_spark(kind: Any) -> glue.DataType:
    for one, found in _ATOMS:
        if type(kind) is type(found):
            return one()
    if isinstance(kind, spark.DecimalType):
        return glue.DecimalType(kind.precision, kind.scale)
    if isinstance(kind, spark.ArrayType):
        return glue.ArrayType(from_spark(kind.elementType))
    if isinstance(kind, spark.MapType) and isinstance(kind.keyType, spark.StringType):
        return glue.MapType(from_spark(kind.valueType))
    if isinstance(kind, spark.StructType):
        return glue.StructType([glue.Field(one.name, from_spark(one.dataType)) for one in kind.fields])
    return SparkType(kind)


def atom(said: str) -> glue.DataType:
    """The type of no parts that `said` names, as `long`, `bigint`, `decimal(10,2)`. ValueError for another."""
    name = said.strip().lower()
    sized = _SIZED.fullmatch(name)
    if sized and sized[1] == "decimal":
        return glue.DecimalType(int(sized[2]), int(sized[3] or 0))
    if name == "decimal":
        return glue.DecimalType()
    found = _SPELT.get(sized[1] if sized else name)
    if found is None:
        raise ValueError(f"There is no type {said} to cast to")
    return found()


def is_nested(said: str) -> bool:
    """Whether a type's name is of one with parts: `array`, or `struct<a:int>` in full."""
    return said.strip().lower().partition("<")[0] in NESTED


def is_null(kind: glue.DataType) -> bool:
    return isinstance(kind, glue.NullType | glue.UnknownType)


def merged(one: glue.DataType, other: glue.DataType) -> glue.DataType:
    """What holds values of both: structs and arrays part by part, a choice where they differ."""
    if one == other or is_null(other):
        return one
    if is_null(one):
        return other
    if isinstance(one, glue.ChoiceType) or isinstance(other, glue.ChoiceType):
        together: dict[str, glue.DataType] = {}
        for part in (*_parts(one), *_parts(other)):
            name = part.typeName()
            together[name] = merged(together[name], part) if name in together else part
        return glue.ChoiceType(together.values())
    if isinstance(one, glue.StructType) and isinstance(other, glue.StructType):
        fields = {field.name: field.dataType for field in one}
        for field in other:
            fields[field.name] = merged(fields.get(field.name, glue.NullType()), field.dataType)
        return struct(fields.items())
    if isinstance(one, glue.ArrayType) and isinstance(other, glue.ArrayType):
        return glue.ArrayType(merged(one.elementType, other.elementType))
    if isinstance(one, glue.MapType) and isinstance(other, glue.MapType):
        return glue.MapType(merged(one.valueType, other.valueType))
    if isinstance(one, glue.DecimalType) and isinstance(other, glue.DecimalType):
        scale = max(one.scale, other.scale)
        whole = max(one.precision - one.scale, other.precision - other.scale)
        return glue.DecimalType(min(38, whole + scale), scale)
    return glue.ChoiceType([one, other])


def _parts(kind: glue.DataType) -> Iterable[glue.DataType]:
    return kind.choices.values() if isinstance(kind, glue.ChoiceType) else [kind]


def struct(fields: Iterable[tuple[str, glue.DataType]]) -> glue.StructType:
    return glue.StructType([glue.Field(name, kind) for name, kind in fields])


def has_choice(kind: glue.DataType) -> bool:
    if isinstance(kind, glue.StructType):
        return any(has_choice(field.dataType) for field in kind)
    if isinstance(kind, glue.ArrayType):
        return has_choice(kind.elementType)
    if isinstance(kind, glue.MapType):
        return has_choice(kind.valueType)
    return isinstance(kind, glue.ChoiceType)


def tree(kind: glue.StructType) -> str:
    """As printSchema prints it."""
    return "\n".join(["root", *_lines(kind, "")]) + "\n"


def _lines(kind: glue.DataType, indent: str) -> Iterator[str]:
    inner: list[tuple[str, glue.DataType]] = []
    if isinstance(kind, glue.StructType):
        inner = [(field.name, field.dataType) for field in kind]
    elif isinstance(kind, glue.ArrayType):
        inner = [("element", kind.elementType)]
    elif isinstance(kind, glue.MapType):
        inner = [("keyType", glue.StringType()), ("valueType", kind.valueType)]
    elif isinstance(kind, glue.ChoiceType):
        for name, one in sorted(kind.choices.items()):
            yield f"{indent}|-- {name}"
            yield from _lines(one, f"{indent}|    ")
    for name, one in inner:
        said = f"decimal({one.precision},{one.scale})" if isinstance(one, glue.DecimalType) else one.typeName()
        yield f"{indent}|-- {name}: {said}"
        yield from _lines(one, f"{indent}|    ")
