"""Formats: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from py4j.protocol import Py4JJavaError
from pyspark.sql import functions as F
from pyspark.sql import types as spark_types

from . import gluetypes as glue
from .columns import aligned, cast, in_shape, top
from .errors import Errors
from .files import File, truth
from .jsonlines import errors_of, is_spark_s, kind_of_texts, read_texts, readable, records_of
from .schema import from_spark, has_choice, is_null, struct, to_spark
from .values import decoder, plain

FILE = "\0file"  # the column that names a record's file
_AVRO = "org.apache.spark.sql.avro.AvroFileFormat"
_REFUSED = {
    "xml": "is read by a library that Spark 3.5 does not come with",
    "ion": "is read by a library that Spark does not come with",
    "groklog": "is not there yet",
    "hudi": "needs Hudi's jars",
    "delta": "needs Delta Lake's jars: read it with spark.read and --extra-jars",
    "iceberg": "needs Iceberg's jars: read it with spark.read and --extra-jars",
}


class Read(NamedTuple):
    df: Any  # with the column FILE behind the others if it was asked for
    kind: glue.StructType
    errors: Errors


def read(spark: Any, name: str, files: list[File], options: dict[str, Any], *, tell_file: bool = False) -> Read:
    """The records of files. `options` are format options, and Spark's own for parquet, orc and avro."""
    known = _known(spark, name)
    if not files:
        fields = [spark_types.StructField(FILE, spark_types.StringType())] if tell_file else []
        return Read(spark.createDataFrame([], spark_types.StructType(fields)), glue.StructType(), Errors())
    paths = [_escaped(file.path) for file in files]
    if known == "json":
        return _json(spark, paths, options, tell_file=tell_file)
    if known == "csv":
        df = _csv(spark, paths, options)
    else:
        df = spark.read.format(known).options(**{key: str(one) for key, one in options.items()}).load(paths)
    kind = from_spark(df.schema)
    assert isinstance(kind, glue.StructType)
    return Read(_with_file(df) if tell_file else df, kind, Errors())


def _known(spark: Any, name: str | None) -> str:
    lower = (name or "").lower()
    if lower in {"json", "csv", "orc", "parquet"}:
        return lower
    if lower == "glueparquet":
        return "parquet"
    if lower == "avro":
        try:
            spark._jvm.java.lang.Class.forName(_AVRO, True, spark._jvm.Thread.currentThread().getContextClassLoader())
        except Py4JJavaError:  # there is no such class
            raise NotImplementedError(
                "format avro needs Spark's spark-avro package, which PySpark does not bring: give it by --extra-jars"
            ) from None
        return lower
    if lower in _REFUSED:
        raise NotImplementedError(f"format {name} {_REFUSED[lower]}")
    raise ValueError(f"Unknown format: {name}. There are avro, csv, glueparquet, json, orc, parquet")


def _escaped(path: str) -> str:
    """Spark takes these for patterns."""
    return "".join(f"\\{one}" if one in "{}[]*?\\" else one for one in path)


def _with_file(df: Any) -> Any:
    return df.withColumn(FILE, F.input_file_name())


def _json(spark: Any, paths: list[str], options: dict[str, Any], *, tell_file: bool) -> Read:
    records, whole = records_of(options)
    lines = spark.read.text(paths, wholetext=whole)
    lines = _with_file(lines) if tell_file else lines
    texts = lines.rdd
    kind, failed = kind_of_texts(texts, records)
    errors = errors_of(texts, records, failed) if failed else Errors()
    known = readable(kind)
    if is_spark_s(kind, failed, whole=whole) and isinstance(known, glue.StructType):
        df = spark.read.schema(to_spark(known)).json(paths)
        df = _with_file(df) if tell_file else df
        return Read(df.select(*in_shape(known, kind), *([top(FILE)] if tell_file else [])), kind, errors)
    beside = [spark_types.StructField(FILE, spark_types.StringType())] if tell_file else []
    return Read(read_texts(spark, texts, records, kind, beside), kind, errors)


