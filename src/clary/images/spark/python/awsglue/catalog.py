"""Tables of the Data Catalog as sources and targets: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect.html."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from pyspark.sql import functions as F
from pyspark.sql import types as spark_types

from . import gluetypes as glue
from .clients import client
from .columns import top
from .schema import atom, to_spark

# What a SerDe or input format is called, where the table has no classification.
_BY_CLASS = (("parquet", "parquet"), ("orc", "orc"), ("avro", "avro"), ("json", "json"), ("text", "csv"))
_SERDES = {
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "orc": (
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    "json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
    "csv": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    ),
}


class Partition(NamedTuple):
    values: tuple[str, ...]
    location: str


class Table:
    """One table's document, GetTable's."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.name: str = document["Name"]
        self.descriptor: dict[str, Any] = document.get("StorageDescriptor", {})
        self.keys = [(one["Name"], one.get("Type", "string")) for one in document.get("PartitionKeys", [])]
        self.columns = [(one["Name"], one.get("Type", "string")) for one in self.descriptor.get("Columns", [])]
        self.parameters = {**self.descriptor.get("Parameters", {}), **document.get("Parameters", {})}
        self.location: str = self.descriptor.get("Location", "")

    @property
    def format(self) -> str:
        said = self.parameters.get("classification", "").lower()
        if said and said != "unknown":
            return {"glueparquet": "parquet"}.get(said, str(said))
        serde = self.descriptor.get("SerdeInfo", {}).get("SerializationLibrary", "")
        used = f"{serde} {self.descriptor.get('InputFormat', '')}".lower()
        for part, name in _BY_CLASS:
            if part in used:
                return name
        raise ValueError(f"The table {self.name} does not say what format its data has")

    def atoms(self) -> dict[str, glue.DataType]:
        """The columns' types, of those that have one without parts; what Glue knows no type for is left as it is."""
        found = {}
        for name, said in self.columns:
            with suppress(ValueError):
                found[name] = atom(said)
        return found

    def options(self) -> dict[str, Any]:
        """Format options, as the SerDe's parameters and the table's say."""
        if self.format != "csv":
            return {name: self.parameters[name] for name in ("jsonPath", "multiLine") if name in self.parameters}
        serde = self.descriptor.get("SerdeInfo", {})
        said = {**self.parameters, **serde.get("Parameters", {})}
        found = {
            "separator": said.get("separatorChar") or said.get("field.delim") or said.get("delimiter") or ",",
            "withHeader": int(said.get("skip.header.line.count", 0) or 0) > 0,
            "names": [name for name, _ in self.columns],
        }
        if "quoteChar" in said:
            found["quoteChar"] = said["quoteChar"]
        if "escapeChar" in said or "escape.delim" in said:
            found["escaper"] = said.get("escapeChar") or said["escape.delim"]
        return found


class Catalog:
    """By the job's own role, in the account of `catalog_id` or the role's."""

    def __init__(self, catalog_id: str | None) -> None:
        self._client = client("glue")
        self._in = {"CatalogId": catalog_id} if catalog_id else {}

    def table(self, database: str, name: str) -> Table:
        return Table(self._client.get_table(DatabaseName=database, Name=name, **self._in)["Table"])

    def columns(self, database: str, name: str) -> dict[str, str]:
        table = self.table(database, name)
        return dict([*table.columns, *table.keys])

    def partitions(self, database: str, name: str, expression: str = "") -> list[Partition]:
        """`expression` is of the catalog's own language, and is answered there (catalogPartitionPredicate)."""
        pages = self._client.get_paginator("get_partitions").paginate(
            DatabaseName=database, TableName=name, **({"Expression": expression} if expression else {}), **self._in
        )
        return [
            Partition(tuple(one["Values"]), one.get("StorageDescriptor", {}).get("Location", ""))
            for page in pages
            for one in page["Partitions"]
        ]

    def drop_partition(self, database: str, name: str, values: tuple[str, ...]) -> None:
        self._client.delete_partition(DatabaseName=database, TableName=name, PartitionValues=list(values), **self._in)

    def connection(self, name: str) -> dict[str, Any]:
        answer = self._client.get_connection(Name=name, HidePassword=False, **self._in)
        found: dict[str, Any] = answer["Connection"]
        return found

    def updated(self, database: str, name: str, made: Made) -> None:
        """The table as what was written says: created where it isn't there, with columns and partitions added.

        https://docs.aws.amazon.com/glue/latest/dg/update-from-job.html (enableUpdateCatalog)
        """
        try:
            document = self._client.get_table(DatabaseName=database, Name=name, **self._in)["Table"]
        except self._client.exceptions.EntityNotFoundException:
            self._client.create_table(DatabaseName=database, TableInput=made.table(name), **self._in)
            document = {}
        if document and made.behavior == "UPDATE_IN_DATABASE":
            self._widen(database, document, made)
        self._add_partitions(database, name, made)

    def _widen(self, database: str, document: dict[str, Any], made: Made) -> None:
        keys = {one["Name"].lower() for one in document.get("PartitionKeys", [])}
        columns = {one["Name"].lower(): one for one in document["StorageDescriptor"].get("Columns", [])}
        for one in made.columns():
            if one["Name"].lower() not in keys:
                columns[one["Name"].lower()] = one
        wanted = list(columns.values())
        if wanted != document["StorageDescriptor"].get("Columns", []):
            known = ("Name", "Description", "Owner", "Retention", "PartitionKeys", "TableType", "Parameters")
            changed = {one: document[one] for one in known if one in document}
            changed["StorageDescriptor"] = {**document["StorageDescriptor"], "Columns": wanted}
            self._client.update_table(DatabaseName=database, TableInput=changed, **self._in)

    def _add_partitions(self, database: str, name: str, made: Made) -> None:
        inputs = [
            {
                "Values": list(values),
                "StorageDescriptor": {**made.descriptor(), "Location": f"{made.path.rstrip('/')}/{folder}/"},
            }
            for values, folder in made.partitions
        ]
        for at in range(0, len(inputs), 100):  # BatchCreatePartition's most
            self._client.batch_create_partition(
                DatabaseName=database, TableName=name, PartitionInputList=inputs[at : at + 100], **self._in
            )  # those that are there already are errors of the answer, and stay


