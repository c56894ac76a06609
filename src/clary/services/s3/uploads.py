"""ListMultipartUploads and ListParts."""

import itertools
import sqlite3
from collections.abc import Iterable
from typing import Any

import orjson

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3.listing import Page, page
from clary.services.s3.lists import MOST, after, encoded, limit
from clary.services.s3.multipart import find
from clary.services.s3.rows import SQL
from clary.services.s3.settings import acl
from clary.services.s3.state import S3

Document = dict[str, Any]


@operation("ListMultipartUploads")
def list_uploads(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html"""
    bucket = call.state.bucket_of(request)
    most = min(limit(request, "MaxUploads", "max-uploads"), MOST)
    prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
    marker = request.get("KeyMarker") or ""
    upload = (request.get("UploadIdMarker") or "") if marker else ""  # means nothing by itself
    connection = call.state.store.read()
    rest: list[sqlite3.Row] = []
    if upload:
        where = {"bucket": bucket.name, "key": marker, "id": upload}
        rest = connection.execute(SQL["list_uploads_of"], where).fetchall()
    start = after(marker, prefix, delimiter)
    first = max(start or "", prefix)

    def seek(position: str) -> Iterable[sqlite3.Row]:
        more = connection.execute(SQL["list_uploads"], {"bucket": bucket.name, "start": position})
        return itertools.chain(rest, more) if position == first else more

    found: Page[sqlite3.Row] = Page([], [], False, "")
    if start is not None:
        found = page(seek, lambda row: str(row["key"]), prefix=prefix, delimiter=delimiter, start=first, most=most)
    result: Document = {
        "Bucket": bucket.name,
        "KeyMarker": marker,
        "UploadIdMarker": upload,
        "Prefix": prefix,
        "MaxUploads": most,
        "IsTruncated": found.truncated,
        "Uploads": [_upload(call, row) for row in found.items],
        "CommonPrefixes": [{"Prefix": common} for common in found.prefixes],
    }
    if delimiter:
        result["Delimiter"] = delimiter
    if found.truncated:
        result["NextKeyMarker"] = found.last
        if found.items and found.items[-1]["key"] == found.last:
            result["NextUploadIdMarker"] = found.items[-1]["id"]
    return encoded(request, result)


def _upload(call: Call[S3], row: sqlite3.Row) -> Document:
    head = orjson.loads(row["head"])
    entry = {
        "Key": row["key"],
        "UploadId": row["id"],
        "Initiated": row["initiated"],
        "StorageClass": head["headers"].get("x-amz-storage-class", "STANDARD"),
        "Owner": acl.owner(call.account),
        "Initiator": _initiator(call, row["initiator"]),
    }
    return entry | _checksum(head)


def _initiator(call: Call[S3], arn: str) -> Document:
    """The account by its canonical id, anybody else by ARN."""
    return acl.owner(call.account) if arn.endswith(":root") else {"ID": arn, "DisplayName": arn.rpartition("/")[2]}


def _checksum(head: Document) -> Document:
    if not head["chosen"]:
        return {}
    return {"ChecksumAlgorithm": head["checksum"][0], "ChecksumType": head["checksum"][2]}


@operation("ListParts")
def list_parts(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html"""
    bucket = call.state.bucket_of(request)
    most = min(limit(request, "MaxParts", "max-parts"), MOST)
    marker = int(request.get("PartNumberMarker") or 0)
    connection = call.state.store.read()
    row = find(connection, bucket.name, request["Key"], request["UploadId"])
    head = orjson.loads(row["head"])
    asked = {"upload": row["id"], "after": marker, "limit": most + 1}
    found = connection.execute(SQL["parts"], asked).fetchall() if most else []
    parts = found[:most]
    member = f"Checksum{head['checksum'][0]}"
    upload = _upload(call, row)
    result = {
        "Bucket": bucket.name,
        "Key": row["key"],
        "UploadId": row["id"],
        "PartNumberMarker": marker,
        "MaxParts": most,
        "IsTruncated": len(found) > most,
        "Initiator": upload["Initiator"],
        "Owner": upload["Owner"],
        "StorageClass": upload["StorageClass"],
        "Parts": [
            {
                "PartNumber": part["number"],
                "LastModified": part["modified"],
                "ETag": f'"{part["etag"]}"',
                "Size": part["size"],
            }
            | ({member: part["checksum"]} if head["chosen"] else {})
            for part in parts
        ],
    } | _checksum(head)
    result["NextPartNumberMarker"] = parts[-1]["number"] if parts else 0
    return result
