"""What tables were before they were changed.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html#aws-glue-api-catalog-tables-GetTableVersions
"""

import sqlite3
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog import table
from clary.services.glue.catalog.state import SQL, table_of
from clary.services.glue.state import Document, Glue, detail, invalid, missing

_TABLE = ("catalog", "database/{DatabaseName}", "table/{DatabaseName}/{TableName}")
TARGETS = dict.fromkeys(
    ("GetTableVersion", "GetTableVersions", "DeleteTableVersion", "BatchDeleteTableVersion"), _TABLE
)
UNUSED = {"GetTableVersion": {"AuditContext"}, "GetTableVersions": {"AuditContext"}}
NEWEST = 1 << 62


@operation("GetTableVersion", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    row = table_of(call, connection, request)
    version = _find(connection, row, request["VersionId"]) if request.get("VersionId") else row
    return {"TableVersion": _shown(call, row, version)}


@operation("GetTableVersions")
def get_all(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    row = table_of(call, connection, request)

    def rows(after: list[Any]) -> Any:
        return connection.execute(SQL["version_page"], {"id": row["id"], "before": after[0] if after else NEWEST})

    found, token = state.paged(call, request, rows, lambda version: [version["version"]])
    return state.answer("TableVersions", [_shown(call, row, version) for version in found], token)


@operation("DeleteTableVersion")
def delete(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        _remove(connection, table_of(call, connection, request), request["VersionId"])

    call.platform.store.write(work)
    return {}


@operation("BatchDeleteTableVersion")
def delete_batch(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> list[Document]:
        row, errors = table_of(call, connection, request), []
        for version in request["VersionIds"]:
            try:
                _remove(connection, row, version)
            except AWSError as error:
                named = {"TableName": row["name"], "VersionId": version}
                errors.append({**named, "ErrorDetail": detail(error)})
        return errors

    return {"Errors": call.platform.store.write(work)}


def _remove(connection: sqlite3.Connection, row: Any, version: str) -> None:
    if _find(connection, row, version)["version"] == row["version"]:
        raise invalid("Cannot delete the latest version of a table.")
    connection.execute(SQL["version_remove"], {"id": row["id"], "version": int(version)})


def _find(connection: sqlite3.Connection, row: Any, version: str) -> Any:
    """Raises InvalidInputException and EntityNotFoundException."""
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise invalid(f"Version id {version} is not a number.")
    found = connection.execute(SQL["version_find"], {"id": row["id"], "version": int(version)}).fetchone()
    if found is None:
        raise missing("Version not found.")
    return found


def _shown(call: Call[Glue], row: Any, version: Any) -> Document:
    return {"Table": table.shown(call, row, version), "VersionId": str(version["version"])}
