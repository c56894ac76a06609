"""Databases: what tables are in.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-databases.html
"""

import sqlite3
from typing import Any

from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog.state import (
    DATABASE,
    SQL,
    database,
    may,
    own_catalog,
    refuse,
)
from clary.services.glue.state import Document, Glue, exists, invalid

TARGETS = {
    "CreateDatabase": ("catalog", "database/{DatabaseInput.Name}"),
    "GetDatabase": ("catalog", "database/{Name}"),
    "GetDatabases": ("catalog",),
    "UpdateDatabase": ("catalog", "database/{Name}"),
    # All that goes with it must be allowed to go:
    # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    "DeleteDatabase": ("catalog", "database/{Name}", "table/{Name}/*", "userDefinedFunction/{Name}/*"),
}
UNUSED = {
    # There is no Lake Formation, nor another account, whose databases could be seen.
    "CreateDatabase": {"DatabaseInput.CreateTableDefaultPermissions"},
    "UpdateDatabase": {"DatabaseInput.CreateTableDefaultPermissions"},
    "GetDatabases": {"ResourceShareType"},
}
ELSEWHERE = ("TargetDatabase", "FederatedDatabase")
# What a new database has where Lake Formation was never asked.
OPEN = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]


@operation("CreateDatabase")
def create(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    given = _folded(request["DatabaseInput"])
    platform = call.platform

    def work(connection: sqlite3.Connection) -> None:
        place, name = state.here(call), given["Name"]
        if state.find(connection, place, DATABASE, name) is not None:
            raise exists("Database already exists.")
        arn = state.add(connection, place, DATABASE, f"database/{name}", name, given, state.now(platform))
        state.tag(connection, arn, request.get("Tags", {}))

    platform.store.write(work)
    return {}


@operation("GetDatabase", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    return {"Database": shown(call, database(call, call.platform.store.read(), request["Name"]))}


@operation("GetDatabases")
def get_all(call: Call[Glue], request: Document) -> Document:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetDatabases.html"""
    own_catalog(call, request)
    wanted = request.get("AttributesToGet")
    found, token = state.page(call, request, DATABASE, lambda row: may(call, row["arn"]))
    databases = [shown(call, row) for row in found]
    if wanted and "NAME" in wanted and len(wanted) == 1:
        databases = [{"Name": each["Name"]} for each in databases]
    return state.answer("DatabaseList", databases, token)


@operation("UpdateDatabase")
def update(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    given = _folded(request["DatabaseInput"])
    if given["Name"] != request["Name"].lower():
        raise invalid("A database cannot be renamed.")
    platform = call.platform

    def work(connection: sqlite3.Connection) -> None:
        row = database(call, connection, request["Name"])
        state.change(connection, row, given, state.now(platform))

    platform.store.write(work)
    return {}


@operation("DeleteDatabase")
def delete(call: Call[Glue], request: Document) -> Document:
    """With all tables and functions: https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteDatabase.html"""
    own_catalog(call, request)

    def work(connection: sqlite3.Connection) -> None:
        row = database(call, connection, request["Name"])
        crud.forget(connection, row["arn"])
        place = {"region": call.region, "database": row["name"]}
        connection.execute(SQL["table_clear"], place)
        connection.execute(SQL["function_clear"], place)

    call.platform.store.write(work)
    return {}


def _folded(given: Document) -> Document:
    refuse(given, *ELSEWHERE)
    return {**given, "Name": given["Name"].lower()}


def shown(call: Call[Glue], row: Any) -> Document:
    return {
        "CreateTableDefaultPermissions": OPEN,
        **state.loaded(row),
        "CreateTime": row["created"],
        "CatalogId": call.account,
    }
