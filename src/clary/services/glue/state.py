"""What Glue's operations share: its nouns as rows of the shared table, pages of them, and their errors."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from clary.errors import AWSError, Invalid
from clary.resource import crud, pages, tags
from clary.resource.call import Call, Platform
from clary.services.application_autoscaling import schedule
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


def submitted(kind: str, name: str, *, same: bool) -> AWSError:
    """Of a second request of the same name: AWS asks whether it is the first one again."""
    if same:
        return exists(f"{kind} already exists.")
    said = f"{kind} with name: {name} already submitted with different configuration"
    return AWSError("IdempotentParameterMismatchException", said)


def detail(error: AWSError) -> Document:
    """An error as an ErrorDetail, where one of several things fails."""
    return {"ErrorCode": error.code("json"), "ErrorMessage": error.message}


@dataclass(frozen=True, slots=True)
class Place:
    """Whose nouns are meant: every operation's are those of the account in its region."""

    account: str
    region: str

    @classmethod
    def of(cls, arn: str) -> "Place":
        """Where what has this ARN is."""
        _, _, _, region, account, _ = arn.split(":", 5)
        return cls(account, region)

    def arn(self, resource: str) -> str:
        """`arn:aws:glue:us-west-2:123456789012:job/j` for `job/j`."""
        return f"arn:aws:glue:{self.region}:{self.account}:{resource}"


def here(call: Call[Any]) -> Place:
    return Place(call.account, call.region)


def due(text: str) -> Callable[[float, float], float | None]:
    """When a schedule is due, by UTC: as `schedule.parse`. Raises InvalidInputException."""
    if not text.startswith("cron("):
        raise invalid(f"Invalid schedule expression {text}: it is cron(minutes hours day month weekday year).")
    try:
        return schedule.parse(text)
    except Invalid as error:
        raise invalid(error.message) from error


def now(platform: Platform) -> float:
    """Seconds since the epoch, to the millisecond, as AWS shows them."""
    return round(platform.clock(), 3)


def find(connection: sqlite3.Connection, place: Place, kind: str, name: str) -> Any:
    """The row of a noun in the shared table, or None."""
    values = {"type": kind, "account": place.account, "region": place.region, "name": name}
    return connection.execute(SQL["thing_find"], values).fetchone()


loaded = crud.loaded


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
    size: int = PAGE,
) -> tuple[list[Any], str]:
    """Rows in the order of their names, and the token for those behind them. Raises InvalidInputException."""
    place = here(call)

    def rows(after: list[Any]) -> Iterable[Any]:
        values = {"type": kind, "account": place.account, "region": place.region, "after": after[0] if after else ""}
        return filter(keep, call.platform.store.read().execute(SQL["thing_page"], values))

    return paged(call, request, rows, lambda row: [row["name"]], size)


def paged(
    call: Call[Any],
    request: Document,
    rows: Callable[[list[Any]], Iterable[Any]],
    key: Callable[[Any], list[Any]],
    size: int = PAGE,
) -> tuple[list[Any], str]:
    """A page of what `rows` gives from behind a place, and the token for the rest; `key` has the place of a row. It has
    `size` of them where the request does not say; the model has the most that it may say. Raises InvalidInputException.
    """
    query = [call.operation.name, call.region, {**request, "NextToken": None}]
    try:
        after = pages.opened(request.get("NextToken"), query)
    except Invalid as error:
        raise invalid("Invalid NextToken") from error
    size = request.get("MaxResults") or size
    found: list[Any] = []
    for row in rows(after or []):
        if len(found) == size:
            return found, pages.sealed(key(found[-1]), query)
        found.append(row)
    return found, ""


def answer(member: str, found: Iterable[Any], token: str) -> Document:
    return {member: list(found), **({"NextToken": token} if token else {})}
