"""What a crawl found, as tables and partitions of the catalog: made, changed, and given up.

https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html
"""

import hashlib
import json
import re
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from clary.services.glue.catalog import partition, table
from clary.services.glue.catalog.state import SQL
from clary.services.glue.crawler.folders import Part, Table
from clary.services.glue.crawler.kinds import Found, settled
from clary.services.glue.state import Document, Place

TEXT: Final = ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat")
PARQUET: Final = tuple(f"org.apache.hadoop.hive.ql.io.parquet.MapredParquet{way}Format" for way in ("Input", "Output"))
LAZY: Final = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
SERDES: Final = {
    "csv": LAZY,
    "json": "org.openx.data.jsonserde.JsonSerDe",
    "parquet": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
}
OPEN_CSV: Final = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
MADE, GIVEN_UP = "UPDATED_BY_CRAWLER", "DEPRECATED_BY_CRAWLER"
LONGEST: Final = 255  # of a name
COUNTS: Final = ("objectCount", "recordCount", "averageRecordSize", "sizeKey")


@dataclass(frozen=True, slots=True)
class Options:
    """What a crawler is told beside its targets."""

    combine: bool  # compatible files are one table, whatever their columns are
    level: int  # of the folders that are tables, the bucket's being 1; 0: found out
    merge: bool  # columns are added to tables, and none is taken
    inherit: bool  # partitions have their table's columns
    updates: bool
    deletes: str  # LOG, DELETE_FROM_DATABASE, DEPRECATE_IN_DATABASE; "" where only new folders are looked at

    @classmethod
    def of(cls, crawler: Document) -> "Options":
        """https://docs.aws.amazon.com/glue/latest/dg/crawler-configuration.html"""
        said = orjson.loads(crawler.get("Configuration") or "{}")
        grouping, output = said.get("Grouping", {}), said.get("CrawlerOutput", {})
        behaviour = {name: output.get(name, {}).get("AddOrUpdateBehavior") for name in ("Tables", "Partitions")}
        policy = crawler["SchemaChangePolicy"]
        new_only = crawler["RecrawlPolicy"]["RecrawlBehavior"] == "CRAWL_NEW_FOLDERS_ONLY"
        return cls(
            combine=grouping.get("TableGroupingPolicy") == "CombineCompatibleSchemas",
            level=int(grouping.get("TableLevelConfiguration", 0)),
            merge=behaviour["Tables"] == "MergeNewColumns",
            inherit=behaviour["Partitions"] == "InheritFromTable",
            updates=policy["UpdateBehavior"] == "UPDATE_IN_DATABASE" and not new_only,
            deletes="" if new_only else str(policy["DeleteBehavior"]),
        )


def in_place(bucket: str, key: str) -> str:
    return f"s3://{bucket}/{key}"


