"""CopyObject and UploadPartCopy.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import checksums, conditions, head, names, rows, writing
from clary.services.s3.intake import LARGEST, number
from clary.services.s3.multipart import PartIntake, check_number, find, keep_part
from clary.services.s3.reading import no_such_version
from clary.services.s3.settings import acl, bad, permissions
from clary.services.s3.settings.book import Settings
from clary.services.s3.state import S3, space

Document = dict[str, Any]
T = TypeVar("T")
PIECE = 1 << 20  # bytes read at once


@dataclass(frozen=True, slots=True)
class Source:
    """What is copied."""

    bucket: str
    key: str
    version: str | None  # the id that the answer tells, None where its bucket has no versions
    named: bool  # whether the request names a version
    row: sqlite3.Row
    head: head.Head


def _source(call: Call[S3], request: Document, hold: Callable[[sqlite3.Row], T]) -> tuple[Source, T]:
    """The source, and what `hold` makes of its row so that the bytes stay, whatever becomes of the
    object meanwhile. Raises NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidRequest and PreconditionFailed.
    """
    source = _found(call, request)
    while True:
        try:
            with space():
                return source, hold(source.row)
        except FileNotFoundError:  # it was overwritten or deleted, and we were slow
            before, source = source, _found(call, request)
            if source.row["blob"] == before.row["blob"]:
                raise


def _found(call: Call[S3], request: Document) -> Source:
    state = call.state
    name, key, version = permissions.source(request["CopySource"])
    bucket = state.bucket(name, request.get("ExpectedSourceBucketOwner"))
    row = rows.find(state.store.read(), name, key, version)
    if row is None:
        error = permissions.missing(call, name, key)
        raise no_such_version(key, version) if version and error.code("s3") == "NoSuchKey" else error
    if not row["etag"]:
        raise bad.request("The source of a copy request may not specifically refer to a delete marker by version id.")
    found = orjson.loads(row["head"])
    head.unlock(found, request, "CopySource")
    conditions.check_source(request, row["etag"], row["modified"])
    told = (row["version"] or names.NULL) if bucket.versioning else None
    return Source(name, key, told, version is not None, row, found)


def _linked(state: S3, row: sqlite3.Row) -> int:
    """The same bytes under a number of their own."""
    if row["size"] > LARGEST:
        raise bad.request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
        )
    return state.blobs.link(row["blob"]) if row["blob"] else 0


def _opened(state: S3, blob: int) -> BinaryIO:
    return Path(state.blobs.path(blob) if blob else os.devnull).open("rb", buffering=0)


def _pieces(file: BinaryIO, offset: int, length: int) -> Iterator[list[bytes]]:
    """The bytes of a range of it."""
    file.seek(offset)
    while length:
        piece = file.read(min(PIECE, length))
        if not piece:
            raise OSError(f"{file.name} is shorter than its row says")
        length -= len(piece)
        yield [piece]


@operation("CopyObject")
def copy(call: Call[S3], request: Document) -> Document:
    state, key = call.state, request["Key"]
    bucket = state.bucket_of(request)
    names.check_key(key)
    settings = state.settings.of(bucket.name)
    acl.check_object(call, settings, request)
    condition = conditions.for_write(request, key)
    if (annotations := request.get("AnnotationDirective", "COPY")) not in {"COPY", "EXCLUDE"}:
        # No object of ours has any, so that there is nothing to copy, and nothing to leave out.
        raise bad.argument("Unknown annotation directive.", "x-amz-object-annotation-directive", annotations)
    source, blob = _source(call, request, partial(_linked, state))
    try:
        new, made = _copied(state, request, source, blob, settings)
        change = state.write(lambda connection: rows.put(connection, bucket.name, key, new, condition), blob)
    except BaseException:
        state.blobs.delete([blob])
        raise
    writing.after(call, bucket, key, new, change, event="Copy")
    algorithm, value, kind = made["checksum"]
    told = {"ETag": f'"{new.etag}"', "LastModified": new.modified, f"Checksum{algorithm}": value, "ChecksumType": kind}
    result: Document = {"CopyObjectResult": told} | head.encryption(made)
    if source.version is not None:
        result["CopySourceVersionId"] = source.version
    return result | writing.version_of(change) | writing.expiration(state, bucket, key, new)


def _copied(state: S3, request: Document, source: Source, blob: int, settings: Settings) -> tuple[rows.New, head.Head]:
    """The copy, and its head."""
    made = _head(request, source, settings)
    tags = (
        source.row["tags"]
        if _directive(request, "TaggingDirective") == "COPY"
        else head.tags_of(request.get("Tagging"))
    )
    etag = _digests(state, blob, made, source, request.get("ChecksumAlgorithm", ""))
    return rows.New(blob, source.row["size"], etag, float(int(state.clock())), orjson.dumps(made), tags), made


def _directive(request: Document, member: str) -> str:
    value: str = request.get(member, "COPY")
    if value not in {"COPY", "REPLACE"}:
        name = "x-amz-metadata-directive" if member == "MetadataDirective" else "x-amz-tagging-directive"
        raise bad.argument(f"Unknown {name.removeprefix('x-amz-').replace('-', ' ')}.", name, value)
    return value


_ALTERING = (
    "StorageClass",
    "WebsiteRedirectLocation",
    "ServerSideEncryption",
    "SSECustomerAlgorithm",
    "SSEKMSKeyId",
    "ChecksumAlgorithm",
)


def _head(request: Document, source: Source, settings: Settings) -> head.Head:
    """The copy's head. Raises InvalidRequest for a copy onto itself that changes nothing."""
    if _directive(request, "MetadataDirective") == "REPLACE":
        return head.make(request, settings) | {"checksum": source.head["checksum"]}
    onto_itself = (source.bucket, source.key) == (settings.bucket, request["Key"]) and not source.named
    if onto_itself and not any(member in request for member in _ALTERING):
        raise bad.request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    head.refuse_lock(request)
    made: head.Head = {"headers": dict(source.head["headers"]), "checksum": source.head["checksum"]}
    head.place(made, request, settings)
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html: the redirect is never copied
    made["headers"].pop("x-amz-website-redirect-location", None)
    if redirect := request.get("WebsiteRedirectLocation"):
        made["headers"]["x-amz-website-redirect-location"] = redirect
    head.check(made)
    return made


