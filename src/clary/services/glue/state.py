"""What Glue's operations share: its nouns as rows of the shared table, pages of them, and their errors."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from clary.errors import AWSError, Invalid
from clary.resource import crud, pages, tags
from clary.resource.call import Call, Platform
from clary.store.sql import queries

if TYPE_CHECKING:
    from clary.services.glue.conductor import Conductor
    from clary.services.glue.crawler.crawls import Crawls
    from clary.services.glue.run_recipe import Runs

SQL = queries("clary.services.glue")
Document = dict[str, Any]
PRINCIPAL = "glue.amazonaws.com"
PAGE = 100  # how many a page has where the request does not say


@dataclass(slots=True)
class Glue:
    """`platform` for what works on its own, without a call; `role_arn` has the ARN of a role by its name, or ""."""

    platform: Platform
    role_arn: Callable[[str], str]
    conductor: "Conductor"
    recipe: "Runs"
    crawls: "Crawls"

    def start(self) -> None:
        """What works on its own begins."""
        self.conductor.start()
        self.crawls.begin()


def missing(message: str) -> AWSError:
    return AWSError("EntityNotFoundException", message)


def invalid(message: str) -> AWSError:
    return AWSError("InvalidInputException", message)


def exists(message: str) -> AWSError:
    return AWSError("AlreadyExistsException", message)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose nouns are meant: every operation's are those of the account in its region."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        """`arn:aws:glue:us-west-2:123456789012:job/j` for `job/j`."""
        return f"arn:aws:glue:{self.region}:{self.account}:{resource}"


def here(call: Call[Any]) -> Place:
    return Place(call.account, call.region)


def now(platform: Platform) -> float:
    """Seconds since the epoch, to the millisecond, as AWS shows them."""
    return round(platform.clock(), 3)


def find(connection: sqlite3.Connection, place: Place, kind: str, name: str) -> Any:
    """The row of a noun in the shared table, or None."""
    values = {"type": kind, "account": place.account, "region": place.region, "name": name}
    return connection.execute(SQL["thing_find"], values).fetchone()


def loaded(row: Any) -> Document:
    document: Document = orjson.loads(row["document"])
    return document


def add(
    connection: sqlite3.Connection, place: Place, kind: str, resource: str, name: str, document: Document, at: float
) -> str:
    """Within a transaction: its row. `resource` is the ARN's last part, which is returned whole. Raises
    sqlite3.IntegrityError where there is one of that name.
    """
    values = {
        "arn": place.arn(resource),
        "service": "glue",
        "type": kind,
        "account": place.account,
        "region": place.region,
        "name": name,
        "document": orjson.dumps(document).decode(),
        "created": at,
    }
    connection.execute(crud.SQL["resource_add"], values)
    return str(values["arn"])


def change(connection: sqlite3.Connection, row: Any, document: Document, at: float) -> None:
    """Within a transaction: the document is now this."""
    values = {"arn": row["arn"], "document": orjson.dumps(document).decode(), "modified": at}
    connection.execute(crud.SQL["resource_change"], values)


def tag(connection: sqlite3.Connection, arn: str, given: Document) -> None:
    """Within a transaction. Raises InvalidInputException."""
    for key in given:
        if key.lower().startswith("aws:"):
            raise invalid(f"Tag key {key} is not allowed: keys that begin with aws: are reserved")
    try:
        tags.put(connection, arn, given)
    except Invalid as error:
        raise invalid(error.message) from error


def page(
    call: Call[Any],
    request: Document,
    kind: str,
    keep: Callable[[Any], bool] = lambda _row: True,
    most: int = PAGE,
) -> tuple[list[Any], str]:
    """Rows in the order of their names, and the token for those behind them. Raises InvalidInputException."""
    place = here(call)
    query = [call.operation.name, call.region, {**request, "NextToken": None}]
    after = opened(request, query) or [""]
    values = {"type": kind, "account": place.account, "region": place.region, "after": after[0]}
    size = request.get("MaxResults") or most  # the model has the most
    found: list[Any] = []
    for row in call.platform.store.read().execute(SQL["thing_page"], values):
        if not keep(row):
            continue
        if len(found) == size:
            return found, pages.sealed([found[-1]["name"]], query)
        found.append(row)
    return found, ""


def opened(request: Document, query: list[Any]) -> list[Any] | None:
    """Where the page begins that the request's token names. Raises InvalidInputException."""
    try:
        return pages.opened(request.get("NextToken"), query)
    except Invalid as error:
        raise invalid("Invalid NextToken") from error


def answer(member: str, found: Iterable[Any], token: str) -> Document:
    return {member: list(found), **({"NextToken": token} if token else {})}
