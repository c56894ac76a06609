"""A field of text that holds records: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-transforms-Unbox.html."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from . import gluetypes as glue
from .errors import Errors, Failed
from .files import truth
from .jsonlines import kind_of_texts, records_of
from .schema import to_spark
from .values import encoder


def unboxed(df: Any, column: Any, format: str, options: dict[str, Any]) -> tuple[Any, glue.DataType, Errors]:
    """The DataFrame with what the texts hold in a last column, its type, and the texts that hold no record.

    A text that is null or no record leaves null in its place.
    """
    if format == "json":
        records = records_of(options)[0]
    elif format == "csv":
        records = _csv(options)
    else:
        raise NotImplementedError(f"unbox reads json and csv, not {format}")
    texts = df.select(column.alias("text")).na.drop().rdd
    kind: glue.DataType
    if "withSchema" in options:
        kind = glue._deserialize_json_value(options["withSchema"])
        failed = None
    else:
        kind, failed = kind_of_texts(texts, records)

    def of_part(part: Iterable[Any]) -> Iterator[Any]:
        encode = encoder(kind)
        for row in part:
            found = next(records(row[-1]), None) if row[-1] is not None else None
            yield (*row[:-1], None if found is None or isinstance(found, Failed) else encode(found))

    spark = df.sparkSession
    schema = df.schema.add("\0unboxed", to_spark(kind))
    rows = df.select("*", column.alias("\0text")).rdd.mapPartitions(of_part)
    errors = texts.flatMap(lambda row: [one.row() for one in records(row[0]) if isinstance(one, Failed)])
    return spark.createDataFrame(rows, schema, verifySchema=False), kind, Errors(errors, failed)


def _csv(options: dict[str, Any]) -> Any:
    separator = str(options.get("separator", ","))
    escaper = options.get("escaper")
    quote = options.get("quoteChar", '"')
    header, skip = truth(options.get("withHeader")), truth(options.get("skipFirst"))

    def records(text: str) -> Iterator[Any]:
        plain = str(quote) == "-1"
        rows = csv.reader(
            text.splitlines(),
            delimiter=separator,
            quotechar=None if plain else str(quote),
            quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
            escapechar=None if escaper in {None, "none"} else str(escaper),
        )
        names = next(rows, []) if header else None
        if skip:
            next(rows, None)
        for row in rows:
            yield dict(zip(names or [f"col{at}" for at in range(len(row))], row, strict=False))

    return records
