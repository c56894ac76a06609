"""What every S3 operation shares, and the buckets, which nearly every one of them asks for first."""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clary.config import Config
from clary.errors import AccessDenied, AWSError
from clary.resource.bus import Bus
from clary.services.s3.blobs import Blobs
from clary.services.s3.place import Places
from clary.services.s3.settings.book import Book
from clary.store.db import Store

T = TypeVar("T")
RESERVE = 16 << 20  # bytes that bodies leave free on the disk, so that rows can still be written


@dataclass(frozen=True, slots=True)
class Bucket:
    """A row of the table `bucket`."""

    name: str
    account: str
    region: str
    created: float  # seconds since the epoch
    versioning: str  # "", "Enabled" or "Suspended"


@dataclass(slots=True)
class _Cache:
    """Buckets by name. A row read before a change must not be kept after it: hence the generation."""

    rows: dict[str, Bucket] = field(default_factory=dict)
    generation: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class S3:
    store: Store
    blobs: Blobs
    bus: Bus
    clock: Callable[[], float]  # seconds since the epoch
    config: Config
    settings: Book
    places: Places
    cache: _Cache = field(default_factory=_Cache)

    def bucket(self, name: str, expected_owner: str | None = None) -> Bucket:
        """Raises NoSuchBucket, and AccessDenied where the owner is not the expected one.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
        """
        bucket = self.cache.rows.get(name) or self._load(name)
        if expected_owner and expected_owner != bucket.account:
            raise AccessDenied
        return bucket

    def bucket_of(self, request: dict[str, Any]) -> Bucket:
        """The bucket that a request names, checked against its ExpectedBucketOwner."""
        return self.bucket(request["Bucket"], request.get("ExpectedBucketOwner"))

    def forget(self, name: str) -> None:
        """To be called once a change of the bucket's row is committed."""
        with self.cache.lock:
            self.cache.generation += 1
            self.cache.rows.pop(name, None)

    def write(self, work: Callable[[sqlite3.Connection], T], blob: int = 0) -> T:
        """As Store.write, for rows that name this blob; a full disk is S3's answer for it."""
        return result_of(self.submit(work, blob))

    def submit(self, work: Callable[[sqlite3.Connection], T], blob: int = 0) -> "Future[T]":
        """As `write`, but returns at once; `result_of` then waits."""

        def settled(connection: sqlite3.Connection) -> T:
            self.blobs.settle(blob)
            return work(connection)

        return self.store.submit(settled if blob else work)

    def _load(self, name: str) -> Bucket:
        generation = self.cache.generation
        row = self.store.read().execute("SELECT * FROM bucket WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise no_such_bucket(name)
        bucket = Bucket(row["name"], row["account"], row["region"], row["created"], row["versioning"])
        with self.cache.lock:
            if generation == self.cache.generation:
                self.cache.rows[name] = bucket
        return bucket


def result_of(future: "Future[T]") -> T:
    with space():
        return future.result()


def no_such_bucket(name: str) -> AWSError:
    return AWSError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


@contextmanager
def space() -> Iterator[None]:
    """Turns a full disk into the answer that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise disk_full() from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise disk_full() from error


def disk_full() -> AWSError:
    """AWS has no code for it, since its disk is never full. 507 is what HTTP calls it, and what SDKs do not retry as
    they do 500, 502, 503 and 504: the same bytes would not fit a second later either.
    """
    return AWSError("InsufficientStorage", "There is no space left on the disk that holds the objects.", 507)
