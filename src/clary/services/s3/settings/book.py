"""What was said about each bucket: its configurations, kept as they came, read once and remembered."""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import orjson

from clary.services.s3.settings import tags
from clary.store.db import Store
from clary.store.sql import queries

Document = dict[str, Any]
PACKAGE = "clary.services.s3.settings"
SQL = queries(PACKAGE)
CACHED = 4096  # buckets remembered at most

# What a bucket has that nobody has configured.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
DEFAULTS: Mapping[str, Document] = {
    "publicAccessBlock": {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    },
    "ownershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "encryption": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    },
    "requestPayment": {"Payer": "BucketOwner"},
}


class Settings:
    """The configurations of one bucket at one moment; never changed, so what is derived from them is kept here too."""

    def __init__(self, bucket: str, rows: Mapping[tuple[str, str], Document | None]) -> None:
        self.bucket = bucket
        self._rows = rows
        self.derived: dict[str, Any] = {}  # by who derives it: policy, cors, lifecycle

    def get(self, family: str, name: str = "") -> Document | None:
        """The configuration as it came; where nobody gave one, AWS's default for new buckets; else None."""
        return self._rows.get((family, name), None if name else DEFAULTS.get(family))

    def all(self, family: str) -> list[Document]:
        """Those of a family that has several, by their ids."""
        return [document for (found, _), document in self._rows.items() if found == family and document is not None]

    def derive(self, name: str, make: "Callable[[Settings], Any]") -> Any:
        if name not in self.derived:
            self.derived[name] = make(self)
        return self.derived[name]

    @cached_property
    def enforced(self) -> bool:
        """Whether access control lists are off.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
        """
        rules = (self.get("ownershipControls") or {}).get("Rules", [])
        return any(rule.get("ObjectOwnership") == "BucketOwnerEnforced" for rule in rules)

    @cached_property
    def block(self) -> Document:
        """The public access block: four booleans, all false where it was taken away."""
        return self.get("publicAccessBlock") or {}


class Book:
    """The settings of all buckets. One process owns them, so what is remembered is forgotten only on a change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache: dict[str, Settings] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def of(self, bucket: str) -> Settings:
        found = self._cache.get(bucket)
        if found is None:
            generation = self._generation
            rows = self._store.read().execute(SQL["of_bucket"], (bucket,)).fetchall()
            found = Settings(bucket, {(row["family"], row["id"]): _load(row["document"]) for row in rows})
            with self._lock:
                if len(self._cache) >= CACHED:
                    self._cache.clear()
                if generation == self._generation:  # else somebody changed it while we read
                    self._cache[bucket] = found
        return found

    def buckets_with(self, family: str) -> list[str]:
        return [row["bucket"] for row in self._store.read().execute(SQL["buckets_with"], (family,))]

    def forget(self, bucket: str) -> None:
        """To be called after a commit that changed a bucket's settings, so after one that deleted the bucket."""
        with self._lock:
            self._generation += 1
            self._cache.pop(bucket, None)


def put(
    connection: sqlite3.Connection, bucket: str, family: str, document: Document | None, *, now: float, name: str = ""
) -> None:
    text = None if document is None else orjson.dumps(document)
    row = {"bucket": bucket, "family": family, "id": name, "document": text, "modified": now}
    connection.execute(SQL["put"], row)


def _load(text: bytes | None) -> Document | None:
    if text is None:
        return None
    document: Document = orjson.loads(text)
    return document


def create(connection: sqlite3.Connection, bucket: str, request: Document, now: float) -> None:
    """What CreateBucket says of the new bucket's settings, in the transaction that makes its row."""
    delete_all(connection, bucket)
    if ownership := request.get("ObjectOwnership"):
        put(connection, bucket, "ownershipControls", {"Rules": [{"ObjectOwnership": ownership}]}, now=now)
    if given := request.get("CreateBucketConfiguration", {}).get("Tags"):
        put(connection, bucket, "tagging", tags.check({"TagSet": given}), now=now)
    if (acl := request.get("ACL", "private")) != "private":
        put(connection, bucket, "acl", {"Canned": acl}, now=now)


def delete_all(connection: sqlite3.Connection, bucket: str) -> None:
    connection.execute(SQL["delete_all"], (bucket,))
