"""The rows of objects and their versions: what a write, a delete and a look-up do to them.

What writes here runs inside the store's writer, one after the other, so what it has read stays true until it writes.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clary.services.s3 import names
from clary.services.s3.state import no_such_bucket
from clary.store.sql import queries

SQL = queries("clary.services.s3")

# Decides over etag, size and modified of what is there (None: nothing) whether the write may go on, or raises.
Condition = Callable[[sqlite3.Row | None], None]


@dataclass(frozen=True, slots=True)
class New:
    """An object that is about to be."""

    blob: int
    size: int  # bytes
    etag: str
    modified: float  # seconds since the epoch
    head: bytes
    tags: str | None = None
    parts: bytes | None = None


@dataclass(slots=True)
class Change:
    """What came of a write or a delete."""

    version: str | None = None  # its id as S3 shows it; None in a bucket that never had versions
    seq: int = 0
    marker: bool = False  # a delete marker was made, or removed
    found: bool = True
    doomed: list[int] = field(default_factory=list)  # blobs that no row names any more


def put(connection: sqlite3.Connection, bucket: str, key: str, new: New, condition: Condition | None = None) -> Change:
    """Makes `new` what the key shows. Raises NoSuchBucket, and what `condition` raises."""
    before = _before(connection, bucket, key, condition)
    change = Change(seq=_next(before["seq"], new.modified))
    version = ""
    if before["versioning"]:
        version = _make_room(connection, bucket, key, before, change)
        change.version = version or names.NULL
    elif before["blob"]:
        change.doomed.append(before["blob"])
    connection.execute(
        SQL["put"],
        (bucket, key, change.seq, version, new.blob, new.size, new.etag, new.modified, new.head, new.tags, new.parts),
    )
    return change


def delete(
    connection: sqlite3.Connection, bucket: str, key: str, now: float, condition: Condition | None = None
) -> Change:
    """As a DELETE that names no version: the object goes, or, in a bucket with versions, a delete marker comes."""
    before = _before(connection, bucket, key, condition)
    if not before["versioning"]:
        gone = connection.execute(SQL["object_delete"], (bucket, key)).fetchone()
        if gone is None:
            return Change(found=False)
        return Change(seq=gone["seq"], doomed=[gone["blob"]])
    change = Change(seq=_next(before["seq"], now), marker=True)
    version = _make_room(connection, bucket, key, before, change)
    change.version = version or names.NULL
    connection.execute(SQL["object_delete"], (bucket, key)).fetchone()
    connection.execute(SQL["marker"], (bucket, key, change.seq, version, now))
    return change


def delete_version(
    connection: sqlite3.Connection, bucket: str, key: str, version: str, condition: Condition | None = None
) -> Change:
    """Removes one version for good; the one before it becomes current where it was the latest. One that is not there
    is no error. Raises InvalidArgument for what cannot be a version's id.
    """
    before = _before(connection, bucket, key, None)
    wanted = "" if version == names.NULL else version
    seq = names.seq_of(version) if wanted else None
    if before["seq"] is not None and before["version"] == wanted:
        if condition is not None:
            condition(before)
        gone = connection.execute(SQL["object_delete"], (bucket, key)).fetchone()
        change = Change(version, gone["seq"], doomed=[gone["blob"]])
    else:
        row = connection.execute(*_version(bucket, key, seq)).fetchone()
        if row is None or row["version"] != wanted:
            return Change(version if before["versioning"] else None, found=False)
        if condition is not None and row["etag"]:
            condition(row)
        connection.execute(SQL["version_delete"], (bucket, key, row["seq"])).fetchone()
        change = Change(version, row["seq"], marker=not row["etag"], doomed=[row["blob"]] if row["blob"] else [])
        if before["seq"] is not None:
            return change
    if before["versioning"]:
        _promote(connection, bucket, key)
    return change


def find(connection: sqlite3.Connection, bucket: str, key: str, version: str | None) -> sqlite3.Row | None:
    """The row of the object, or of its version; a delete marker is a row with an empty etag. None where nothing is.
    Raises InvalidArgument for what cannot be a version's id.
    """
    current: sqlite3.Row | None = connection.execute(SQL["object"], (bucket, key)).fetchone()
    if version is None:
        return current
    wanted = "" if version == names.NULL else version
    seq = names.seq_of(version) if wanted else None
    if current is not None and current["version"] == wanted:
        return current
    row: sqlite3.Row | None = connection.execute(*_version(bucket, key, seq)).fetchone()
    return row if row is not None and row["version"] == wanted else None


def _version(bucket: str, key: str, seq: int | None) -> tuple[str, tuple[Any, ...]]:
    return (SQL["version_null"], (bucket, key)) if seq is None else (SQL["version"], (bucket, key, seq))


def latest_version(connection: sqlite3.Connection, bucket: str, key: str) -> sqlite3.Row | None:
    """The youngest of the versions that are not current: the delete marker, where the key shows nothing."""
    row: sqlite3.Row | None = connection.execute(SQL["latest"], (bucket, key)).fetchone()
    return row


def _before(connection: sqlite3.Connection, bucket: str, key: str, condition: Condition | None) -> sqlite3.Row:
    before: sqlite3.Row | None = connection.execute(SQL["before"], (bucket, key)).fetchone()
    if before is None:
        raise no_such_bucket(bucket)
    if condition is not None:
        condition(before if before["seq"] is not None else None)
    return before


def _next(last: int | None, now: float) -> int:
    """Microseconds since the epoch, but always more than the last one: clocks are set back."""
    return max(int(now * 1_000_000), (last or 0) + 1)


def _make_room(connection: sqlite3.Connection, bucket: str, key: str, before: sqlite3.Row, change: Change) -> str:
    """In a bucket with versions: puts the current version, if there is one, among the others, and says which version
    id comes next. Where versioning is suspended the null version is replaced instead.
    """
    if before["seq"] is None and (latest := latest_version(connection, bucket, key)) is not None:
        change.seq = max(change.seq, latest["seq"] + 1)
    enabled = before["versioning"] == "Enabled"
    if not enabled and (null := connection.execute(SQL["version_null"], (bucket, key)).fetchone()) is not None:
        connection.execute(SQL["version_delete"], (bucket, key, null["seq"])).fetchone()
        change.doomed.append(null["blob"])
    if before["seq"] is not None:
        if enabled or before["version"]:
            connection.execute(SQL["retire"], (bucket, key))
        else:
            change.doomed.append(before["blob"])
    return names.version_id(change.seq) if enabled else ""


def _promote(connection: sqlite3.Connection, bucket: str, key: str) -> None:
    latest = latest_version(connection, bucket, key)
    if latest is not None and latest["etag"]:
        connection.execute(SQL["promote"], (bucket, key, latest["seq"]))
        connection.execute(SQL["version_delete"], (bucket, key, latest["seq"])).fetchone()
