"""What every S3 operation shares, and the buckets, which nearly every one of them asks for first."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clary.config import Config
from clary.errors import AccessDenied, AWSError
from clary.resource.bus import Bus
from clary.services.s3.blobs import Blobs
from clary.store.db import Store


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
    cache: _Cache = field(default_factory=_Cache)

    def bucket(self, name: str, expected_owner: str | None = None) -> Bucket:
        """Raises NoSuchBucket, and AccessDenied where the owner is not the expected one.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html"""
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


def no_such_bucket(name: str) -> AWSError:
    return AWSError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
