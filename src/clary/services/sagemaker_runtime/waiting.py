"""The queue of asynchronous invocations: rows, so that no crash loses what was promised."""

import sqlite3
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import orjson

from clary.store.sql import queries

SQL = queries("clary.services.sagemaker_runtime")


@dataclass(slots=True, kw_only=True)
class Invocation:
    """What was asked, with what the endpoint's configuration said then."""

    endpoint: str  # its name
    inference: str  # InferenceId
    input: str = ""  # s3://…; or, if the request had its data with it:
    body: str = ""  # in base64
    headers: dict[str, str] = field(default_factory=dict)  # for the container
    output: str = ""  # s3://…; "": nowhere
    failure: str = ""
    named: bool = False  # the caller has given the output its name: there may be one before
    live: float  # seconds that it may wait
    timeout: float  # seconds that the model may take
    topics: dict[str, str] = field(default_factory=dict)  # SuccessTopic, ErrorTopic
    included: list[str] = field(default_factory=list)  # IncludeInferenceResponseIn


@dataclass(slots=True)
class Row:
    id: int
    arn: str  # of the endpoint
    asked: Invocation
    created: float
    begun: float | None
    lost: int

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


class Backlog(NamedTuple):
    size: int
    oldest: float


def add(connection: sqlite3.Connection, arn: str, asked: Invocation, now: float) -> None:
    """Within a transaction."""
    row = {"endpoint": arn, "document": orjson.dumps(asdict(asked)), "created": now}
    connection.execute(SQL["invocation_add"], row)


def backlog(connection: sqlite3.Connection) -> dict[str, Backlog]:
    """By endpoint."""
    rows = connection.execute(SQL["invocation_backlog"]).fetchall()
    return {row["endpoint"]: Backlog(row["size"], row["oldest"]) for row in rows}


def first(connection: sqlite3.Connection, arn: str, limit: int) -> list[Row]:
    rows = connection.execute(SQL["invocation_first"], {"endpoint": arn, "limit": limit}).fetchall()
    return [
        Row(
            row["id"],
            row["endpoint"],
            Invocation(**orjson.loads(row["document"])),
            row["created"],
            row["begun"],
            row["lost"],
        )
        for row in rows
    ]


def begin(connection: sqlite3.Connection, number: int, now: float) -> None:
    connection.execute(SQL["invocation_begin"], {"id": number, "now": now})


def lose(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(SQL["invocation_lose"], {"id": number})


def remove(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(SQL["invocation_remove"], {"id": number})
