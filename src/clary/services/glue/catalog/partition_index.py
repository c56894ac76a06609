"""Partition indexes: which keys partitions are to be found by fast. All are here; so an index is kept and shown, and at
once active.

https://docs.aws.amazon.com/glue/latest/dg/partition-indexes.html
"""

import sqlite3

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog.state import SQL, table_of
from clary.services.glue.state import Document, Glue, exists, invalid, missing

_TABLE = ("catalog", "database/{DatabaseName}", "table/{DatabaseName}/{TableName}")
TARGETS = dict.fromkeys(("CreatePartitionIndex", "GetPartitionIndexes", "DeletePartitionIndex"), _TABLE)
MOST = 3  # https://docs.aws.amazon.com/glue/latest/dg/partition-indexes.html


@operation("CreatePartitionIndex")
def create(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = table_of(call, connection, request)
        had = connection.execute(SQL["index_all"], {"id": row["id"]}).fetchall()
        (index,) = checked(orjson.loads(row["document"]), [request["PartitionIndex"]])
        if any(each["name"] == index["name"] or each["keys"] == index["keys"] for each in had):
            raise exists("Partition index already exists.")
        if len(had) >= MOST:
            raise AWSError("ResourceNumberLimitExceededException", f"A table has {MOST} partition indexes at most.")
        connection.execute(SQL["index_add"], {"id": row["id"], **index})

    call.platform.store.write(work)
    return {}


@operation("GetPartitionIndexes", inline=True)
def get_all(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    row = table_of(call, connection, request)
    types = {key["Name"]: key.get("Type", "") for key in orjson.loads(row["document"]).get("PartitionKeys", [])}
    rows = connection.execute(SQL["index_all"], {"id": row["id"]}).fetchall()
    found, token = state.paged(call, request, lambda _after: rows, lambda _row: [])
    shown = [
        {
            "IndexName": each["name"],
            "Keys": [{"Name": name, "Type": types.get(name, "")} for name in orjson.loads(each["keys"])],
            "IndexStatus": "ACTIVE",
        }
        for each in found
    ]
    return state.answer("PartitionIndexDescriptorList", shown, token)


@operation("DeletePartitionIndex")
def delete(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = table_of(call, connection, request)
        if not connection.execute(SQL["index_remove"], {"id": row["id"], "name": request["IndexName"]}).rowcount:
            raise missing("Partition index not found.")

    call.platform.store.write(work)
    return {}


def checked(table: Document, given: list[Document]) -> list[Document]:
    """As the table of indexes has them, by a TableInput. Raises InvalidInputException."""
    keys = {key["Name"] for key in table.get("PartitionKeys", [])}
    if len(given) > MOST:
        raise AWSError("ResourceNumberLimitExceededException", f"A table has {MOST} partition indexes at most.")
    for index in given:
        if unknown := [name for name in index["Keys"] if name not in keys]:
            raise invalid(f"Keys of the partition index {index['IndexName']} are no partition keys: {unknown}")
    return [{"name": index["IndexName"], "keys": orjson.dumps(index["Keys"])} for index in given]
