"""User-defined functions: names of classes that Hive and Spark load, kept for them.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-functions.html
"""

import sqlite3
from typing import Any

import orjson

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog.state import SQL, database, own_catalog, pattern
from clary.services.glue.state import Document, Glue, exists, invalid, missing

_PARENT = ("catalog", "database/{DatabaseName}")
TARGETS = {
    "CreateUserDefinedFunction": (*_PARENT, "userDefinedFunction/{DatabaseName}/{FunctionInput.FunctionName}"),
    "GetUserDefinedFunction": (*_PARENT, "userDefinedFunction/{DatabaseName}/{FunctionName}"),
    "GetUserDefinedFunctions": (*_PARENT, "userDefinedFunction/{DatabaseName}/*"),
    "UpdateUserDefinedFunction": (*_PARENT, "userDefinedFunction/{DatabaseName}/{FunctionName}"),
    "DeleteUserDefinedFunction": (*_PARENT, "userDefinedFunction/{DatabaseName}/{FunctionName}"),
}


@operation("CreateUserDefinedFunction")
def create(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    given = _folded(request["FunctionInput"])
    values = {**_key(call, request["DatabaseName"], given["FunctionName"]), "now": state.now(call.platform)}

    def work(connection: sqlite3.Connection) -> None:
        database(call, connection, request["DatabaseName"])
        if not connection.execute(SQL["function_add"], {**values, "document": orjson.dumps(given)}).rowcount:
            raise exists("Function already exists.")

    call.platform.store.write(work)
    return {}


@operation("GetUserDefinedFunction", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    return {"UserDefinedFunction": _shown(call, _find(call, call.platform.store.read(), request))}


@operation("GetUserDefinedFunctions")
def get_all(call: Call[Glue], request: Document) -> Document:
    """Of all databases, where none is named."""
    own_catalog(call, request)
    connection = call.platform.store.read()
    name = request.get("DatabaseName")
    wanted = database(call, connection, name)["name"] if name else None
    matches, kind = pattern(request["Pattern"]), request.get("FunctionType")

    def rows(after: list[Any]) -> Any:
        first, second = after or ["", ""]
        values = {"region": call.region, "database": wanted, "after_0": first, "after_1": second}
        for row in connection.execute(SQL["function_page"], values):
            if matches(row["name"]) and (not kind or orjson.loads(row["document"]).get("FunctionType") == kind):
                yield row

    found, token = state.paged(call, request, rows, lambda row: [row["database"], row["name"]])
    return state.answer("UserDefinedFunctions", [_shown(call, row) for row in found], token)


@operation("UpdateUserDefinedFunction")
def update(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    given = _folded({"FunctionName": request["FunctionName"], **request["FunctionInput"]})

    def work(connection: sqlite3.Connection) -> None:
        row = _find(call, connection, request)
        key = _key(call, request["DatabaseName"], given["FunctionName"])
        values = {**key, "had": row["name"], "document": orjson.dumps(given)}
        if not connection.execute(SQL["function_change"], values).rowcount:
            raise invalid("A function of this name already exists.")

    call.platform.store.write(work)
    return {}


@operation("DeleteUserDefinedFunction")
def delete(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)

    def work(connection: sqlite3.Connection) -> None:
        row = _find(call, connection, request)
        connection.execute(SQL["function_remove"], _key(call, row["database"], row["name"]))

    call.platform.store.write(work)
    return {}


def _find(call: Call[Glue], connection: sqlite3.Connection, request: Document) -> Any:
    database(call, connection, request["DatabaseName"])
    key = _key(call, request["DatabaseName"], request["FunctionName"])
    row = connection.execute(SQL["function_find"], key).fetchone()
    if row is None:
        raise missing(f"Function {request['FunctionName']} not found.")
    return row


def _key(call: Call[Glue], database_name: str, name: str) -> Document:
    return {"region": call.region, "database": database_name.lower(), "name": name.lower()}


def _folded(given: Document) -> Document:
    if not given.get("FunctionName"):
        raise invalid("FunctionName is required.")
    return {**given, "FunctionName": given["FunctionName"].lower()}


def _shown(call: Call[Glue], row: Any) -> Document:
    return {
        **orjson.loads(row["document"]),
        "DatabaseName": row["database"],
        "CreateTime": row["created"],
        "CatalogId": call.account,
    }
