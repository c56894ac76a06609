"""What the catalog's operations share: where databases and tables are found, names, patterns, pages.

Names are folded to lower case when they are stored, "for Hive compatibility", and found in any case:
https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import orjson
import regex  # type: ignore[import-untyped]  # it ships no types

from clary.errors import AccessDenied, NotImplementedHere
from clary.resource.call import Call, Permission
from clary.services.glue import state
from clary.services.glue.state import Document, Glue, invalid, missing
from clary.store.sql import queries

SQL = queries("clary.services.glue.catalog")
DATABASE = "database"
PATIENCE = 0.05  # seconds that a pattern may take for one name


def database(call: Call[Glue], connection: sqlite3.Connection, name: str) -> Any:
    """The row of a database. Raises EntityNotFoundException."""
    row = state.find(connection, state.here(call), DATABASE, name.lower())
    if row is None:
        raise missing(f"Database {name} not found.")
    return row


def table(call: Call[Glue], connection: sqlite3.Connection, database_name: str, name: str) -> Any:
    """The row of a table. Raises EntityNotFoundException."""
    database(call, connection, database_name)
    row = connection.execute(SQL["table_find"], table_key(call, database_name, name)).fetchone()
    if row is None:
        raise missing(f"Table {name} not found.")
    return row


def table_of(call: Call[Glue], connection: sqlite3.Connection, request: Document) -> Any:
    """The row of the table that a request names as DatabaseName and TableName. Raises EntityNotFoundException."""
    own_catalog(call, request)
    return table(call, connection, request["DatabaseName"], request["TableName"])


def table_key(call: Call[Any], database_name: str, name: str) -> Document:
    return {"region": call.region, "database": database_name.lower(), "name": name.lower()}


def own_catalog(call: Call[Any], request: Document) -> None:
    """There is one catalog, the account's. Raises EntityNotFoundException and NotImplementedHere."""
    given = request.get("CatalogId")
    if given and given != call.account:
        if not given.isdigit():
            raise NotImplementedHere(f"Clary has the account's own Data Catalog alone, and no catalog {given}.")
        raise missing(f"Catalog {given} not found.")


def refuse(request: Document, *members: str) -> None:
    """Raises for what is of Lake Formation, federation or open table formats, by the member's name."""
    for member in members:
        if request.get(member):
            raise NotImplementedHere(f"Clary's Data Catalog does not have {member}.")


def pattern(text: str) -> Callable[[str], bool]:
    """Whether a name matches a pattern: a regular expression, in which a * that follows nothing that it could repeat
    stands for any characters, as in Hive's own patterns (sales*, *, a*|b*). Raises InvalidInputException.
    """
    glob = regex.sub(r"(?<![.\])}\\])\*", ".*", text)
    try:
        compiled = regex.compile(glob, regex.IGNORECASE)
    except (regex.error, OverflowError, RecursionError) as error:
        raise invalid(f"The pattern {text} is not a regular expression: {error}") from error

    def matches(name: str) -> bool:
        try:
            return compiled.fullmatch(name, timeout=PATIENCE) is not None
        except TimeoutError as error:
            raise invalid(f"The pattern {text} takes too long to match") from error

    return matches


def may(call: Call[Any], arn: str) -> bool:
    """Whether the caller may do this operation with what has the ARN too: of lists, others see the rest."""
    policy = resource_policy(call)
    try:
        call.authorize(Permission(f"glue:{call.operation.name}", arn, {}, policy))
    except AccessDenied:
        return False
    return True


def resource_policy(call: Call[Any]) -> Document | None:
    """The catalog's own policy, if it has one."""
    values = {"region": call.region, "name": "policy"}
    row = call.platform.store.read().execute(SQL["setting_find"], values).fetchone()
    if row is None:
        return None
    document: Document = orjson.loads(orjson.loads(row["document"])["text"])
    return document


def without(document: Document, *members: str) -> Document:
    return {member: value for member, value in document.items() if member not in members}
