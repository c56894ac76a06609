"""S3 for what runs inside this process: jobs take whole channels and bring files, each as a role.

Implements jobs.objects.Objects. Permissions are those of the API: the role's policies and the bucket's.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import orjson

from clary.errors import AccessDenied, AWSError
from clary.jobs.objects import Found
from clary.resource.call import Authority, Caller, Permission
from clary.services.s3 import bulk, head, names, rows
from clary.services.s3.checksums import DEFAULT, NEW, base64_of
from clary.services.s3.rows import SQL
from clary.services.s3.settings import notification, policy
from clary.services.s3.state import S3, space

RANDOM = 4  # characters, of 16 bits each, that a name must have beyond its prefix
PIECE = 4 << 20  # bytes read at a time
PART = 8 << 20  # bytes from which boto3 puts a file in parts, of this size: its ETag is then no MD5 of the file

Context = Mapping[str, "list[str]"]


class Lawyer(Authority, Protocol):
    def may_deny(self, caller: Caller, action: str) -> bool:
        """Whether some policy of the caller's denies the action somewhere."""


class Inside:
    """`assume` gives the caller that a role's session is; it raises KeyError where the role is gone."""

    def __init__(self, state: S3, authority: Lawyer, assume: Callable[[str], Caller]) -> None:
        self._state, self._authority, self._assume = state, authority, assume

    def list(self, role_arn: str, bucket: str, prefix: str) -> bulk.Listing:
        caller = self._caller(role_arn)
        self._state.bucket(bucket)
        self._check(caller, "ListBucket", bucket, "", {"s3:prefix": [prefix]})
        listing = bulk.take(self._state.store.read(), bucket, prefix, self._state.blobs.path)
        allowed = self._allowed(caller, bucket, prefix)
        if not all(map(allowed, set(map(len, listing.keys)))):
            for key in listing.keys:
                if key not in listing.odd and not allowed(len(key)):
                    self._check(caller, "GetObject", bucket, key, {})
        for key, row in listing.odd.items():
            self._check_row(caller, bucket, key, row)
        return listing

    def find(self, role_arn: str, bucket: str, key: str) -> Found:
        caller = self._caller(role_arn)
        self._state.bucket(bucket)
        row = rows.find(self._state.store.read(), bucket, key, None)
        if row is None:
            self._check(caller, "GetObject", bucket, key, {})
            self._check(caller, "ListBucket", bucket, "", {})  # else it does not get to know
            raise AWSError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        kind = orjson.loads(row["head"])["headers"]["content-type"]
        return self._found(caller, bucket, key, row)._replace(kind="" if kind == head.PLAIN_TYPE else kind)

    def put(self, role_arn: str, bucket: str, key: str, file: Path, *, move: bool = False, kind: str = "") -> None:
        caller = self._caller(role_arn)
        state = self._state
        names.check_key(key)
        settings = state.settings.of(state.bucket(bucket).name)
        self._check(caller, "PutObject", bucket, key, {})
        made = head.make({"Bucket": bucket, "Key": key, "ContentType": kind}, settings)
        with space():
            blob, size, etag, checksum = self._take(file, move=move)
        made["checksum"] = [DEFAULT, checksum, "FULL_OBJECT"]
        new = rows.New(blob, size, etag, float(int(state.clock())), orjson.dumps(made))
        try:
            change = state.write(lambda connection: rows.put(connection, bucket, key, new), blob=blob)
        except BaseException:
            state.blobs.delete([blob])
            raise
        state.blobs.delete(change.doomed)
        notification.notify(
            state,
            bucket,
            "s3:ObjectCreated:Put",
            key=key,
            size=size,
            etag=etag,
            version_id=change.version,
            sequencer=f"{change.seq:018X}",
        )

    def holds(self, role_arn: str, bucket: str, prefix: str) -> bool:
        try:
            caller = self._caller(role_arn)
            self._state.bucket(bucket)
            self._check(caller, "ListBucket", bucket, "", {"s3:prefix": [prefix]})
        except AWSError:
            return False
        with closing(self._state.store.read().execute(SQL["inside_list"], (bucket, prefix))) as found:
            row = found.fetchone()
        return row is not None and row["key"].startswith(prefix)

    def _caller(self, role_arn: str) -> Caller:
        try:
            return self._assume(role_arn)
        except KeyError:
            raise AccessDenied(f"The role {role_arn} does not exist any more") from None

    def _allowed(self, caller: Caller, bucket: str, prefix: str) -> Callable[[int], bool]:
        """Whether the caller may get every key of so many characters with this prefix, if it has no tags: False where
        each must be asked for.

        A pattern that matches a random name at the prefix has wildcards there, and matches all names as long. So where
        nothing is denied, one question does for all of a length: asking IAM takes longer than all else in a listing.
        """
        state = self._state
        if policy.effective(state.settings.of(bucket), caller, state.config.account_id) is not None:
            return lambda _length: False
        if self._authority.may_deny(caller, "s3:GetObject"):
            return lambda _length: False

        @cache
        def allowed(length: int) -> bool:
            rest = length - len(prefix)
            if rest < RANDOM:
                return False
            try:
                self._check(caller, "GetObject", bucket, prefix + _random(rest), {})
            except AccessDenied:
                return False
            return True

        return allowed

    def _found(self, caller: Caller, bucket: str, key: str, row: Any) -> Found:
        if not row["etag"]:
            raise AWSError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        self._check_row(caller, bucket, key, row)
        return Found(key, row["size"], self._state.blobs.path(row["blob"]) if row["blob"] else "", row["etag"])

    def _check_row(self, caller: Caller, bucket: str, key: str, row: Any) -> None:
        tags = orjson.loads(row["tags"]) if row["tags"] else {}
        context = {f"s3:ExistingObjectTag/{name}": [value] for name, value in tags.items()}
        self._check(caller, "GetObject", bucket, key, context)
        if b'"customer"' in row["head"] and "customer" in orjson.loads(row["head"]):
            raise AccessDenied(f"{key} was put with a key of the customer's (SSE-C), which a job cannot bring")

    def _check(self, caller: Caller, action: str, bucket: str, key: str, context: Context) -> None:
        state = self._state
        account = state.config.account_id
        document = policy.effective(state.settings.of(bucket), caller, account)
        resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
        self._authority.allow(caller, Permission(f"s3:{action}", resource, context, document), caller.context)

    def _take(self, file: Path, *, move: bool) -> tuple[int, int, str, str]:
        """Blob, size, ETag and checksum. Without `move` the bytes are copied, since whoever has the file may write to
        it.
        """
        blobs = self._state.blobs
        digests, size = {DEFAULT: NEW[DEFAULT]()}, 0
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as source:
            if not move or os.fstat(source.fileno()).st_size < PART:
                digests["MD5"] = NEW["MD5"]()
            writer = None if move else blobs.create()
            try:
                while piece := source.read(PIECE):
                    size += len(piece)
                    for digest in digests.values():
                        digest.update(piece)
                    if writer is not None:
                        writer.write([piece])
                if writer is not None and size:
                    writer.finish()
            except BaseException:
                if writer is not None:
                    writer.abort()
                raise
        checksum = digests[DEFAULT].digest()
        etag = digests["MD5"].digest().hex() if "MD5" in digests else _etag(size, checksum)
        if size:
            blob = writer.blob if writer is not None else blobs.adopt(str(file))
        else:
            blob = 0
            if writer is not None:
                writer.abort()
        return blob, size, etag, base64_of(checksum)


def _etag(size: int, checksum: bytes) -> str:
    """Of a large file that is moved: such as that of an object that came in parts, which says nothing of its MD5. To
    compute that would take twenty times as long as all else. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    told = NEW["MD5"]()
    told.update(b"%d " % size + checksum)
    return f"{told.digest().hex()}-{-(-size // PART)}"


def _random(length: int) -> str:
    """Characters that no policy names: nobody can guess them, and they are of no alphabet."""
    return "".join(chr(0xF0000 + secrets.randbelow(0xFFFE)) for _ in range(length))
