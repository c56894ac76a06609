"""Column statistics, of tables and of partitions: kept for who plans queries by them.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-column-statistics.html
"""

import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue.catalog import partition
from clary.services.glue.catalog.state import SQL, table_of
from clary.services.glue.state import Document, Glue, detail, invalid, missing

_TABLE = ("catalog", "database/{DatabaseName}", "table/{DatabaseName}/{TableName}")
TARGETS = {
    f"{verb}ColumnStatisticsFor{noun}": _TABLE
    for verb in ("Get", "Update", "Delete")
    for noun in ("Table", "Partition")
}
BYTES = "bytes"


def _place(connection: sqlite3.Connection, row: Any, request: Document) -> Document:
    """Whose statistics a request means: those of the table, or of the partition that it names."""
    values = request.get("PartitionValues")
    return {"id": row["id"], "values": partition.find(connection, row, values)["values"] if values is not None else ""}


@operation("GetColumnStatisticsForTable")
@operation("GetColumnStatisticsForPartition")
def get(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    place = _place(connection, table_of(call, connection, request), request)
    found, errors = [], []
    for name in request["ColumnNames"]:
        had = connection.execute(SQL["statistics_find"], {**place, "name": name}).fetchone()
        if had is None:
            errors.append({"ColumnName": name, "Error": detail(missing("Statistics for this column not found."))})
        else:
            found.append(_loaded(had["document"]))
    return {"ColumnStatisticsList": found, "Errors": errors}


@operation("UpdateColumnStatisticsForTable")
@operation("UpdateColumnStatisticsForPartition")
def update(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> list[Document]:
        row = table_of(call, connection, request)
        place = _place(connection, row, request)
        document = orjson.loads(row["document"])
        columns = document.get("StorageDescriptor", {}).get("Columns", []) + document.get("PartitionKeys", [])
        names = {column["Name"] for column in columns}
        errors = []
        for given in request["ColumnStatisticsList"]:
            try:
                _check(given, names)
            except AWSError as error:
                errors.append({"ColumnStatistics": given, "Error": detail(error)})
                continue
            values = {**place, "name": given["ColumnName"], "document": orjson.dumps(given, default=_text)}
            connection.execute(SQL["statistics_put"], values)
        return errors

    return {"Errors": call.platform.store.write(work)}


@operation("DeleteColumnStatisticsForTable")
@operation("DeleteColumnStatisticsForPartition")
def delete(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        place = _place(connection, table_of(call, connection, request), request)
        if not connection.execute(SQL["statistics_remove"], {**place, "name": request["ColumnName"]}).rowcount:
            raise missing("Statistics for this column not found.")

    call.platform.store.write(work)
    return {}


def _check(given: Document, names: set[str]) -> None:
    """Raises InvalidInputException and EntityNotFoundException."""
    name, data = given["ColumnName"], given["StatisticsData"]
    if name not in names:
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