@dataclass(slots=True)
class Writing:
    place: Place
    crawler: Document
    database: str
    options: Options
    by: str  # an ARN
    now: float
    said: list[str] = field(default_factory=list)
    counts: dict[str, list[str]] = field(default_factory=lambda: {"ADD": [], "UPDATE": [], "DELETE": []})
    partitions: dict[str, int] = field(default_factory=lambda: {"ADD": 0, "UPDATE": 0, "DELETE": 0})

    def write(self, connection: sqlite3.Connection, found: list[tuple[str, Table]], targets: list[str]) -> Document:
        """Within a transaction. Returns the numbers, as a crawl keeps them."""
        self.said.clear()
        seen = set()
        for bucket, each in found:
            seen.add(self._table(connection, bucket, each))
        self._given_up(connection, seen, targets)
        return self._told()

    def _told(self) -> Document:
        """The Summary is AWS's text: JSON in JSON. https://docs.aws.amazon.com/glue/latest/webapi/API_CrawlerHistory.html"""
        summary: Document = {}
        if tables := {
            way: {"Count": len(names), "Details": {"names": names}} for way, names in self.counts.items() if names
        }:
            summary["TABLE"] = json.dumps(tables)
        if parts := {way: {"Count": count} for way, count in self.partitions.items() if count}:
            summary["PARTITION"] = json.dumps(parts)
        return {
            "Summary": json.dumps(summary),
            "TablesCreated": len(self.counts["ADD"]),
            "TablesUpdated": len(self.counts["UPDATE"]),
            "TablesDeleted": len(self.counts["DELETE"]),
        }

    def _table(self, connection: sqlite3.Connection, bucket: str, each: Table) -> int:
        """The id of its row, made or changed."""
        location = in_place(bucket, each.root)
        row = self._row(connection, location, each.root or bucket)
        given = self._input(each, location, row)
        if row is None:
            name = self._free(connection, location, each.root or bucket)
            values = {"region": self.place.region, "database": self.database, "name": name}
            stored = {**values, "document": orjson.dumps({**given, "Name": name}), "now": self.now, "creator": self.by}
            connection.execute(SQL["table_add"], stored)
            row = connection.execute(SQL["table_find"], values).fetchone()
            self.counts["ADD"].append(name)
            self.said.append(f"INFO : Created table {name} in database {self.database}")
        elif self.options.updates:
            self._change(connection, row, given)
            row = connection.execute(SQL["table_find"], dict(row)).fetchone()
        else:
            self.said.append(f"INFO : Table {row['name']} in database {self.database} is left as it is")
        if each.depth and len(orjson.loads(row["document"]).get("PartitionKeys", [])) == each.depth:
            self._parts(connection, row, bucket, each)
        return int(row["id"])

    def _change(self, connection: sqlite3.Connection, row: Any, given: Document) -> None:
        had = orjson.loads(row["document"])
        changed = {
            **had,
            **given,
            "Name": row["name"],
            "Parameters": {**had.get("Parameters", {}), **given["Parameters"]},
        }
        changed["Parameters"].pop(GIVEN_UP, None)
        if self.options.merge:
            changed["StorageDescriptor"]["Columns"] = _more(had, given)
        if _lasting(changed) == _lasting(had):
            return
        table.change(connection, row, changed, self.now)
        self.counts["UPDATE"].append(row["name"])
        self.said.append(f"INFO : Updated table {row['name']} in database {self.database}")

    def _row(self, connection: sqlite3.Connection, location: str, root: str) -> Any:
        """The table that lies there already, by the name that it would have or the one it has where that was taken."""
        for name in (self._name(root), self._other(root, location)):
            values = {"region": self.place.region, "database": self.database, "name": name}
            row = connection.execute(SQL["table_find"], values).fetchone()
            if row is not None and _location(row).rstrip("/") == location.rstrip("/"):
                return row
        return None

    def _free(self, connection: sqlite3.Connection, location: str, root: str) -> str:
        """A name that no table has: https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html"""
        values = {"region": self.place.region, "database": self.database, "name": self._name(root)}
        taken = connection.execute(SQL["table_find"], values).fetchone() is not None
        return self._other(root, location) if taken else self._name(root)

    def _name(self, root: str) -> str:
        word = root.rstrip("/").rpartition("/")[2].lower()
        return (str(self.crawler.get("TablePrefix", "")) + re.sub(r"[^\w]", "_", word)).lower()[:LONGEST]

    def _other(self, root: str, location: str) -> str:
        digest = hashlib.md5(location.encode(), usedforsecurity=False).hexdigest()
        return f"{self._name(root)[: LONGEST - 33]}_{digest}"

    def _input(self, each: Table, location: str, row: Any) -> Document:
        """A TableInput."""
        found = each.found
        parameters = {**_parameters(found, each.parts), MADE: self.crawler["Name"]}
        keys = each.keys
        if row is not None:  # partition keys are what they are
            had = orjson.loads(row["document"]).get("PartitionKeys", [])
            keys = [key["Name"] for key in had] if len(had) == len(keys) else keys
        return {
            "Owner": "owner",
            "Retention": 0,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
            "StorageDescriptor": _storage(found, location, parameters, set(keys)),
            "Parameters": parameters,
        }

    def _parts(self, connection: sqlite3.Connection, row: Any, bucket: str, each: Table) -> None:
        columns = orjson.loads(row["document"])["StorageDescriptor"]["Columns"]
        seen = set()
        for part in each.parts:
            location = in_place(bucket, part.prefix)
            parameters = _parameters(part.found, [part])
            storage = _storage(part.found, location, parameters, set(each.keys))
            if self.options.inherit:
                storage["Columns"] = columns
            values = each.values(part)
            given = {"Values": values, "StorageDescriptor": storage, "Parameters": parameters}
            seen.add(orjson.dumps(values).decode())
            self._part(connection, row, given)
        if self.options.deletes == "DELETE_FROM_DATABASE":
            rows = connection.execute(SQL["partition_values"], {"id": row["id"], "after": ""}).fetchall()
            for (values,) in rows:
                if values not in seen:
                    partition.remove(connection, row, orjson.loads(values))
                    self.partitions["DELETE"] += 1

    def _part(self, connection: sqlite3.Connection, row: Any, given: Document) -> None:
        key = partition.key(row, given["Values"])
        had = connection.execute(SQL["partition_find"], {"id": row["id"], "values": key}).fetchone()
        if had is None:
            partition.add(connection, row, given, self.now)
            self.partitions["ADD"] += 1
        elif self.options.updates and _lasting(orjson.loads(had["document"])) != _lasting(given):
            partition.change(connection, row, given["Values"], given)
            self.partitions["UPDATE"] += 1

    def _given_up(self, connection: sqlite3.Connection, seen: set[int], targets: list[str]) -> None:
        """Tables that this crawler made below its targets, and of which nothing is left."""
        if not self.options.deletes:
            return
        values = {"region": self.place.region, "database": self.database, "after": ""}
        for row in connection.execute(SQL["table_page"], values).fetchall():
            document = orjson.loads(row["document"])
            parameters = document.get("Parameters", {})
            if row["id"] in seen or parameters.get(MADE) != self.crawler["Name"] or GIVEN_UP in parameters:
                continue
            if not any(_below(_location(row), target) for target in targets):
                continue
            if self.options.deletes == "DELETE_FROM_DATABASE":
                connection.execute(SQL["table_remove"], {"id": row["id"]})
                self.counts["DELETE"].append(row["name"])
                self.said.append(f"INFO : Deleted table {row['name']} in database {self.database}")
            elif self.options.deletes == "DEPRECATE_IN_DATABASE":
                parameters[GIVEN_UP] = str(int(self.now * 1000))
                table.change(connection, row, document, self.now)
                self.counts["UPDATE"].append(row["name"])
                self.said.append(f"INFO : Deprecated table {row['name']} in database {self.database}")
            else:
                self.said.append(f"INFO : Nothing is left of table {row['name']} in database {self.database}")