class Made(NamedTuple):
    """What a job has written."""

    kind: glue.StructType
    format: str
    path: str
    keys: list[str]
    partitions: list[tuple[tuple[str, ...], str]]  # values, and the folder below path
    behavior: str  # UPDATE_IN_DATABASE or LOG

    def columns(self) -> list[dict[str, str]]:
        return [
            {"Name": one.name, "Type": to_spark(one.dataType).simpleString()}
            for one in self.kind
            if one.name not in self.keys
        ]

    def descriptor(self) -> dict[str, Any]:
        reading, writing, serde = _SERDES[{"glueparquet": "parquet"}.get(self.format, self.format)]
        parameters = {"field.delim": ","} if self.format == "csv" else {"serialization.format": "1"}
        return {
            "Columns": self.columns(),
            "Location": self.path,
            "InputFormat": reading,
            "OutputFormat": writing,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": parameters},
        }

    def table(self, name: str) -> dict[str, Any]:
        keys = [{"Name": key, "Type": to_spark(self.kind.getField(key).dataType).simpleString()} for key in self.keys]
        classification = {"glueparquet": "parquet"}.get(self.format, self.format)
        parameters = {"classification": classification}
        if classification == "csv":
            parameters["skip.header.line.count"] = "1"
        return {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "PartitionKeys": keys,
            "StorageDescriptor": self.descriptor(),
        }


def satisfying(spark: Any, table: Table, partitions: list[Partition], predicate: str) -> list[Partition]:
    """Those whose values a Spark SQL expression is true of (push_down_predicate)."""
    if not predicate.strip() or not partitions:
        return partitions
    text = spark_types.StringType()
    fields = [spark_types.StructField(name, text) for name, _ in table.keys]
    rows = [(*one.values, at) for at, one in enumerate(partitions)]
    schema = spark_types.StructType([*fields, spark_types.StructField("\0at", spark_types.IntegerType())])
    df = spark.createDataFrame(rows, schema)
    typed = [top(name).cast(to_spark(atom(kind))).alias(name) for name, kind in table.keys]
    found = df.select(*typed, top("\0at")).filter(F.expr(predicate)).select(top("\0at")).collect()
    return [partitions[row[0]] for row in found]


def typed(df: Any, kind: glue.StructType, table: Table) -> tuple[Any, glue.StructType]:
    """CSV's texts as the table's types. A column with texts that are none of its type becomes a choice of both."""
    wanted = table.atoms()
    casts = {
        name: top(name).cast(to_spark(one))
        for name, one in wanted.items()
        if kind.hasField(name) and not isinstance(one, glue.StringType)
    }
    if not casts:
        return df, kind
    odd = [F.max(F.when((F.trim(top(name)) != "") & cast.isNull(), 1)).alias(name) for name, cast in casts.items()]
    found = df.agg(*odd).first()
    columns, fields = [], []
    for one in kind:
        if one.name not in casts:
            columns.append(top(one.name))
            fields.append(one)
            continue
        cast, new = casts[one.name], wanted[one.name]
        if found[one.name] is None:
            columns.append(cast.alias(one.name))
            fields.append(glue.Field(one.name, new))
            continue
        text = F.when(cast.isNull() & (F.trim(top(one.name)) != ""), top(one.name))
        both = F.struct(cast.alias(new.typeName()), text.alias("string"))
        columns.append(F.when(F.trim(top(one.name)) != "", both).alias(one.name))
        fields.append(glue.Field(one.name, glue.ChoiceType([new, glue.StringType()])))
    rest = [top(name) for name in df.columns if not kind.hasField(name)]
    return df.select(*columns, *rest), glue.StructType(fields)