def _digests(state: S3, blob: int, made: head.Head, source: Source, wanted: str) -> str:
    """The copy's etag; its checksum goes into `made`. The bytes are read only where the source's own do not serve: it
    came in parts, or another algorithm is asked for.
    """
    algorithm, value, kind = made["checksum"]
    if wanted and wanted not in checksums.NEW:
        raise bad.argument("Checksum algorithm provided is unsupported.", "x-amz-checksum-algorithm", wanted)
    in_parts = "-" in source.row["etag"]
    same = (not wanted or wanted == algorithm) and kind == "FULL_OBJECT"
    if same and not in_parts:
        etag: str = source.row["etag"]
        return etag
    algorithm = wanted or algorithm
    hashes = {name: checksums.NEW[name]() for name in {"MD5", algorithm}}
    with _opened(state, blob) as file:
        for pieces in _pieces(file, 0, source.row["size"]):
            for made_hash in hashes.values():
                made_hash.update(pieces[0])
    value = checksums.base64_of(hashes[algorithm].digest())
    made["checksum"] = [algorithm, value, "FULL_OBJECT"]
    return hashes["MD5"].digest().hex()


@operation("UploadPartCopy")
def copy_part(call: Call[S3], request: Document) -> Document:
    state = call.state
    bucket = state.bucket_of(request)
    check_number(request["PartNumber"])
    row = find(state.store.read(), bucket.name, request["Key"], request["UploadId"])
    upload: head.Head = orjson.loads(row["head"])
    head.unlock(upload, request)
    source, file = _source(call, request, lambda row: _opened(state, row["blob"]))
    with file:
        offset, length = _range(request.get("CopySourceRange", ""), source.row["size"])
        headers = {"x-amz-copy-source": request["CopySource"]}
        intake = PartIntake(state, request, row, headers, length)
        try:
            for pieces in _pieces(file, offset, length):
                intake.write(pieces)
            keep_part(call, intake)
        except BaseException:
            intake.abort()
            raise
    told = {"ETag": f'"{intake.etag}"', "LastModified": float(int(state.clock()))}
    if upload["chosen"]:
        told[f"Checksum{intake.algorithm}"] = intake.checksum
    result = {"CopyPartResult": told} | head.encryption(upload)
    return result | ({"CopySourceVersionId": source.version} if source.version is not None else {})


def _range(text: str, size: int) -> tuple[int, int]:
    """Offset and length. Raises InvalidArgument."""
    if not text:
        return 0, size
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", text)
    if match is None or number(match[1]) > number(match[2]):
        raise bad.argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            text,
        )
    first, last = number(match[1]), number(match[2])
    if last >= size:
        raise bad.argument(
            f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", text
        )
    return first, last - first + 1
