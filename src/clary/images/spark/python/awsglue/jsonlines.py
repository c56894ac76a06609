"""JSON as dynamic records: each says its own types, and Glue keeps what they say.

Types are found record by record in Python; where no field is a choice Spark itself then reads the files. What is no
record becomes an error. https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-json-home.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import gluetypes as glue
from .errors import Errors, Failed
from .files import truth
from .recordwise import kind_of_all
from .schema import has_choice, struct, to_spark
from .values import encoder

_PATH = re.compile(r"\.(\w+|\*)|\['([^']*)'\]|\[\"([^\"]*)\"\]|\[(\*|\d+)\]")
Records = Callable[[str], Iterator[Any]]


def records_of(options: dict[str, Any]) -> tuple[Records, bool]:
    """How a text gives records, and whether the text is a whole file rather than a line."""
    path = str(options.get("jsonPath") or options.get("jsonpath") or "")
    multiline = truth(options.get("multiline", options.get("multiLine")))
    taken = _steps(path)
    return lambda text: _records(text, taken), multiline or bool(taken)


def _steps(path: str) -> list[str | int]:
    if not path.startswith("$"):
        if path:
            raise ValueError(f"jsonPath begins with $: {path}")
        return []
    found: list[str | int] = []
    position = 1
    while position < len(path):
        match = _PATH.match(path, position)
        if match is None:
            raise NotImplementedError(f"jsonPath: only names, indices and * are known, not {path[position:]}")
        name = match[1] or match[2] or match[3] or match[4]
        found.append(int(name) if match[4] and name != "*" else name)
        position = match.end()
    return found


def _records(text: str, path: list[str | int]) -> Iterator[Any]:
    """Values one behind the other; the elements of one that is a list are the records."""
    decoder = json.JSONDecoder()
    position = 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,\ufeff":
            position += 1
        if position == len(text):
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            yield Failed(error, {"record": text[position : position + 1000]})
            return
        for one in _taken([value], path):
            for record in one if isinstance(one, list) else [one]:
                yield (
                    record if isinstance(record, dict) else Failed(TypeError("JSON, but no object"), {"record": record})
                )


def _taken(values: list[Any], path: list[str | int]) -> list[Any]:
    for step in path:
        inner: list[Any] = []
        for value in values:
            if step == "*":
                inner += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
            elif isinstance(step, int):
                inner += [value[step]] if isinstance(value, list) and step < len(value) else []
            elif isinstance(value, dict) and step in value:
                inner.append(value[step])
        values = inner
    return values


def kind_of_texts(texts: Any, records: Records) -> tuple[glue.StructType, int]:
    """`texts` is an RDD of rows whose first column is text; the records' type together, and how many are none."""
    kind, failed = kind_of_all(texts.flatMap(lambda row: records(row[0])))
    assert isinstance(kind, glue.StructType)
    return kind, failed


def read_texts(spark: Any, texts: Any, records: Records, kind: glue.StructType, beside: list[Any]) -> Any:
    """The records as a DataFrame, by Python; what is beside the text in a row comes behind, as the fields `beside`."""

    def of_part(part: Iterable[Any]) -> Iterator[Any]:
        encode = encoder(kind)
        for row in part:
            rest = tuple(row[1:])
            for record in records(row[0]):
                if not isinstance(record, Failed):
                    yield encode(record) + rest

    schema = to_spark(kind)
    for field in beside:
        schema = schema.add(field)
    return spark.createDataFrame(texts.mapPartitions(of_part), schema, verifySchema=False)


def errors_of(texts: Any, records: Records, count: int) -> Errors:
    def of_row(row: Any) -> list[Any]:
        return [record.row() for record in records(row[0]) if isinstance(record, Failed)]

    return Errors(texts.flatMap(of_row), count)


def readable(kind: glue.DataType) -> glue.DataType | None:
    """The type without what is null everywhere, which Spark's reader doesn't know; None where nothing is left."""
    if isinstance(kind, glue.NullType | glue.UnknownType):
        return None
    if isinstance(kind, glue.StructType):
        parts = [(field.name, readable(field.dataType)) for field in kind]
        left = [(name, one) for name, one in parts if one is not None]
        return struct(left) if left else None
    if isinstance(kind, glue.ArrayType):
        element = readable(kind.elementType)
        return None if element is None else glue.ArrayType(element)
    return kind


def is_spark_s(kind: glue.StructType, failed: int, *, whole: bool) -> bool:
    """Whether Spark reads the same from the lines: no choice, no line that is no record, names that differ by more
    than case, and arrays with a known element.
    """
    names = [field.name.lower() for field in kind]
    known = readable(kind)
    return (
        not whole
        and not failed
        and known is not None
        and len(set(names)) == len(names)
        and not has_choice(kind)
        and not _has_empty(kind)
    )


def _has_empty(kind: glue.DataType) -> bool:
    """Arrays and structs of nothing: `[]` and `{}` are not null."""
    if isinstance(kind, glue.StructType):
        return not kind.fields or any(_has_empty(field.dataType) for field in kind)
    if isinstance(kind, glue.ArrayType):
        return isinstance(kind.elementType, glue.NullType | glue.UnknownType) or _has_empty(kind.elementType)
    return False
