"""What every operation of the registry shares: repositories, how they are called, and AWS's words for errors."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import orjson

from clary.errors import AWSError, Invalid
from clary.resource import pages
from clary.resource.call import Call, Permission
from clary.services.ecr.passwords import Passwords, Tickets
from clary.services.ecr.uploads import Uploads, vanished
from clary.services.s3.blobs import Blobs
from clary.services.s3.state import space
from clary.store.db import Store
from clary.store.sql import queries
from clary.wire.message import Request

T = TypeVar("T")
Document = dict[str, Any]
SQL = queries("clary.services.ecr")

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z]{2}(-[a-z]+)+-\d)\.(amazonaws\.com|on\.aws)"
)


@dataclass(frozen=True, slots=True)
class ECR:
    store: Store
    blobs: Blobs
    uploads: Uploads
    passwords: Passwords
    tickets: Tickets
    clock: Callable[[], float]
    account: str

    def write(self, work: Callable[[sqlite3.Connection], T], blob: int = 0) -> T:
        """As Store.write, for rows that name this blob. Raises InsufficientStorage where the disk is full."""

        def settled(connection: sqlite3.Connection) -> T:
            if blob:
                self.blobs.settle(blob)
            return work(connection)

        try:
            with space():
                return self.store.write(settled)
        except sqlite3.IntegrityError as error:  # a row of a repository that is no more
            raise vanished() from error

    def drop(self, work: Callable[[sqlite3.Connection], Iterable[int]]) -> None:
        """Writes; the blobs that `work` returns go, unless a row still names them."""

        def careful(connection: sqlite3.Connection) -> list[int]:
            return unnamed(connection, work(connection))

        self.blobs.delete(self.write(careful))


def unnamed(connection: sqlite3.Connection, blobs: Iterable[int]) -> list[int]:
    """Those that no layer is made of any more. Within the writer's transaction, which alone makes that certain."""
    return [
        blob for blob in set(blobs) if blob and not connection.execute(SQL["blob_named"], {"blob": blob}).fetchone()[0]
    ]


def repository(call: Call[ECR], request: Document, connection: sqlite3.Connection | None = None) -> sqlite3.Row:
    """The row of the repository that a request names. Raises RepositoryNotFoundException."""
    registry = request.get("registryId", call.account)
    row = None
    if registry == call.account:
        row = find(connection or call.platform.store.read(), call.region, request["repositoryName"])
    if row is None:
        raise no_repository(request["repositoryName"], registry)
    return row


def find(connection: sqlite3.Connection, region: str, name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(SQL["repository"], {"region": region, "name": name}).fetchone()
    return row


def no_repository(name: str, registry: str) -> AWSError:
    return AWSError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
    )


def invalid(member: str, reason: str) -> AWSError:
    return AWSError(
        "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{reason}'"
    )


def place_of(request: Document, query: list[Any]) -> list[Any] | None:
    """Where the page that is asked for begins; None for the first. Raises InvalidParameterException."""
    try:
        return pages.opened(request.get("nextToken"), query)
    except Invalid as error:
        raise invalid("nextToken", "must be the nextToken of an answer to this very request") from error


def arn(call: Call[Any], name: str) -> str:
    return arn_of(call.region, call.account, name)


def arn_of(region: str, account: str, name: str) -> str:
    return f"arn:aws:ecr:{region}:{account}:repository/{name}"


def registry_host(request: Request, region: str, account: str) -> str:
    """How the registry is called at the door that the client came by: the name that AWS gives it if the client speaks
    to AWS's names, which the CONNECT proxy answers, else the gateway's own host and port.
    """
    if re.search(r"\.(amazonaws\.com|on\.aws)(:\d+)?$", request.host) or not request.host:
        return f"{account}.dkr.ecr.{region}.amazonaws.com"
    return request.host


def registry_url(request: Request, region: str, account: str) -> str:
    host = registry_host(request, region, account)
    return f"https://{host}" if HOST.fullmatch(host) else f"{request.scheme}://{host}"


def permission(
    call: Call[Any], action: str, name: str, row: sqlite3.Row | None, keys: Mapping[str, list[str]] | None = None
) -> Permission:
    """To do `action` with the repository `name`, whose row may be none."""
    return asking(call.platform.store.read(), action, arn(call, name), row, call.region, keys)


def asking(
    connection: sqlite3.Connection,
    action: str,
    resource: str,
    row: sqlite3.Row | None,
    region: str,
    keys: Mapping[str, list[str]] | None = None,
) -> Permission:
    own, registry = row["policy"] if row is not None else "", registry_policy(connection, region)
    policy = _policy(own, resource, registry) if own or registry else None
    context = dict(keys or {})
    if row is not None:
        for tag in connection.execute(queries("clary.store")["tag_all"], {"arn": resource}):
            for prefix in ("aws:ResourceTag", "ecr:ResourceTag"):
                context[f"{prefix}/{tag['key']}"] = [tag["value"]]
    return Permission(f"ecr:{action}", resource, context, policy)


def registry_policy(connection: sqlite3.Connection, region: str) -> str:
    """The registry's policy where it has a say in everything, "" else.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
    """
    rows = connection.execute(SQL["settings"], {"region": region})
    found = {row["name"]: row["value"] for row in rows}
    return found.get("policy", "") if found.get("account REGISTRY_POLICY_SCOPE", "V2") == "V2" else ""


@lru_cache(256)
def _policy(text: str, resource: str, registry: str) -> Document:
    """The same object each time, so that it is compiled once. A repository's statements name no resource: it is that.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
    """
    own = [{**statement, "Resource": resource} for statement in statements(text)]
    return {"Version": "2012-10-17", "Statement": own + statements(registry)}


def statements(text: str) -> list[Document]:
    """Of a policy that was checked; "" has none."""
    found = orjson.loads(text).get("Statement", []) if text else []
    return found if isinstance(found, list) else [found]
