"""Lifecycle at work: what is due goes, once a day for each bucket, and at once when its rules have changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import orjson

from clary.errors import AWSError
from clary.services.s3 import multipart, removal, rows
from clary.services.s3.settings import rules
from clary.services.s3.settings.book import SQL
from clary.services.s3.settings.rules import DAY, Rule, expiration
from clary.services.s3.state import S3, Bucket

PAGE = 200  # deletes in one transaction: others want to write meanwhile
LAST = "\U0010ffff"  # sorts behind every character of a key

Delete = Callable[[sqlite3.Connection], rows.Change]


class _Changed(Exception):
    pass


def run(state: S3, now: float) -> None:
    """Carries out what is due at `now` (seconds since the epoch)."""
    day = int(now // DAY)
    for name in state.settings.buckets_with("lifecycle"):
        settings = state.settings.of(name)
        if settings.derived.get("lifecycle ran") == day:
            continue
        for rule in rules.of(settings):
            sweep(state, state.bucket(name), rule, now)
        settings.derived["lifecycle ran"] = day


def sweep(state: S3, bucket: Bucket, rule: Rule, now: float) -> None:
    """One rule on one bucket."""
    cutoff = _cutoff(rule, now)
    if cutoff is not None:
        _expire(state, bucket, rule, cutoff, now)
    if rule.noncurrent_days is not None:
        _expire_versions(state, bucket, rule, rule.cutoff(rule.noncurrent_days, now))
    if rule.markers:
        _expire_markers(state, bucket, rule, now)
    elif cutoff is not None and not rule.tags:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#intro-lifecycle-rules-actions
        _expire_markers(state, bucket, rule, cutoff)
    if rule.abort_days is not None:
        _abort_uploads(state, bucket, rule, rule.cutoff(rule.abort_days, now))


def _cutoff(rule: Rule, now: float) -> float | None:
    """Until when an object must have come to be due; None if none is."""
    if rule.days is not None:
        return rule.cutoff(rule.days, now)
    return now if rule.date is not None and rule.date <= now else None


def _range(bucket: Bucket, rule: Rule, **more: Any) -> dict[str, Any]:
    return {"bucket": bucket.name, "prefix": rule.prefix, "end": rule.prefix + LAST, **more}


def _tags(text: str | None) -> dict[str, str]:
    tags: dict[str, str] = orjson.loads(text) if text else {}
    return tags


def _expire(state: S3, bucket: Bucket, rule: Rule, cutoff: float, now: float) -> None:
    after = ""
    while True:
        asked = _range(bucket, rule, after=after, cutoff=cutoff, limit=PAGE)
        page = state.store.read().execute(SQL["old_objects"], asked).fetchall()
        if not page:
            return
        after = page[-1]["key"]
        due = [row for row in page if rule.about(row["key"], row["size"], _tags(row["tags"]))]
        _delete(state, bucket, [(row["key"], None, _current(bucket, row, now)) for row in due])


def _current(bucket: Bucket, row: sqlite3.Row, now: float) -> Delete:
    def unchanged(found: sqlite3.Row | None) -> None:
        if found is None or found["modified"] != row["modified"]:
            raise _Changed

    return lambda connection: rows.delete(connection, bucket.name, row["key"], now, unchanged)


def _expire_versions(state: S3, bucket: Bucket, rule: Rule, cutoff: float) -> None:
    found = state.store.read().execute(SQL["versions"], _range(bucket, rule))
    due = [
        (row["key"], row["version"] or "null")
        for _, group in groupby(found, key=lambda row: row["key"])
        for rank, (row, since) in enumerate(_noncurrent(group))
        if rank >= rule.noncurrent_kept and since <= cutoff and rule.about(row["key"], row["size"], _tags(row["tags"]))
    ]
    _delete_versions(state, bucket, due)


def _noncurrent(group: Iterator[sqlite3.Row]) -> Iterator[tuple[sqlite3.Row, float]]:
    """One key's versions from the latest on, and since when each is not current: since the next one came."""
    newer: float | None = None
    for row in group:
        since = row["current"] if newer is None else newer
        if since is not None:
            yield row, since
        newer = row["modified"]


def _expire_markers(state: S3, bucket: Bucket, rule: Rule, cutoff: float) -> None:
    found = state.store.read().execute(SQL["lone_markers"], _range(bucket, rule, cutoff=cutoff)).fetchall()
    _delete_versions(state, bucket, [(row["key"], row["version"] or "null") for row in found])


def _delete_versions(state: S3, bucket: Bucket, due: list[tuple[str, str]]) -> None:
    for start in range(0, len(due), PAGE):
        page = [(key, version, _version(bucket, key, version)) for key, version in due[start : start + PAGE]]
        _delete(state, bucket, page)


def _version(bucket: Bucket, key: str, version: str) -> Delete:
    return lambda connection: rows.delete_version(connection, bucket.name, key, version)


def _delete(state: S3, bucket: Bucket, page: Sequence[tuple[str, str | None, Delete]]) -> None:
    def work(connection: sqlite3.Connection) -> list[rows.Change | None]:
        return [_try(delete, connection) for _, _, delete in page]

    for (key, version, _), change in zip(page, state.write(work) if page else [], strict=True):
        if change is not None:
            removal.after(state, bucket, key, version, change, kind="LifecycleExpiration")


def _try(delete: Delete, connection: sqlite3.Connection) -> rows.Change | None:
    try:
        return delete(connection)
    except _Changed:
        return None


def _abort_uploads(state: S3, bucket: Bucket, rule: Rule, cutoff: float) -> None:
    found = state.store.read().execute(SQL["old_uploads"], _range(bucket, rule, cutoff=cutoff)).fetchall()

    for row in found:
        try:
            state.blobs.delete(multipart.remove(state, bucket.name, row["key"], row["id"]))
        except AWSError:  # NoSuchUpload: somebody ended it meanwhile
            continue


__all__ = ["expiration", "run", "sweep"]