def csv_options(options: dict[str, Any]) -> dict[str, str]:
    """Spark's for Glue's. A quote in quotes is doubled unless `escaper` says how it is escaped."""
    quote = str(options.get("quoteChar", '"'))
    quote = "" if quote == "-1" else quote
    escaper = options.get("escaper")
    return {
        "sep": str(options.get("separator", ",")),
        "quote": quote,
        "escape": (quote or '"') if escaper in {None, "none", ""} else str(escaper),
    }


def _csv(spark: Any, paths: list[str], options: dict[str, Any]) -> Any:
    """All fields are text, and what is empty is an empty text; without a header they are called col0, col1, …"""
    header, skip = truth(options.get("withHeader")), truth(options.get("skipFirst"))
    names = options.get("names")  # a table's
    if header and skip:
        raise NotImplementedError("csv: withHeader and skipFirst together are not there")
    reader = spark.read.options(**csv_options(options)).option("header", header or skip)
    reader = reader.option("multiLine", truth(options.get("multiLine", options.get("multiline"))))
    reader = reader.option("encoding", str(options.get("encoding", "UTF-8")))
    if names:
        reader = reader.schema(
            spark_types.StructType([spark_types.StructField(one, spark_types.StringType()) for one in names])
        )
    df = reader.csv(paths)
    if not names:
        old = df.columns
        if skip:
            df = df.toDF(*(f"col{at}" for at in range(len(old))))
        else:
            df = df.toDF(*(f"col{one[2:]}" if one == f"_c{at}" else one for at, one in enumerate(old)))
    return df.select(*(F.coalesce(top(one), F.lit("")).alias(one) for one in df.columns))


def write(df: Any, kind: glue.StructType, name: str | None, path: str, options: dict[str, Any]) -> None:
    """Adds files below `path`. `options`: format's, and `partitionKeys`, `compression`, `mode` of the connection."""
    known = _known(df.sparkSession, name)
    keys = list(options.get("partitionKeys") or [])
    missing = [key for key in keys if not kind.hasField(key)]
    if missing:
        raise ValueError(f"partitionKeys: there is no field {', '.join(missing)}")
    if known == "json" and has_choice(kind):
        df, known = _as_json(df, kind, keys), "text"
    elif known in {"csv", "parquet", "orc"}:
        df = df.select(*_writable(kind, text=known == "csv"))
    writer = df.write.mode(str(options.get("mode", "append"))).format(known)
    writer = writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
    if known == "csv":
        header = truth(options.get("writeHeader", True))
        writer = writer.options(**csv_options(options)).option("header", header).option("emptyValue", "")
    if compression := options.get("compression") or options.get("compressionType"):
        writer = writer.option("compression", {"bzip": "bzip2"}.get(str(compression), str(compression)))
    if keys:
        writer = writer.partitionBy(*keys)
    writer.save(path)


def _writable(kind: glue.StructType, *, text: bool) -> Iterable[Any]:
    """As CSV everything is text, what has parts as JSON; Parquet and ORC have no field that is null everywhere."""
    for one in kind:
        column, inner = top(one.name), one.dataType
        nested = isinstance(inner, glue.StructType | glue.ArrayType | glue.MapType | glue.ChoiceType)
        if text and (nested or is_null(inner)):
            column = cast(column, inner, glue.StringType()) if nested else F.lit(None).cast("string")
        elif not text:
            left = readable(inner)
            if left is None:
                continue
            column = aligned(column, inner, left)
        yield column.alias(one.name)


def _as_json(df: Any, kind: glue.StructType, keys: list[str]) -> Any:
    """Lines, in which a choice is its value; the keys' columns beside."""

    def lines(part: Iterable[Any]) -> Iterable[Any]:
        decode = decoder(kind)
        for row in part:
            record = decode(row)
            values = {name: one for name, one in record.items() if name not in keys}
            beside = (None if record[key] is None else str(record[key]) for key in keys)
            yield (json.dumps(plain(values), ensure_ascii=False), *beside)

    schema = to_spark(struct([("value", glue.StringType()), *((key, glue.StringType()) for key in keys)]))
    return df.sparkSession.createDataFrame(df.rdd.mapPartitions(lines), schema, verifySchema=False)
