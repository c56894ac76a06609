"""Nested fields as columns, and arrays as tables of their own.

https://docs.aws.amazon.com/glue/latest/dg/glue-etl-scala-apis-glue-dynamicframe-class.html (unnest, relationalize)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyspark.sql import functions as F

from . import gluetypes as glue
from .columns import fields, top
from .schema import NESTED, struct

Named = tuple[str, Any, glue.DataType]
_DDB = {"S": "string", "N": "string", "B": "binary", "BOOL": "boolean", "NULL": "boolean"}
_DDB_SETS = {"SS", "NS", "BS"}
_DDB_ALL = {*_DDB, *_DDB_SETS, "M", "L"}


def unnested(parts: Iterable[Named]) -> Iterator[Named]:
    """Structs' fields as columns called `a.b`; arrays stay what they are. The types of a choice are fields as well."""
    for name, column, kind in parts:
        if isinstance(kind, glue.StructType):
            yield from unnested((f"{name}.{one.name}", column.getField(one.name), one.dataType) for one in kind)
        elif isinstance(kind, glue.ChoiceType) and any(one in NESTED for one in kind.choices):
            yield from unnested((f"{name}.{one}", column.getField(one), part) for one, part in kind.choices.items())
        else:
            yield name, column, kind


def relationalized(
    frame: Any, root: glue.StructType, name: str, prefix: str = ""
) -> Iterator[tuple[str, Any, glue.StructType]]:
    """Tables (name, DataFrame, type): the root, then one for each array, `root_path`, down to arrays in arrays.

    An array's place holds the number of its record, 1 and on, which is `id` in its table; `index` counts from 0.
    Numbers hold as long as the records are read once, so the flat records are kept while the job runs.
    """
    flat = list(unnested(fields(root)))
    pivots = [(one, kind) for one, _, kind in flat if _is_pivot(kind)]
    frame = frame.select(*(column.alias(one) for one, column, _ in flat))
    if pivots:
        frame = frame.withColumn(_KEY, F.monotonically_increasing_id() + 1).persist()
    columns = [
        F.when(top(one).isNotNull(), top(_KEY)).alias(one) if _is_pivot(kind) else top(one) for one, _, kind in flat
    ]
    kinds = struct((one, glue.LongType() if _is_pivot(kind) else kind) for one, _, kind in flat)
    yield name, frame.select(*columns), kinds
    for one, kind in pivots:
        yield from _pivoted(frame, one, kind, prefix or name)


_KEY = "\0key"


def _is_pivot(kind: glue.DataType) -> bool:
    return isinstance(kind, glue.ArrayType | glue.MapType)


def _pivoted(frame: Any, column: str, kind: glue.DataType, name: str) -> Iterator[tuple[str, Any, glue.StructType]]:
    parts: list[tuple[str, glue.DataType]] = [("id", glue.LongType()), ("index", glue.IntegerType())]
    if isinstance(kind, glue.MapType):
        exploded = F.posexplode(F.map_entries(top(column))).alias("index", "entry")
        rows = frame.select(top(_KEY).alias("id"), exploded)
        rows = rows.select(
            "id", "index", F.col("entry.key").alias(f"{column}.key"), F.col("entry.value").alias(f"{column}.val")
        )
        parts += [(f"{column}.key", glue.StringType()), (f"{column}.val", kind.valueType)]
    elif isinstance(kind, glue.ArrayType):
        rows = frame.select(top(_KEY).alias("id"), F.posexplode(top(column)).alias("index", f"{column}.val"))
        parts.append((f"{column}.val", kind.elementType))
    else:
        raise TypeError(f"{kind!r} is no table")
    yield from relationalized(rows, struct(parts), f"{name}_{column}", name)


def is_ddb(kind: glue.DataType) -> bool:
    """Whether it is a value of DynamoDB's JSON: a struct with fields of its type names alone."""
    return isinstance(kind, glue.StructType) and bool(kind.fields) and all(one.name in _DDB_ALL for one in kind)


def ddb_unnested(parts: Iterable[Named]) -> Iterator[Named]:
    """DynamoDB's JSON as columns without its type names; lists, and what is no such JSON, stay.

    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-dynamodb-home.html (unnest_ddb_json)
    """
    for name, column, kind in parts:
        if isinstance(kind, glue.StructType) and not is_ddb(kind):
            yield from ddb_unnested((f"{name}.{one.name}", column.getField(one.name), one.dataType) for one in kind)
        elif isinstance(kind, glue.StructType):
            for one in kind:
                several = len(kind.fields) > 1
                inner = f"{name}_{one.name}" if several else name
                yield from _ddb_part(inner, column.getField(one.name), one)
        else:
            yield name, column, kind


def _ddb_part(name: str, column: Any, field: glue.Field) -> Iterator[Named]:
    if field.name == "M" and isinstance(field.dataType, glue.StructType):
        yield from ddb_unnested(
            (f"{name}.{one.name}", column.getField(one.name), one.dataType) for one in field.dataType
        )
    else:
        yield name, column, field.dataType


def ddb_simplified(column: Any, kind: glue.DataType) -> tuple[Any, glue.DataType]:
    """DynamoDB's JSON without its type names, nested as it is; a value with several types is left as it is.

    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
    (simplify_ddb_json: elements of a list that are maps or of several types are not simplified)
    """
    if is_ddb(kind) and isinstance(kind, glue.StructType) and len(kind.fields) == 1:
        field = kind.fields[0]
        inner = column.getField(field.name)
        if field.name == "L":
            return _ddb_list(inner, field.dataType)
        return ddb_simplified(inner, field.dataType) if field.name == "M" else (inner, field.dataType)
    if isinstance(kind, glue.StructType) and not is_ddb(kind):
        parts = {one.name: ddb_simplified(column.getField(one.name), one.dataType) for one in kind}
        made = F.when(column.isNotNull(), F.struct(*(part.alias(name) for name, (part, _) in parts.items())))
        return made, struct((name, part) for name, (_, part) in parts.items())
    return column, kind


def _ddb_list(column: Any, kind: glue.DataType) -> tuple[Any, glue.DataType]:
    element = kind.elementType if isinstance(kind, glue.ArrayType) else None
    if not isinstance(element, glue.StructType) or len(element.fields) != 1 or element.fields[0].name not in _DDB:
        return column, kind
    field = element.fields[0]
    return F.transform(column, lambda one: one.getField(field.name)), glue.ArrayType(field.dataType)