def _location(row: Any) -> str:
    return str(orjson.loads(row["document"]).get("StorageDescriptor", {}).get("Location", ""))


def _below(location: str, target: str) -> bool:
    """s3://b/cars has s3://b/cars/new below it, and not s3://b/cars2."""
    return f"{location.rstrip('/')}/".startswith(f"{target.rstrip('/')}/")


def _more(had: Document, given: Document) -> list[Document]:
    """The columns that there were, and those that are new."""
    before: list[Document] = had.get("StorageDescriptor", {}).get("Columns", [])
    names = {column["Name"] for column in before}
    return before + [column for column in given["StorageDescriptor"]["Columns"] if column["Name"] not in names]


def _lasting(document: Document) -> Document:
    """Without the numbers that every crawl finds anew."""
    found: Document = orjson.loads(orjson.dumps(document))
    for each in (found, found.get("StorageDescriptor", {})):
        each["Parameters"] = {name: value for name, value in each.get("Parameters", {}).items() if name not in COUNTS}
    return found


def _parameters(found: Found, parts: list[Part]) -> dict[str, str]:
    average = round(found.size / found.records) if found.records else 0
    size = sum(part.size for part in parts)
    records = found.records if found.classification == "parquet" or not average else max(1, size // max(1, average))
    return {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "classification": found.classification,
        "compressionType": found.compression,
        "typeOfData": "file",
        "objectCount": str(sum(part.files for part in parts)),
        "recordCount": str(records),
        "averageRecordSize": str(max(1, average)),
        "sizeKey": str(size),
        **{name: value for name, value in found.details.items() if name not in ("header", "quote")},
    }


def _storage(found: Found, location: str, parameters: dict[str, str], keys: set[str]) -> Document:
    columns = [{"Name": name.lower(), "Type": settled(kind)} for name, kind in found.columns.items()]
    once = {column["Name"]: column for column in columns if column["Name"] not in keys}
    formats = PARQUET if found.classification == "parquet" else TEXT
    return {
        "Columns": list(once.values()),
        "Location": location,
        "InputFormat": formats[0],
        "OutputFormat": formats[1],
        "Compressed": found.compression != "none",
        "NumberOfBuckets": -1,
        "SerdeInfo": _serde(found),
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": {name: value for name, value in parameters.items() if name != MADE},
        "StoredAsSubDirectories": False,
    }


def _serde(found: Found) -> Document:
    library, parameters = SERDES[found.classification], {"serialization.format": "1"}
    if found.classification == "csv":
        parameters = {"field.delim": found.details["delimiter"]}
        if "quote" in found.details:
            library = OPEN_CSV
            parameters = {"separatorChar": found.details["delimiter"], "quoteChar": found.details["quote"]}
    if found.classification == "json":
        parameters = {"paths": ",".join(found.columns)}
    return {"SerializationLibrary": library, "Parameters": parameters}
