"""Jobs and their events as rows: every move is checked against states.py and writes its event in one transaction."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from clary.compute.driver import Handle, Instance
from clary.errors import ClaryError
from clary.jobs.recipe import Document
from clary.jobs.states import ENDED, MOVES
from clary.store.db import Store
from clary.store.sql import queries

SQL = queries("clary.store") | queries("clary.jobs")
LEASE = 60.0  # seconds


class LeaseLost(ClaryError):
    """The job is no longer this worker's."""


@dataclass(slots=True)
class Memo:
    """What an attempt must know after a restart, beside its handle."""

    streams: list[list[str]] = field(default_factory=list)  # log group and stream of each; the file of others
    started: float | None = None  # seconds since the epoch
    why: Literal["exited", "stopped", "timeout"] = "exited"
    instances: list[dict[str, Any]] = field(default_factory=list)  # how they ended
    facts: Document = field(default_factory=dict)  # the recipe's

    def ended(self) -> tuple[Instance, ...]:
        return tuple(Instance(**instance) for instance in self.instances)


@dataclass(slots=True)
class Record:
    """A job's row, and the document of its resource."""

    id: int
    arn: str
    recipe: str
    attempt: int
    document: Document
    created: float  # seconds since the epoch
    state: str = "pending"
    handle: Handle | None = None
    memo: Memo = field(default_factory=Memo)
    stop: bool = False  # as it was when the row was read

    @property
    def group(self) -> str:
        """The launches' id, and the folder's name."""
        return f"{self.id}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class Note:
    """What an event tells: `detail` is JSON, and its "status" what the user sees."""

    message: str = ""
    detail: Document = field(default_factory=dict)


class Records:
    """One worker's access to the rows."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._owner = f"{os.getpid()}-{secrets.token_hex(4)}"

    def waiting(self, after: int) -> list[Record]:
        return [_record(row) for row in self._store.read().execute(SQL["job_waiting"], {"after": after})]

    def stopping(self) -> list[int]:
        """The jobs that somebody asked to stop."""
        return [row["id"] for row in self._store.read().execute(SQL["job_stopping"])]

    def named(self, group: str) -> Any:
        """The row that a group or folder is of, or None."""
        return self._store.read().execute(SQL["job_named"], {"id": group.partition("-")[0]}).fetchone()

    def take_over(self) -> list[Record]:
        """All that another worker, which is dead since this home is ours, had begun."""
        values = {"owner": self._owner, "lease": self._clock() + LEASE}
        self._store.write(lambda connection: connection.execute(SQL["job_take_over"], values))
        return [_begun(row) for row in self._store.read().execute(SQL["job_begun"])]

    def renew(self) -> None:
        values = {"owner": self._owner, "lease": self._clock() + LEASE}
        self._store.write(lambda connection: connection.execute(SQL["job_renew"], values))

    def claim(self, record: Record, note: Note) -> bool:
        """Whether it is ours now: preparing, one attempt further."""
        at = self._clock()
        values = {"id": record.id, "owner": self._owner, "lease": at + LEASE}

        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(SQL["job_claim"], values).rowcount == 0:
                return False
            self._event(connection, record.arn, at, "preparing", note)
            return True

        if not self._store.write(work):
            return False
        record.state, record.attempt, record.handle, record.memo = "preparing", record.attempt + 1, None, Memo()
        return True

    def hold(self, record: Record) -> None:
        """The handle of what was there before the job, and is its own from now on. Raises LeaseLost."""
        values = {"id": record.id, "owner": self._owner, "handle": orjson.dumps(record.handle)}
        if self._store.write(lambda connection: connection.execute(SQL["job_hold"], values).rowcount) == 0:
            raise LeaseLost

    def move(self, record: Record, state: str, note: Note) -> None:
        """With what the record now says of handle and memo. Raises LeaseLost."""
        assert state in MOVES[record.state], f"{record.state} → {state}"
        at = self._clock()
        values = {
            "id": record.id,
            "from": record.state,
            "to": state,
            "owner": self._owner,
            "release": state == "pending" or state in ENDED,
            "handle": None if record.handle is None else orjson.dumps(record.handle),
            "memo": orjson.dumps(asdict(record.memo)),
        }

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(SQL["job_move"], values).rowcount == 0:
                raise LeaseLost
            self._event(connection, record.arn, at, state, note)

        self._store.write(work)
        record.state = state

    def tell(self, notes: list[tuple[Record, Note]]) -> None:
        """Events without a move."""
        at = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            for record, note in notes:
                self._event(connection, record.arn, at, record.state, note)

        self._store.write(work)

    def remember(self, record: Record) -> "Future[Any]":
        """The memo; the future ends when it is on the disk."""
        values = {"id": record.id, "owner": self._owner, "memo": orjson.dumps(asdict(record.memo))}
        return self._store.submit(lambda connection: connection.execute(SQL["job_memo"], values))

    @staticmethod
    def _event(connection: sqlite3.Connection, arn: str, at: float, state: str, note: Note) -> None:
        detail = orjson.dumps(note.detail) if note.detail else None
        values = {"arn": arn, "at": at, "state": state, "message": note.message, "detail": detail}
        connection.execute(SQL["event_add"], values)
        connection.execute(SQL["resource_touched"], {"arn": arn, "at": at})


def _record(row: Any) -> Record:
    return Record(row["id"], row["arn"], row["recipe"], row["attempt"], orjson.loads(row["document"]), row["created"])


def _begun(row: Any) -> Record:
    record = _record(row)
    record.state, record.stop = row["state"], bool(row["stop"])
    record.handle = orjson.loads(row["handle"]) if row["handle"] else None
    record.memo = Memo(**orjson.loads(row["memo"])) if row["memo"] else Memo()
    return record
