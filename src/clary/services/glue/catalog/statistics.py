"""Column statistics, of tables and of partitions: kept for who plans queries by them.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-column-statistics.html
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue.catalog import partition
from clary.services.glue.catalog.state import SQL, table_of
from clary.services.glue.catalog.table import detail
from clary.services.glue.state import Document, Glue, invalid, missing

_TABLE = ("catalog", "database/{DatabaseName}", "table/{DatabaseName}/{TableName}")
TARGETS = {
    f"{verb}ColumnStatisticsFor{noun}": _TABLE
    for verb in ("Get", "Update", "Delete")
    for noun in ("Table", "Partition")
}
BYTES = "bytes"
Whose = Callable[[sqlite3.Connection, Any, Document], str]


def _of_table(_connection: sqlite3.Connection, _row: Any, _request: Document) -> str:
    return ""


def _of_partition(connection: sqlite3.Connection, row: Any, request: Document) -> str:
    return str(partition.find(connection, row, request["PartitionValues"])["values"])


@operation("GetColumnStatisticsForTable")
def get_table(call: Call[Glue], request: Document) -> Document:
    return _get(call, request, _of_table)


@operation("GetColumnStatisticsForPartition")
def get_partition(call: Call[Glue], request: Document) -> Document:
    return _get(call, request, _of_partition)


@operation("UpdateColumnStatisticsForTable")
def update_table(call: Call[Glue], request: Document) -> Document:
    return _update(call, request, _of_table)


@operation("UpdateColumnStatisticsForPartition")
def update_partition(call: Call[Glue], request: Document) -> Document:
    return _update(call, request, _of_partition)


@operation("DeleteColumnStatisticsForTable")
def delete_table(call: Call[Glue], request: Document) -> Document:
    return _delete(call, request, _of_table)


@operation("DeleteColumnStatisticsForPartition")
def delete_partition(call: Call[Glue], request: Document) -> Document:
    return _delete(call, request, _of_partition)


def _get(call: Call[Glue], request: Document, whose: Whose) -> Document:
    connection = call.platform.store.read()
    row = table_of(call, connection, request)
    place = {"id": row["id"], "values": whose(connection, row, request)}
    found, errors = [], []
    for name in request["ColumnNames"]:
        had = connection.execute(SQL["statistics_find"], {**place, "name": name}).fetchone()
        if had is None:
            errors.append({"ColumnName": name, "Error": detail(missing("Statistics for this column not found."))})
        else:
            found.append(_loaded(had["document"]))
    return {"ColumnStatisticsList": found, "Errors": errors}


def _update(call: Call[Glue], request: Document, whose: Whose) -> Document:
    def work(connection: sqlite3.Connection) -> list[Document]:
        row = table_of(call, connection, request)
        place = {"id": row["id"], "values": whose(connection, row, request)}
        document = orjson.loads(row["document"])
        columns = document.get("StorageDescriptor", {}).get("Columns", []) + document.get("PartitionKeys", [])
        types = {column["Name"]: column.get("Type") for column in columns}
        errors = []
        for given in request["ColumnStatisticsList"]:
            try:
                _check(given, types)
            except AWSError as error:
                errors.append({"ColumnStatistics": given, "Error": detail(error)})
                continue
            values = {**place, "name": given["ColumnName"], "document": orjson.dumps(given, default=_text)}
            connection.execute(SQL["statistics_put"], values)
        return errors

    return {"Errors": call.platform.store.write(work)}


def _check(given: Document, types: dict[str, Any]) -> None:
    """Raises InvalidInputException and EntityNotFoundException."""
    name, data = given["ColumnName"], given["StatisticsData"]
    if name not in types:
        raise missing(f"Column {name} not found.")
    kind = data["Type"].title().replace("_", "")
    member = f"{kind}ColumnStatisticsData"
    if member not in data:
        raise invalid(f"StatisticsData of type {data['Type']} needs {member}.")


def _text(value: Any) -> Any:
    """The bytes of a decimal, as JSON can have them."""
    if isinstance(value, bytes):
        return {BYTES: value.hex()}
    raise TypeError


def _loaded(document: bytes) -> Document:
    """A ColumnStatistics."""
    found: Document = orjson.loads(document)
    for decimal in found["StatisticsData"].get("DecimalColumnStatisticsData", {}).values():
        if isinstance(decimal, dict):
            decimal["UnscaledValue"] = bytes.fromhex(decimal["UnscaledValue"][BYTES])
    return found


def _delete(call: Call[Glue], request: Document, whose: Whose) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = table_of(call, connection, request)
        place = {"id": row["id"], "values": whose(connection, row, request), "name": request["ColumnName"]}
        if not connection.execute(SQL["statistics_remove"], place).rowcount:
            raise missing("Statistics for this column not found.")

    call.platform.store.write(work)
    return {}
