"""Functions of Python over the records of a frame, one by one: map and filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import gluetypes as glue
from .errors import Errors, Failed
from .schema import merged, struct, to_spark
from .values import decoder, encoder, kind_of, shape


def mapped(
    df: Any, old: glue.StructType, function: Callable[[Any], Any], preserves: bool
) -> tuple[Any, glue.DataType, Errors]:
    """What the function makes, its type, which all of it together tells, and the records on which it failed."""

    def made(part: Iterable[Any]) -> Iterator[Any]:
        decode = decoder(old)
        for row in part:
            try:
                result = function(decode(row))
                yield result if isinstance(result, dict) else _not_a_record(result)
            except Exception as error:  # noqa: BLE001 - user code's: it becomes an error record
                yield Failed(error, decode(row))

    rows = df.rdd.mapPartitions(made, preserves).persist()
    kind, failed = kind_of_all(rows)
    kind = _as_wide(kind, old)

    def rowed(part: Iterable[Any]) -> Iterator[Any]:
        encode = encoder(kind)
        return (encode(one) for one in part if not isinstance(one, Failed))

    good = rows.mapPartitions(rowed)
    errors = Errors(rows.filter(lambda one: isinstance(one, Failed)).map(Failed.row), failed)
    return df.sparkSession.createDataFrame(good, to_spark(kind), verifySchema=False), kind, errors


def filtered(df: Any, kind: glue.StructType, function: Callable[[Any], Any]) -> tuple[Any, Errors]:
    """The records of which the function is true, and those on which it failed."""

    def tried(part: Iterable[Any]) -> Iterator[Any]:
        decode = decoder(kind)
        for row in part:
            try:
                if function(decode(row)):
                    yield row
            except Exception as error:  # noqa: BLE001 - user code's: it becomes an error record
                yield Failed(error, decode(row))

    rows = df.rdd.mapPartitions(tried)
    good = rows.filter(lambda one: not isinstance(one, Failed))
    errors = Errors(rows.filter(lambda one: isinstance(one, Failed)).map(Failed.row))
    return df.sparkSession.createDataFrame(good, df.schema, verifySchema=False), errors


def _not_a_record(result: Any) -> Any:
    raise TypeError(f"the function gave {type(result).__name__}, not a record")


def kind_of_all(rows: Any) -> tuple[glue.DataType, int]:
    """The type of all records of an RDD together, and how many failed."""

    def of_part(part: Iterable[Any]) -> Iterable[tuple[glue.DataType, int]]:
        kind: glue.DataType = glue.StructType()
        failed = 0
        seen: set[Any] = set()
        for one in part:
            if isinstance(one, Failed):
                failed += 1
            elif (key := shape(one)) not in seen:  # most records have few shapes
                seen.add(key)
                kind = merged(kind, kind_of(one))
                if len(seen) > _SEEN:
                    seen.clear()
        yield kind, failed

    kind: glue.DataType = glue.StructType()
    failed = 0
    for one, count in rows.mapPartitions(of_part).collect():
        kind, failed = merged(kind, one), failed + count
    return kind, failed


_SEEN = 10_000


def _as_wide(new: glue.DataType, old: glue.DataType) -> glue.DataType:
    """Whole numbers, dates' and texts' types as they were before, where a record's value alone doesn't tell."""
    if isinstance(new, glue.StructType) and isinstance(old, glue.StructType):
        return struct(
            (one.name, _as_wide(one.dataType, old.getField(one).dataType) if old.hasField(one) else one.dataType)
            for one in new
        )
    if isinstance(new, glue.ArrayType) and isinstance(old, glue.ArrayType):
        return glue.ArrayType(_as_wide(new.elementType, old.elementType))
    if isinstance(new, glue.StructType) and isinstance(old, glue.MapType):
        return old if all(_as_wide(one.dataType, old.valueType) == old.valueType for one in new) else new
    narrow = {"int": ("long", "short", "byte"), "double": ("float",), "null": ()}.get(new.typeName(), ())
    if isinstance(new, glue.NullType) or old.typeName() in narrow:
        return old
    return old if isinstance(new, glue.DecimalType) and isinstance(old, glue.DecimalType) else new
