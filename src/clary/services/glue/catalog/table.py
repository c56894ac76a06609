"""Tables: where data lies, in which format, and what its columns are.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html
"""

import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog import partition_index
from clary.services.glue.catalog.state import (
    SQL,
    database,
    may,
    own_catalog,
    pattern,
    refuse,
    table,
    table_key,
)
from clary.services.glue.state import Document, Glue, detail, exists, invalid

_ONE = ("catalog", "database/{DatabaseName}")
TARGETS = {
    "CreateTable": (*_ONE, "table/{DatabaseName}/{TableInput.Name}"),
    "GetTable": (*_ONE, "table/{DatabaseName}/{Name}"),
    "GetTables": _ONE,
    "UpdateTable": (*_ONE, "table/{DatabaseName}/{TableInput.Name}"),
    "DeleteTable": (*_ONE, "table/{DatabaseName}/{Name}"),
    "BatchDeleteTable": (*_ONE, "table/{DatabaseName}/{TablesToDelete}"),
}
UNUSED = {
    "GetTable": {"AuditContext", "IncludeStatusDetails"},
    "GetTables": {"AuditContext", "IncludeStatusDetails", "ResourceShareType"},
    "UpdateTable": {"Force"},  # of views
}
GOVERNED = ("TransactionId", "QueryAsOfTime")  # of Lake Formation's governed tables, which AWS has no more
OPEN_FORMAT = ("OpenTableFormatInput", "UpdateOpenTableFormatInput", "ViewUpdateAction")
ATTRIBUTES = {"NAME": "Name", "TABLE_TYPE": "TableType"}
ELSEWHERE = ("TargetTable", "FederatedTable", "ViewDefinition")


@operation("CreateTable")
def create(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    given = _input(request)
    indexes = partition_index.checked(given, request.get("PartitionIndexes", []))
    key = table_key(call, request["DatabaseName"], given["Name"])
    values = {**key, "document": orjson.dumps(given), "now": state.now(call.platform), "creator": call.caller.arn}

    def work(connection: sqlite3.Connection) -> None:
        database(call, connection, request["DatabaseName"])
        if not connection.execute(SQL["table_add"], values).rowcount:
            raise exists("Table already exists.")
        row = connection.execute(SQL["table_find"], key).fetchone()
        for index in indexes:
            connection.execute(SQL["index_add"], {"id": row["id"], **index})

    call.platform.store.write(work)
    return {}


@operation("GetTable", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    refuse(request, *GOVERNED)
    found = shown(call, table(call, call.platform.store.read(), request["DatabaseName"], request["Name"]))
    return {"Table": _only(found, request)}


@operation("GetTables")
def get_all(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    refuse(request, *GOVERNED)
    connection = call.platform.store.read()
    parent = database(call, connection, request["DatabaseName"])["name"]
    matches = pattern(request["Expression"]) if request.get("Expression") else None
    everything = may(call, call.arn(f"table/{parent}/*"))

    def rows(after: list[Any]) -> Any:
        values = {"region": call.region, "database": parent, "after": after[0] if after else ""}
        for row in connection.execute(SQL["table_page"], values):
            if matches and not matches(row["name"]):
                continue
            if everything or may(call, call.arn(f"table/{parent}/{row['name']}")):
                yield row

    found, token = state.paged(call, request, rows, lambda row: [row["name"]])
    tables = [_only(shown(call, row), request) for row in found]
    return state.answer("TableList", tables, token)


def _only(found: Document, request: Document) -> Document:
    """What AttributesToGet asks for, if it is there."""
    wanted = request.get("AttributesToGet")
    if not wanted:
        return found
    kept = {"Name", *(ATTRIBUTES[each] for each in wanted)}
    return {member: value for member, value in found.items() if member in kept}


@operation("UpdateTable")
def update(call: Call[Glue], request: Document) -> Document:
    """All of a table is replaced; what it was before becomes a version, unless SkipArchive is said.
    https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
    """
    own_catalog(call, request)
    given = _input(request)
    if str(request.get("Name") or given["Name"]).lower() != given["Name"]:
        raise invalid("A table cannot be renamed.")

    def work(connection: sqlite3.Connection) -> None:
        row = table(call, connection, request["DatabaseName"], given["Name"])
        if request.get("VersionId", str(row["version"])) != str(row["version"]):
            raise AWSError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        change(connection, row, given, state.now(call.platform), keep=not request.get("SkipArchive"))

    call.platform.store.write(work)
    return {}


def change(connection: sqlite3.Connection, row: Any, given: Document, now: float, *, keep: bool = True) -> None:
    """Within a transaction: a table is now `given`; what it was is kept as a version."""
    if keep:
        connection.execute(SQL["version_keep"], {"id": row["id"]})
    connection.execute(SQL["table_change"], {"id": row["id"], "document": orjson.dumps(given), "now": now})


@operation("DeleteTable")
def delete(call: Call[Glue], request: Document) -> Document:
    """With its versions and partitions."""
    own_catalog(call, request)
    refuse(request, *GOVERNED)

    def work(connection: sqlite3.Connection) -> None:
        row = table(call, connection, request["DatabaseName"], request["Name"])
        connection.execute(SQL["table_remove"], {"id": row["id"]})

    call.platform.store.write(work)
    return {}


@operation("BatchDeleteTable")
def delete_batch(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    refuse(request, *GOVERNED)

    def work(connection: sqlite3.Connection) -> list[Document]:
        database(call, connection, request["DatabaseName"])
        errors = []
        for name in request["TablesToDelete"]:
            try:
                row = table(call, connection, request["DatabaseName"], name)
            except AWSError as error:
                errors.append({"TableName": name, "ErrorDetail": detail(error)})
            else:
                connection.execute(SQL["table_remove"], {"id": row["id"]})
        return errors

    return {"Errors": call.platform.store.write(work)}


def _input(request: Document) -> Document:
    """The TableInput as it is kept. Raises InvalidInputException and NotImplementedHere."""
    refuse(request, *GOVERNED, *OPEN_FORMAT)
    if "TableInput" not in request:
        raise invalid("TableInput is required.")
    given = request["TableInput"]
    refuse(given, *ELSEWHERE)
    keys = [column["Name"].lower() for column in given.get("PartitionKeys", [])]
    if len(set(keys)) != len(keys):
        raise invalid("Partition keys must be unique.")
    return {**given, "Name": given["Name"].lower()}


def shown(call: Call[Glue], row: Any, version: Any = None) -> Document:
    """A Table; of another version than the one that holds, where its row is given."""
    version = version or row
    given: Document = orjson.loads(version["document"])
    made = {
        "Retention": 0,
        "PartitionKeys": [],
        **given,
        "DatabaseName": row["database"],
        "CreateTime": row["created"],
        "UpdateTime": version["modified"],
        "CreatedBy": row["creator"],
        "IsRegisteredWithLakeFormation": False,
        "CatalogId": call.account,
        "VersionId": str(version["version"]),
    }
    if "StorageDescriptor" in given:
        made["StorageDescriptor"] = described(given["StorageDescriptor"])
    return made


def described(storage: Document) -> Document:
    """A storage descriptor with what AWS adds."""
    added = {"Columns": [], "Compressed": False, "NumberOfBuckets": 0, "SortColumns": []}
    return {**added, **storage, "StoredAsSubDirectories": storage.get("StoredAsSubDirectories", False)}
