"""Partitions: parts of a table that lie in folders of their own, one for each combination of its keys' values.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-partitions.html
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog import expression
from clary.services.glue.catalog.state import SQL, refuse, table_of, without
from clary.services.glue.catalog.table import GOVERNED, described
from clary.services.glue.state import Document, Glue, detail, exists, invalid, missing

_TABLE = ("catalog", "database/{DatabaseName}", "table/{DatabaseName}/{TableName}")
_VERBS = ("Create", "Get", "Update", "Delete", "BatchCreate", "BatchGet", "BatchUpdate", "BatchDelete")
TARGETS = {**{f"{verb}Partition": _TABLE for verb in _VERBS}, "GetPartitions": _TABLE}
UNUSED = {
    "GetPartition": {"AuditContext"},
    "GetPartitions": {"AuditContext"},
    "BatchGetPartition": {"AuditContext", "QuerySessionContext"},
}


@operation("CreatePartition")
def create(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        add(connection, table_of(call, connection, request), request["PartitionInput"], state.now(call.platform))

    call.platform.store.write(work)
    return {}


@operation("BatchCreatePartition")
def create_batch(call: Call[Glue], request: Document) -> Document:
    now = state.now(call.platform)

    def work(connection: sqlite3.Connection) -> list[Document]:
        row, errors = table_of(call, connection, request), []
        for given in request["PartitionInputList"]:
            try:
                add(connection, row, given, now)
            except AWSError as error:
                errors.append({"PartitionValues": given.get("Values", []), "ErrorDetail": detail(error)})
        return errors

    return {"Errors": call.platform.store.write(work)}


def add(connection: sqlite3.Connection, row: Any, given: Document, now: float) -> None:
    """Within a transaction, to a table's row. Raises AlreadyExistsException and InvalidInputException."""
    values = {"id": row["id"], "values": key(row, given.get("Values")), "document": orjson.dumps(given), "now": now}
    if not connection.execute(SQL["partition_add"], values).rowcount:
        raise exists("Partition already exists.")


@operation("GetPartition", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    row = table_of(call, connection, request)
    return {"Partition": shown(call, row, find(connection, row, request["PartitionValues"]))}


@operation("BatchGetPartition")
def get_batch(call: Call[Glue], request: Document) -> Document:
    """Those that are not there are left out."""
    connection = call.platform.store.read()
    row = table_of(call, connection, request)
    found = []
    for wanted in request["PartitionsToGet"]:
        place = {"id": row["id"], "values": key(row, wanted["Values"])}
        partition = connection.execute(SQL["partition_find"], place).fetchone()
        if partition is not None:
            found.append(shown(call, row, partition))
    return {"Partitions": found, "UnprocessedKeys": []}


@operation("GetPartitions")
def get_all(call: Call[Glue], request: Document) -> Document:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html"""
    refuse(request, *GOVERNED)
    connection = call.platform.store.read()
    row = table_of(call, connection, request)
    keys = _keys(row)
    wanted = expression.parse(request["Expression"], keys) if request.get("Expression") else None
    within = _segment(request.get("Segment"))

    def rows(after: list[Any]) -> Iterator[str]:
        place = {"id": row["id"], "after": after[0] if after else ""}
        for (text,) in connection.execute(SQL["partition_values"], place):
            if within(text) and (wanted is None or wanted(orjson.loads(text))):
                yield text

    found, token = state.paged(call, request, rows, lambda text: [text])
    places = [{"id": row["id"], "values": text} for text in found]
    read = [connection.execute(SQL["partition_find"], place).fetchone() for place in places]
    partitions = [shown(call, row, partition) for partition in read if partition is not None]
    if request.get("ExcludeColumnSchema"):
        for each in partitions:
            if "StorageDescriptor" in each:
                each["StorageDescriptor"] = without(each["StorageDescriptor"], "Columns")
    return state.answer("Partitions", partitions, token)


def _segment(segment: Document | None) -> Callable[[str], bool]:
    """Whether a partition is in a part of them, so that several clients can read one each, at once."""
    if segment is None:
        return lambda _text: True
    number, total = segment["SegmentNumber"], segment["TotalSegments"]
    if number >= total:
        raise invalid("SegmentNumber must be less than TotalSegments.")
    return lambda text: bool(zlib.crc32(text.encode()) % total == number)


@operation("UpdatePartition")
def update(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = table_of(call, connection, request)
        change(connection, row, request["PartitionValueList"], request["PartitionInput"])

    call.platform.store.write(work)
    return {}


@operation("BatchUpdatePartition")
def update_batch(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> list[Document]:
        row, errors = table_of(call, connection, request), []
        for entry in request["Entries"]:
            had = entry["PartitionValueList"]
            try:
                change(connection, row, had, entry["PartitionInput"])
            except AWSError as error:
                errors.append({"PartitionValueList": had, "ErrorDetail": detail(error)})
        return errors

    return {"Errors": call.platform.store.write(work)}


def change(connection: sqlite3.Connection, row: Any, had: list[str], given: Document) -> None:
    """Within a transaction: a partition is now `given`, and has its values if it says some."""
    given = {"Values": had, **given}
    found = find(connection, row, had)
    values = {"id": row["id"], "had": found["values"], "values": key(row, given["Values"])}
    if not connection.execute(SQL["partition_change"], {**values, "document": orjson.dumps(given)}).rowcount:
        raise exists("Partition already exists.")


@operation("DeletePartition")
def delete(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        remove(connection, table_of(call, connection, request), request["PartitionValues"])

    call.platform.store.write(work)
    return {}


@operation("BatchDeletePartition")
def delete_batch(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> list[Document]:
        row, errors = table_of(call, connection, request), []
        for wanted in request["PartitionsToDelete"]:
            try:
                remove(connection, row, wanted["Values"])
            except AWSError as error:
                errors.append({"PartitionValues": wanted["Values"], "ErrorDetail": detail(error)})
        return errors

    return {"Errors": call.platform.store.write(work)}


def remove(connection: sqlite3.Connection, row: Any, values: list[str]) -> None:
    """Within a transaction. Raises EntityNotFoundException."""
    place = {"id": row["id"], "values": find(connection, row, values)["values"]}
    connection.execute(SQL["partition_remove"], place)
    connection.execute(SQL["statistics_clear"], place)


def find(connection: sqlite3.Connection, row: Any, values: list[str]) -> Any:
    """The row of a table's partition. Raises EntityNotFoundException and InvalidInputException."""
    found = connection.execute(SQL["partition_find"], {"id": row["id"], "values": key(row, values)}).fetchone()
    if found is None:
        raise missing("Cannot find partition.")
    return found


def key(row: Any, values: list[str] | None) -> str:
    """Raises InvalidInputException unless there is one value for each key of the table."""
    if len(values or []) != len(_keys(row)) or not values:
        raise invalid("The number of partition keys do not match the number of partition values")
    return orjson.dumps(values).decode()


def _keys(row: Any) -> list[Document]:
    return list(orjson.loads(row["document"]).get("PartitionKeys", []))


def shown(call: Call[Glue], row: Any, partition: Any) -> Document:
    given: Document = orjson.loads(partition["document"])
    made = {
        **given,
        "DatabaseName": row["database"],
        "TableName": row["name"],
        "CreationTime": partition["created"],
        "CatalogId": call.account,
    }
    if "StorageDescriptor" in given:
        made["StorageDescriptor"] = described(given["StorageDescriptor"])
    return made
