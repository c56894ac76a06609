"""The account's identities, as the tables hold them, and in memory for those who have just asked for something."""

import json
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from clary.services.iam import managed
from clary.services.iam.policy.statement import Policies, Source, Statement, statements
from clary.store.db import Reader, Store
from clary.store.sql import queries

KEPT: Final = 4096  # users and roles in memory; beyond that it begins anew

T = TypeVar("T")
SQL = queries("clary.services.iam")


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, role, group, customer managed policy or instance profile."""

    id: str
    kind: str
    name: str
    path: str
    arn: str
    boundary: str | None
    document: dict[str, Any]
    created: float

    @classmethod
    def of(cls, row: sqlite3.Row) -> "Entity":
        return cls(**{**dict(row), "document": json.loads(row["document"])})


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or role, and everything that decides what it may."""

    entity: Entity
    tags: dict[str, str]
    sources: tuple[Source, ...]  # its policies and its groups'
    policies: Policies
    boundary: Policies | None


class Directory:
    """All writes go through `change`, which drops what memory holds; so memory is never behind the tables. Another
    process reads only (`store` is a Reader), and calls `forget` when it sees that the tables have changed.
    """

    def __init__(self, store: Reader, account: str) -> None:
        self.store = store
        self.account = account
        self.generation = 0  # grows with every change; whoever keeps something keeps it for one generation
        self._lock = threading.Lock()
        self._principals: dict[str, Principal] = {}

    def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in a write transaction; from its return on, everybody sees what it did."""
        assert isinstance(self.store, Store), "this process only reads"
        try:
            return self.store.write(work)
        finally:
            self.forget()

    def forget(self) -> None:
        """Drops what memory holds: the tables may have changed."""
        with self._lock:
            self.generation += 1
            self._principals = {}

    def principal(self, arn: str) -> Principal | None:
        """The user or role of this ARN; None if there is none."""
        found = self._principals.get(arn)
        if found is None:
            before = self.generation
            found = _principal(self.store.read(), arn)
            with self._lock:
                if found is not None and self.generation == before:  # what is not there, anybody can name without end
                    if len(self._principals) >= KEPT:
                        self._principals = {}
                    self._principals[arn] = found
        return found

    def by_id(self, id_: str) -> Principal | None:
        """As `principal`, by the unique id."""
        row = self.store.read().execute(SQL["entity_by_id"], (id_,)).fetchone()
        return self.principal(row["arn"]) if row else None

    def role_arn(self, name: str) -> str:
        """The ARN of the role of this name; nothing if there is none."""
        row = self.store.read().execute(SQL["entity_by_name"], ("role", name)).fetchone()
        return str(row["arn"]) if row else ""

    def policy_text(self, arn: str) -> str | None:
        """The default version of a managed policy, AWS's or the account's own; None if there is none."""
        return policy_text(self.store.read(), arn)


def policy_text(connection: sqlite3.Connection, arn: str) -> str | None:
    if known := managed.find(arn):
        return known.text
    row = connection.execute(SQL["default_text"], (arn,)).fetchone()
    return row["text"] if row else None


def sources(connection: sqlite3.Connection, entity: Entity) -> list[Source]:
    """The policies of a user, role or group: inline, then attached; not those of a user's groups."""
    found = [Source(row["name"], entity.kind, row["text"]) for row in connection.execute(SQL["inline"], (entity.id,))]
    for row in connection.execute(SQL["attached"], (entity.id,)).fetchall():
        text = policy_text(connection, row["policy"])
        assert text is not None, f"{row['policy']} is attached, and gone"
        found.append(Source(row["policy"], managed.kind(row["policy"]), text))
    return found


@lru_cache(2048)
def compiled(source: Source) -> tuple[Statement, ...]:
    """The statements of a stored policy, compiled once for everybody who has it."""
    return tuple(statements(json.loads(source.text), source))


def together(found: list[Source]) -> Policies:
    return Policies(statement for source in found for statement in compiled(source))


def _principal(connection: sqlite3.Connection, arn: str) -> Principal | None:
    row = connection.execute(SQL["entity_by_arn"], (arn,)).fetchone()
    if row is None or row["kind"] not in {"user", "role"}:
        return None
    entity = Entity.of(row)
    found = sources(connection, entity)
    if entity.kind == "user":
        for group in connection.execute(SQL["holders"], (entity.id,)).fetchall():
            found += sources(connection, Entity.of(group))
    boundary = None
    if entity.boundary is not None:
        text = policy_text(connection, entity.boundary)
        assert text is not None, f"{entity.boundary} is a boundary, and gone"
        boundary = together([Source(entity.boundary, managed.kind(entity.boundary), text)])
    tags = {tag["key"]: tag["value"] for tag in connection.execute(SQL["tags"], (arn,))}
    return Principal(entity, tags, tuple(found), together(found), boundary)
