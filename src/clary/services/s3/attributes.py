"""GetObjectAttributes. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html"""

from typing import Any

import orjson

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import head, names
from clary.services.s3.lists import MOST, limit
from clary.services.s3.reading import parts_of
from clary.services.s3.settings import bad
from clary.services.s3.state import S3
from clary.services.s3.tagging import existing

Document = dict[str, Any]
KNOWN = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}


@operation("GetObjectAttributes")
def attributes(call: Call[S3], request: Document) -> Document:
    wanted = {part.strip() for value in request["ObjectAttributes"] for part in value.split(",")}
    if not wanted or not wanted <= KNOWN:
        raise bad.argument("Invalid attribute name specified.", "x-amz-object-attributes", ",".join(sorted(wanted)))
    bucket, row = existing(call, request)
    found: head.Head = orjson.loads(row["head"])
    if "customer" in found or "SSECustomerAlgorithm" in request:
        head.unlock(found, request)
    result: Document = {"LastModified": row["modified"]}
    if bucket.versioning:
        result["VersionId"] = row["version"] or names.NULL
    if "ETag" in wanted:
        result["ETag"] = row["etag"]
    if "ObjectSize" in wanted:
        result["ObjectSize"] = row["size"]
    if "StorageClass" in wanted:
        result["StorageClass"] = found["headers"].get("x-amz-storage-class", head.STANDARD)
    algorithm, value, kind = found["checksum"]
    if "Checksum" in wanted:
        result["Checksum"] = {f"Checksum{algorithm}": value, "ChecksumType": kind}
    parts = parts_of(call.state.store.read(), bucket.name, request["Key"], row["seq"])
    if "ObjectParts" in wanted and parts:
        result["ObjectParts"] = _parts(request, parts, algorithm)
    return result


def _parts(request: Document, parts: list[tuple[int, int, str | None]], algorithm: str) -> Document:
    most, marker = min(limit(request, "MaxParts", "max-parts"), MOST), int(request.get("PartNumberMarker") or 0)
    after = [part for part in parts if part[0] > marker]
    shown = after[:most]
    result: Document = {
        "TotalPartsCount": len(parts),
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1][0] if shown else 0),
        "MaxParts": most,
        "IsTruncated": len(after) > most,
    }
    # S3 names the parts only where they have checksums of their own.
    if any(checksum for _, _, checksum in parts):
        result["Parts"] = [
            {"PartNumber": number, "Size": size, f"Checksum{algorithm}": checksum} for number, size, checksum in shown
        ]
    return result
