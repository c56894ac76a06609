"""ListObjects, ListObjectsV2 and ListObjectVersions."""

import base64
import itertools
import sqlite3
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import orjson

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import names, rows
from clary.services.s3.listing import Page, behind, page
from clary.services.s3.rows import SQL
from clary.services.s3.settings import acl, bad
from clary.services.s3.state import S3

Document = dict[str, Any]

MOST = 1000  # entries on a page
ENCODED = ("Delimiter", "Prefix", "Marker", "NextMarker", "StartAfter", "KeyMarker", "NextKeyMarker")


@operation("ListObjects")
def list_objects(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html"""
    marker, prefix, delimiter = _strings(request, "Marker", "Prefix", "Delimiter")
    found, most = _objects(call, request, after(marker, prefix, delimiter))
    owner = acl.owner(call.account)
    result = _common(request, found, most) | {
        "Marker": marker,
        "Contents": [_entry(row) | {"Owner": owner} for row in found.items],
    }
    if found.truncated and delimiter:
        result["NextMarker"] = found.last
    return encoded(request, result)


@operation("ListObjectsV2")
def list_objects_v2(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    start_after, prefix, delimiter = _strings(request, "StartAfter", "Prefix", "Delimiter")
    if (token := request.get("ContinuationToken")) is not None:
        start = _read_token(token)
    else:
        start = start_after + "\0" if start_after else ""
    found, most = _objects(call, request, start)
    entries = [_entry(row) for row in found.items]
    if request.get("FetchOwner"):
        owner = acl.owner(call.account)
        for entry in entries:
            entry["Owner"] = owner
    result = _common(request, found, most) | {
        "Contents": entries,
        "KeyCount": len(found.items) + len(found.prefixes),
    }
    if token is not None:
        result["ContinuationToken"] = token
    if start_after:
        result["StartAfter"] = start_after
    if found.truncated:
        result["NextContinuationToken"] = _token(after(found.last, prefix, delimiter))
    return encoded(request, result)


def _objects(call: Call[S3], request: Document, start: str | None) -> tuple[Page[sqlite3.Row], int]:
    bucket = call.state.bucket_of(request)
    most = limit(request, "MaxKeys", "max-keys")
    if start is None:
        return Page([], [], False, ""), most
    connection = call.state.store.read()
    prefix, delimiter = _strings(request, "Prefix", "Delimiter")
    found: Page[sqlite3.Row] = page(
        lambda position: connection.execute(SQL["list_objects"], (bucket.name, position)),
        lambda row: str(row["key"]),
        prefix=prefix,
        delimiter=delimiter,
        start=start,
        most=min(most, MOST),
    )
    return found, most


@operation("ListObjectVersions")
def list_versions(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html"""
    bucket = call.state.bucket_of(request)
    most = limit(request, "MaxKeys", "max-keys")
    marker, version, prefix, delimiter = _strings(request, "KeyMarker", "VersionIdMarker", "Prefix", "Delimiter")
    if version and not marker:
        raise bad.argument(
            "A version-id marker cannot be specified without a key marker.", "version-id-marker", version
        )
    connection = call.state.store.read()
    rest: Iterable[sqlite3.Row] = ()
    if version:
        seq = _seq(connection, bucket.name, marker, version)
        rest = connection.execute(
            SQL["list_versions_of"], {"bucket": bucket.name, "key": marker, "seq": seq}
        ).fetchall()
    start = after(marker, prefix, delimiter)

    def seek(position: str) -> Iterable[sqlite3.Row]:
        more = connection.execute(SQL["list_versions"], {"bucket": bucket.name, "start": position})
        return itertools.chain(rest, more) if position == first else more

    first = max(start, prefix) if start is not None else ""
    found: Page[sqlite3.Row] = Page([], [], False, "")
    if start is not None:
        found = page(
            seek, lambda row: str(row["key"]), prefix=prefix, delimiter=delimiter, start=start, most=min(most, MOST)
        )
    owner = acl.owner(call.account)
    versions: list[Document] = []
    markers: list[Document] = []
    before = marker if version else None
    for row in found.items:
        entry = {
            "Key": row["key"],
            "VersionId": row["version"] or names.NULL,
            "IsLatest": row["key"] != before,
            "LastModified": row["modified"],
            "Owner": owner,
        }
        before = row["key"]
        if row["etag"]:
            versions.append(_entry(row) | entry)
        else:
            markers.append(entry)
    result = _common(request, found, most) | {
        "KeyMarker": marker,
        "VersionIdMarker": version,
        "Versions": versions,
        "DeleteMarkers": markers,
    }
    if found.truncated:
        result["NextKeyMarker"] = found.last
        if found.items and found.items[-1]["key"] == found.last:
            result["NextVersionIdMarker"] = found.items[-1]["version"] or names.NULL
    return encoded(request, result)


def _seq(connection: sqlite3.Connection, bucket: str, key: str, version: str) -> int:
    """Where the page begins among the key's versions: behind this one."""
    if version != names.NULL:
        return names.seq_of(version)
    row = rows.find(connection, bucket, key, version)
    return row["seq"] if row is not None else 0


def _entry(row: sqlite3.Row) -> Document:
    head = orjson.loads(row["head"])
    entry: Document = {
        "Key": row["key"],
        "LastModified": row["modified"],
        "ETag": f'"{row["etag"]}"',
        "Size": row["size"],
        "StorageClass": head["headers"].get("x-amz-storage-class", "STANDARD"),
    }
    if (checksum := head.get("checksum")) is not None:
        entry["ChecksumAlgorithm"] = [checksum[0]]
        entry["ChecksumType"] = checksum[2]
    return entry


def _common(request: Document, found: Page[Any], most: int) -> Document:
    result: Document = {
        "Name": request["Bucket"],
        "Prefix": request.get("Prefix", ""),
        "MaxKeys": min(most, MOST),
        "IsTruncated": found.truncated,
        "CommonPrefixes": [{"Prefix": prefix} for prefix in found.prefixes],
    }
    if request.get("Delimiter"):
        result["Delimiter"] = request["Delimiter"]
    return result


def _strings(request: Document, *members: str) -> list[str]:
    return [request.get(member) or "" for member in members]


def limit(request: Document, member: str, name: str) -> int:
    """Raises InvalidArgument."""
    value: int = request.get(member, MOST)
    if not 0 <= value <= 0x7FFFFFFF:
        raise bad.argument(f"Argument {name} must be an integer between 0 and 2147483647", name, value)
    return value


def after(marker: str, prefix: str, delimiter: str) -> str | None:
    """The first key that may follow the marker; None where none can. A marker inside a common prefix has all of that
    behind it.
    """
    if not marker:
        return ""
    if delimiter and marker.startswith(prefix) and (cut := marker.find(delimiter, len(prefix))) >= 0:
        return behind(marker[: cut + len(delimiter)])
    return marker + "\0"


def _token(start: str | None) -> str:
    return base64.urlsafe_b64encode(b"1" + start.encode() if start is not None else b"0").decode()


def _read_token(token: str) -> str | None:
    try:
        text = base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except ValueError:
        text = ""
    if text[:1] not in {"0", "1"}:
        raise bad.argument("The continuation token provided is incorrect", "continuation-token")
    return text[1:] if text[0] == "1" else None


def encoded(request: Document, result: Document) -> Document:
    """With `encoding-type=url`, all that comes from keys is percent-encoded: XML cannot hold every character.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#API_ListObjectsV2_ResponseSyntax
    """
    encoding = request.get("EncodingType")
    if not encoding:
        return result
    if encoding != "url":
        raise bad.argument("Invalid Encoding Method specified in Request", "encoding-type", encoding)
    result["EncodingType"] = encoding
    for member in ENCODED:
        if member in result:
            result[member] = quote(result[member], safe="/")
    for group in ("Contents", "Versions", "DeleteMarkers", "Uploads"):
        for entry in result.get(group, ()):
            entry["Key"] = quote(entry["Key"], safe="/")
    for common in result["CommonPrefixes"]:
        common["Prefix"] = quote(common["Prefix"], safe="/")
    return result
