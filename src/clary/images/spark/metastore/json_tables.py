"""Tables of JSON as crawlers make them, as Spark can read them.

They name a SerDe (org.openx.data.jsonserde.JsonSerDe) that neither Spark nor Hive has; on AWS a job brings its jar.
Such a table is shown to Spark as one of Spark's own format `json`, with the names as they are in the files, which the
SerDe's `paths` has: Spark's reader tells `userId` from `userid`. In the catalog nothing changes.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-data-catalog-hive.html
"""

import json
import re
from typing import Any

Document = dict[str, Any]
SERDES = ("org.openx.data.jsonserde.JsonSerDe", "org.apache.hive.hcatalog.data.JsonSerDe")
PROVIDER = "spark.sql.sources.provider"
SAME = ("string", "boolean", "float", "double", "date", "timestamp", "binary")
NAMES = {"tinyint": "byte", "smallint": "short", "int": "integer", "bigint": "long", **{name: name for name in SAME}}
TOKEN = re.compile(r"[<>,:]|[^<>,:()]+(?:\([^)]*\))?")


def seen(given: Document) -> bool:
    """Whether a Glue Table is shown as another one. One whose `paths` do not say how its columns are called in the
    files is not, nor one of arrays: Spark would find nothing in those.
    """
    storage = given.get("StorageDescriptor", {})
    serde = storage.get("SerdeInfo", {})
    if serde.get("SerializationLibrary") not in SERDES or PROVIDER in given.get("Parameters", {}):
        return False
    names = _paths(serde)
    columns = [column["Name"] for column in storage.get("Columns", [])]
    return columns != ["array"] and bool(columns) and all(name.lower() in names for name in columns)


def shown(given: Document, table: Document) -> Document:
    """Hive's table, as Spark keeps its own: https://github.com/apache/spark/blob/v3.5.6/sql/hive/src/main/scala/org/
    apache/spark/sql/hive/HiveExternalCatalog.scala
    """
    storage, keys = given["StorageDescriptor"], given.get("PartitionKeys", [])
    names = _paths(storage["SerdeInfo"])
    columns = [{**column, "Name": names[column["Name"].lower()]} for column in storage["Columns"]]
    fields = [_field(column["Name"], _Types(column["Type"]).read()) for column in [*columns, *keys]]
    told = {
        PROVIDER: "json",
        "spark.sql.partitionProvider": "catalog",
        "spark.sql.sources.schema": json.dumps({"type": "struct", "fields": fields}),
    }
    if keys:
        told["spark.sql.sources.schema.numPartCols"] = str(len(keys))
        told |= {f"spark.sql.sources.schema.partCol.{number}": key["Name"] for number, key in enumerate(keys)}
    # What is no JSON, such as an object over several lines, is an error and not nothing.
    options = {"path": storage.get("Location", ""), "mode": "FAILFAST", "serialization.format": "1"}
    serde = {**table["sd"]["serdeInfo"], "parameters": options}
    cols = [{**each, "name": column["Name"]} for each, column in zip(table["sd"]["cols"], columns, strict=True)]
    return {
        **table,
        "sd": {**table["sd"], "cols": cols, "serdeInfo": serde},
        "parameters": {**table["parameters"], **told},
    }


def _paths(serde: Document) -> dict[str, str]:
    """Names as the files have them, by those in lower case."""
    given = serde.get("Parameters", {}).get("paths", "")
    return {name.strip().lower(): name.strip() for name in given.split(",") if name.strip()}


def _field(name: str, kind: Any) -> Document:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


class _Types:
    """A type as Hive writes it, struct<a:int,b:array<string>>, as Spark does in JSON."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = TOKEN.findall(text)
        self._at = 0

    def read(self) -> Any:
        word = self._next().strip()
        name = word.lower()
        if name == "array":
            (kind,) = self._inside()
            return {"type": "array", "elementType": kind, "containsNull": True}
        if name == "map":
            key, value = self._inside()
            return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
        if name == "struct":
            return {"type": "struct", "fields": self._fields()}
        return NAMES.get(name, "string" if name.startswith(("char", "varchar")) else name)

    def _inside(self) -> list[Any]:
        found = []
        while self._next() != ">":
            found.append(self.read())
        return found

    def _fields(self) -> list[Document]:
        found = []
        while self._next() != ">":
            name = self._next()
            self._next()
            found.append(_field(name, self.read()))
        return found

    def _next(self) -> str:
        word = self._words[self._at]
        self._at += 1
        return word
