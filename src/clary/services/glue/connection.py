"""Connections: where data stores are, and how one gets in. Nothing here connects to one.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-connections.html

Passwords are kept as S3's objects are: in the home, which is its owner's alone.
"""

import sqlite3
from typing import Any, Final

from clary.errors import AWSError, NotImplementedHere
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import state
from clary.services.glue.catalog.state import own_catalog
from clary.services.glue.state import Glue, Place, detail, exists, here, invalid, missing

NOUN: Final = "Connection"
SECRETS: Final = ("PASSWORD", "ENCRYPTED_PASSWORD", "KAFKA_SASL_SCRAM_PASSWORD", "KAFKA_SASL_PLAIN_PASSWORD")
# https://docs.aws.amazon.com/glue/latest/webapi/API_ConnectionInput.html
NEEDED: Final = {"JDBC": "JDBC_CONNECTION_URL", "MONGODB": "CONNECTION_URL", "KAFKA": "KAFKA_BOOTSTRAP_SERVERS"}
CATALOG: Final = "catalog"
TARGETS = {
    "CreateConnection": (CATALOG, "connection/{ConnectionInput.Name}"),
    "GetConnection": (CATALOG, "connection/{Name}"),
    "GetConnections": (CATALOG, "connection/*"),
    "UpdateConnection": (CATALOG, "connection/{Name}"),
    "DeleteConnection": (CATALOG, "connection/{ConnectionName}"),
    "BatchDeleteConnection": (CATALOG, "connection/{ConnectionNameList}"),
    "TestConnection": (CATALOG, "connection/{ConnectionName}"),
}
_KEPT = ("PhysicalConnectionRequirements", "ValidateCredentials", "ValidateForComputeEnvironments")
UNUSED = {
    **{name: {f"ConnectionInput.{member}" for member in _KEPT} for name in ("CreateConnection", "UpdateConnection")},
    "GetConnection": {"ApplyOverrideForComputeEnvironment"},
}


def _checked(call: Call[Glue], request: Document) -> Document:
    """Raises InvalidInputException, and EntityNotFoundException for another account's catalog."""
    own_catalog(call, request)
    given = request["ConnectionInput"]
    properties = given["ConnectionProperties"]
    if (member := NEEDED.get(given["ConnectionType"])) and not properties.get(member):
        raise invalid(f"Connection property {member} is required for type {given['ConnectionType']}.")
    return {member: value for member, value in given.items() if not member.startswith("Validate")}


def get(connection: sqlite3.Connection, place: Place, name: str) -> Any:
    """The row. Raises EntityNotFoundException."""
    row = state.find(connection, place, NOUN, name)
    if row is None:
        raise missing(f"Connection {name} not found.")
    return row


def _shown(row: Any, request: Document) -> Document:
    document = state.loaded(row)
    if request.get("HidePassword"):
        properties = document["ConnectionProperties"]
        document["ConnectionProperties"] = {name: value for name, value in properties.items() if name not in SECRETS}
    return {**document, "CreationTime": row["created"], "LastUpdatedTime": row["modified"], "Status": "READY"}


@operation("CreateConnection")
def create(call: Call[Glue], request: Document) -> Document:
    document = _checked(call, request)
    name = document["Name"]

    def work(connection: sqlite3.Connection) -> None:
        if state.find(connection, here(call), NOUN, name) is not None:
            raise exists(f"Connection {name} already exists.")
        at, told = state.now(call.platform), {**document, "LastUpdatedBy": call.caller.arn}
        arn = state.add(connection, here(call), NOUN, f"connection/{name}", name, told, at)
        state.tag(connection, arn, request.get("Tags") or {})

    call.platform.store.write(work)
    return {"CreateConnectionStatus": "READY"}


@operation("GetConnection")
def show(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    return {"Connection": _shown(get(call.platform.store.read(), here(call), request["Name"]), request)}


@operation("GetConnections")
def every(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    wanted = request.get("Filter") or {}
    criteria = set(wanted.get("MatchCriteria") or ())

    def keep(row: Any) -> bool:
        document = state.loaded(row)
        return (
            document["ConnectionType"] == wanted.get("ConnectionType", document["ConnectionType"])
            and criteria <= set(document.get("MatchCriteria") or ())
            and document.get("ConnectionSchemaVersion", 1) == wanted.get("ConnectionSchemaVersion", 1)
        )

    found, token = state.page(call, request, NOUN, keep)
    return state.answer("ConnectionList", [_shown(row, request) for row in found], token)


@operation("UpdateConnection")
def update(call: Call[Glue], request: Document) -> Document:
    document, name = _checked(call, request), request["Name"]
    if document["Name"] != name:
        raise invalid("The name of a connection cannot be changed.")

    def work(connection: sqlite3.Connection) -> None:
        row = get(connection, here(call), name)
        state.change(connection, row, {**document, "LastUpdatedBy": call.caller.arn}, state.now(call.platform))

    call.platform.store.write(work)
    return {}


@operation("DeleteConnection")
def delete(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)

    def work(connection: sqlite3.Connection) -> None:
        crud.forget(connection, get(connection, here(call), request["ConnectionName"])["arn"])

    call.platform.store.write(work)
    return {}


@operation("BatchDeleteConnection")
def delete_some(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)

    def work(connection: sqlite3.Connection) -> Document:
        errors: Document = {}
        for name in request["ConnectionNameList"]:
            try:
                crud.forget(connection, get(connection, here(call), name)["arn"])
            except AWSError as error:
                errors[name] = detail(error)
        return {"Succeeded": [name for name in request["ConnectionNameList"] if name not in errors], "Errors": errors}

    return call.platform.store.write(work)


@operation("TestConnection")
def test(call: Call[Glue], request: Document) -> Document:
    """There is nobody here who would try."""
    if name := request.get("ConnectionName"):
        get(call.platform.store.read(), here(call), name)
    raise NotImplementedHere("Clary keeps connections and tests none: nothing of its own connects to a data store.")
