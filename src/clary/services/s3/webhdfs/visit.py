"""One request to the route: who asks, for which bucket and key, and whether they may."""

import secrets
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from clary.errors import AWSError
from clary.resource.call import Call, Caller, Platform, Signed
from clary.services.s3 import rows
from clary.services.s3.inside import Lawyer
from clary.services.s3.settings import permissions, policy
from clary.services.s3.state import S3
from clary.services.s3.webhdfs import faults
from clary.services.s3.webhdfs.tokens import Tokens
from clary.store.sql import queries
from clary.wire.message import Request
from clary.wire.models import service_model

SQL = queries("clary.services.s3.webhdfs")
PREFIX = "/webhdfs/v1"
RANDOM = 8  # characters that no policy names
PATIENT = 16  # keys from which on one question for all is looked for


@dataclass(frozen=True, slots=True)
class Place:
    """A path: the bucket, and the key without slashes around it. ("", "") is above all buckets."""

    bucket: str
    key: str

    @property
    def folder(self) -> str:
        """What keys below it begin with."""
        return f"{self.key}/" if self.key else ""

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def above(self) -> "Place":
        return Place(self.bucket, self.key.rpartition("/")[0])

    def below(self, name: str) -> "Place":
        return Place(self.bucket, f"{self.folder}{name}")


def place_of(path: str) -> Place:
    bucket, _, key = path.strip("/").partition("/")
    return Place(bucket, key)


@dataclass(frozen=True)
class Visit:
    """A request whose caller is known."""

    platform: Platform
    state: S3
    lawyer: Lawyer
    request: Request
    caller: Caller

    @cached_property
    def asked(self) -> dict[str, str]:
        """The query, names in lower case as Hadoop has it."""
        return {name.lower(): value for name, value in self.request.query_items()}

    @cached_property
    def place(self) -> Place:
        return place_of(unquote(self.request.path.removeprefix(PREFIX)))

    @property
    def connection(self) -> sqlite3.Connection:
        return self.state.store.read()

    def number(self, name: str, default: int) -> int:
        """Raises IllegalArgumentException."""
        text = self.asked.get(name, "")
        if not text:
            return default
        if not text.isdecimal() or len(text) > 18:
            raise faults.illegal(f"Invalid value for webhdfs parameter {name!r}: {text!r}")
        return int(text)

    def true(self, name: str) -> bool:
        return self.asked.get(name, "").lower() == "true"

    def call(self, operation: str) -> Call[S3]:
        """The request as a call of this operation of S3's API."""
        model = service_model("s3").operation_model(operation)
        region, signed = self.platform.config.region, Signed("REST-HEADER", "AWS4-HMAC-SHA256")
        return Call(self.platform, self.state, "s3", model, self.request, self.caller, region, uuid.uuid4().hex, signed)

    def may_list(self, place: Place) -> None:
        """Raises AccessDenied, and NoSuchBucket."""
        self.state.bucket(place.bucket)
        call = self.call("ListObjectsV2")
        document = {"Prefix": place.folder, "Delimiter": "/"}
        call.authorize(permissions.on_bucket(call, place.bucket, "ListBucket", document))

    def may(self, operation: str, bucket: str, keys: Iterable[str], tagged: Iterable[str] = ()) -> None:
        """For S3's GetObject, PutObject and DeleteObject on each of the keys. `tagged`: those that have tags,
        which a policy may look at: each of them is asked for by itself. Raises AccessDenied for one of them.
        """
        call = self.call(operation)
        self.state.bucket(bucket)
        names = list(keys)
        if len(names) >= PATIENT and self._may_all(call, operation, bucket, names):
            names = list(tagged)
        for key in names:
            if operation == "PutObject":
                asked = permissions.on_object(call, (bucket, key, None), operation, {})
            else:
                asked = permissions.on_existing(call, (bucket, key, None), (operation, operation), {})
            call.authorize(asked)

    def may_write(self, place: Place) -> bool:
        """Whether an empty object may be put, or removed, on the way: what nobody asked for."""
        try:
            self.may("PutObject", place.bucket, [place.folder])
        except AWSError:
            return False
        return True

    def _may_all(self, call: Call[S3], operation: str, bucket: str, names: list[str]) -> bool:
        """Whether one question does for all: see Inside._allowed. A pattern that matches a random name below the folder
        that they share matches all names there, where nothing is denied and no policy of the bucket's has a say.
        """
        document = policy.effective(self.state.settings.of(bucket), self.caller, self.platform.config.account_id)
        if document is not None or self.lawyer.may_deny(self.caller, f"s3:{operation}"):
            return False
        shared = _shared(names)
        for length in {len(name) for name in names}:
            rest = length - len(shared)
            if rest < RANDOM:
                return False
            tail = "".join(chr(0xF0000 + secrets.randbelow(0xFFFE)) for _ in range(rest))
            try:
                call.authorize(permissions.on_object(call, (bucket, shared + tail, None), operation, {}))
            except AWSError:
                return False
        return True

    def file(self, place: Place) -> sqlite3.Row | None:
        """The row of the object with this key; None where there is none."""
        if not place.key:
            return None
        row = rows.find(self.connection, place.bucket, place.key, None)
        return row if row is not None and row["etag"] else None

    def inhabited(self, place: Place) -> bool:
        """Whether something lies below the place, be it its own marker."""
        return inhabited(self.connection, place)

    def folder(self, place: Place) -> bool:
        """Whether it is a directory: a bucket is one, empty or not."""
        if not place.key:
            self.state.bucket(place.bucket)
            return True
        return self.inhabited(place)


def inhabited(connection: sqlite3.Connection, place: Place) -> bool:
    scope = {"bucket": place.bucket, "start": place.folder, "end": end(place.folder)}
    return connection.execute(SQL["first"], scope).fetchone() is not None


def end(prefix: str) -> bytes:
    """Above all keys with this prefix: no UTF-8 has this byte."""
    return prefix.encode() + b"\xff"


def arrive(platform: Platform, state: S3, lawyer: Lawyer, tokens: Tokens, request: Request) -> Visit:
    """Raises AccessControlException."""
    caller = tokens.caller(request)
    request.caller = caller.arn
    return Visit(platform, state, lawyer, request, caller)


def _shared(names: list[str]) -> str:
    """The folder that all of them are in."""
    low, high = min(names), max(names)
    size = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[: low.rfind("/", 0, size) + 1]
