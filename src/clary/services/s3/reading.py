"""GetObject and HeadObject: one look-up, and a slice of a file."""

import re
import sqlite3
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import orjson

from clary.errors import AWSError, Invalid
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import conditions, head, names, rows
from clary.services.s3.intake import number
from clary.services.s3.settings import bad, permissions, rules
from clary.services.s3.state import S3, Bucket
from clary.wire.message import FileSlice, Response
from clary.wire.serialize import serialize_error

Document = dict[str, Any]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

_KEPT = {"etag", "last-modified", "cache-control", "expires", "x-amz-version-id", "x-amz-request-id"}  # in a 304

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
_OVERRIDES = {
    "ResponseCacheControl": "cache-control",
    "ResponseContentDisposition": "content-disposition",
    "ResponseContentEncoding": "content-encoding",
    "ResponseContentLanguage": "content-language",
    "ResponseContentType": "content-type",
    "ResponseExpires": "expires",
}


@operation("GetObject", inline=True)
def get(call: Call[S3], request: Document) -> Response:
    return _answer(call, request, body=True)


@operation("HeadObject", inline=True)
def head_object(call: Call[S3], request: Document) -> Response:
    return _answer(call, request, body=False)


def _answer(call: Call[S3], request: Document, *, body: bool) -> Response:
    state = call.state
    bucket = state.bucket_of(request)
    key, version = request["Key"], request.get("VersionId")
    row = rows.find(state.store.read(), bucket.name, key, version)
    if row is None or not row["etag"]:
        return _missing(call, bucket, key, version, row)
    found: head.Head = orjson.loads(row["head"])
    if "customer" in found or "SSECustomerAlgorithm" in request:
        head.unlock(found, request)
    headers = _headers(call, bucket, row, found)
    if not conditions.check_read(request, row["etag"], row["modified"]):
        return Response(304, {name: value for name, value in headers.items() if name in _KEPT})
    if expiration := _expiration(state, bucket, key, row):
        headers["x-amz-expiration"] = expiration
    _override(call, request, headers)
    size, piece = row["size"], None
    if "PartNumber" in request:
        piece = _part(call, request, bucket, row, headers)
    elif "Range" in request:
        piece = _range(request["Range"], size)
    offset, length = piece or (0, size)
    if length == size and request.get("ChecksumMode", "").upper() == "ENABLED":
        headers.update(head.checksum_headers(found))
    headers["content-length"] = str(length)
    status = 200
    if piece is not None and size:
        status = 206
        headers["content-range"] = f"bytes {offset}-{offset + length - 1}/{size}"
    if not body or not length:
        return Response(status, headers)
    return Response(status, headers, FileSlice(state.blobs.path(row["blob"]), offset, length))


def _headers(call: Call[S3], bucket: Bucket, row: sqlite3.Row, found: head.Head) -> dict[str, str]:
    headers: dict[str, str] = found["headers"]
    headers["x-amz-request-id"] = call.id
    headers["etag"] = f'"{row["etag"]}"'
    headers["last-modified"] = _http_date(row["modified"])
    headers["accept-ranges"] = "bytes"
    if bucket.versioning:
        headers["x-amz-version-id"] = row["version"] or names.NULL
    if row["tags"]:
        headers["x-amz-tagging-count"] = str(len(orjson.loads(row["tags"])))
    return headers


@lru_cache(maxsize=1024)
def _http_date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


def _expiration(state: S3, bucket: Bucket, key: str, row: sqlite3.Row) -> str:
    settings = state.settings.of(bucket.name)
    if settings.get("lifecycle") is None:
        return ""
    tags = orjson.loads(row["tags"]) if row["tags"] else {}
    return rules.expiration(settings, key, row["size"], tags, row["modified"])


def _missing(call: Call[S3], bucket: Bucket, key: str, version: str | None, row: sqlite3.Row | None) -> Response:
    """The answer for what is not there, or is a delete marker.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
    """
    headers: dict[str, str] = {}
    error = permissions.missing(call, bucket.name, key)
    if version is not None and error.code("s3") == "NoSuchKey":
        error = no_such_version(key, version)
    if version is None and bucket.versioning:
        row = rows.latest_version(call.state.store.read(), bucket.name, key)
    if row is not None and not row["etag"]:
        headers["x-amz-delete-marker"] = "true"
        headers["x-amz-version-id"] = row["version"] or names.NULL
        if version is not None:
            headers["last-modified"] = formatdate(row["modified"], usegmt=True)
            headers["allow"] = "DELETE"
            error = AWSError(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
                405,
                Method=call.request.method,
                ResourceType="DeleteMarker",
            )
    if not headers:
        raise error
    response = serialize_error(call.operation.service_model, error, call.id, call.operation)
    response.headers.update(headers)
    return response


def no_such_version(key: str, version: str) -> AWSError:
    return AWSError("NoSuchVersion", "The specified version does not exist.", 404, Key=key, VersionId=version)


def _override(call: Call[S3], request: Document, headers: dict[str, str]) -> None:
    for member, name in _OVERRIDES.items():
        if (value := request.get(member)) is not None:
            if call.caller.kind == "anonymous":
                raise AWSError(
                    "InvalidRequest",
                    "Request specific response headers cannot be used for anonymous GET requests.",
                    400,
                )
            headers[name] = _date(value) if member == "ResponseExpires" else value
            bad.header(f"response-{name}", headers[name])


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        value = value.astimezone(UTC).timestamp()
    return value if isinstance(value, str) else formatdate(value, usegmt=True)


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Offset and length; None for what is no single range of bytes, which is as if it were not there. Raises
    InvalidRange.
    """
    match = _RANGE.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        length = min(number(last), size)
        if not length:
            raise _unsatisfiable(text, size)
        return size - length, length
    start = number(first)
    if last and number(last) < start:
        return None
    if start >= size:
        raise _unsatisfiable(text, size)
    end = min(number(last), size - 1) if last else size - 1
    return start, end - start + 1


def _unsatisfiable(text: str, size: int) -> AWSError:
    return AWSError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        RangeRequested=text,
        ActualObjectSize=str(size),
    )


def _part(
    call: Call[S3], request: Document, bucket: Bucket, row: sqlite3.Row, headers: dict[str, str]
) -> tuple[int, int]:
    """Offset and length of the part that is asked for. Raises InvalidPartNumber and InvalidRequest."""
    number = request["PartNumber"]
    if "Range" in request:
        raise AWSError("InvalidRequest", "Cannot specify both Range header and partNumber query parameter", 400)
    if not 1 <= number <= 10_000:
        raise Invalid(
            "Part number must be an integer between 1 and 10000, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )
    parts = parts_of(call.state.store.read(), bucket.name, request["Key"], row["seq"])
    if parts:
        headers["x-amz-mp-parts-count"] = str(len(parts))
    sizes = [part[1] for part in parts] or [row["size"]]
    if number > len(sizes):
        raise AWSError(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            416,
            PartNumberRequested=str(number),
            ActualPartCount=str(len(sizes)),
        )
    return sum(sizes[: number - 1]), sizes[number - 1]


def parts_of(connection: sqlite3.Connection, bucket: str, key: str, seq: int) -> list[tuple[int, int, str | None]]:
    """Number, size and checksum of each part; none where the object was put in one piece."""
    row = connection.execute(rows.SQL["object_parts"], (bucket, key, seq)).fetchone()
    return orjson.loads(row["parts"]) if row is not None and row["parts"] else []
