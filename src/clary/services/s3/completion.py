"""CompleteMultipartUpload: the parts become an object."""

import hashlib
import sqlite3
from itertools import pairwise
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import checksums, conditions, head, rows, writing
from clary.services.s3.multipart import MOST, SMALLEST, no_such_upload
from clary.services.s3.place import LARGEST
from clary.services.s3.rows import SQL
from clary.services.s3.settings import bad
from clary.services.s3.state import S3, Bucket, space

Document = dict[str, Any]
Parts = list[sqlite3.Row]


@operation("CompleteMultipartUpload")
def complete(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html"""
    state, key, upload = call.state, request["Key"], request["UploadId"]
    bucket = state.bucket_of(request)
    connection = state.store.read()
    row = connection.execute(SQL["upload"], (bucket.name, key, upload)).fetchone()
    if row is None:
        return _again(state, bucket, key, upload)
    made: head.Head = orjson.loads(row["head"])
    if "customer" in made and "SSECustomerKey" in request:
        head.unlock(made, request)
    condition = conditions.for_write(request, key)
    if condition is not None:  # once more in the transaction: here it spares the work
        condition(rows.find(connection, bucket.name, key, None))
    alone = state.places.end(row)
    blob = 0
    try:
        # Not before: a part that came to its place meanwhile would be overwritten, or cut off.
        have = connection.execute(SQL["parts"], {"upload": upload, "after": 0, "limit": -1}).fetchall()
        parts = _chosen(request, made, have)
        _checksum(request, made, parts)
        with space():
            blob = _assemble(state, row, have, parts, alone=alone)
        return _commit(call, bucket, row, made=made, parts=parts, blob=blob, condition=condition)
    except BaseException as error:
        if alone:
            state.places.resume(upload)
        if blob != row["blob"]:
            state.blobs.delete([blob])
        if isinstance(error, AWSError) and error.code("s3") == "NoSuchUpload":
            return _again(state, bucket, key, upload)
        raise


def _commit(
    call: Call[S3],
    bucket: Bucket,
    row: sqlite3.Row,
    *,
    made: head.Head,
    parts: Parts,
    blob: int,
    condition: rows.Condition | None,
) -> Document:
    state, key, upload = call.state, row["key"], row["id"]
    algorithm, value, kind = made["checksum"]
    etag = hashlib.md5(b"".join(bytes.fromhex(part["etag"]) for part in parts), usedforsecurity=False).hexdigest()
    kept = [[part["number"], part["size"], part["checksum"] if kind == "COMPOSITE" else None] for part in parts]
    new = rows.New(
        blob,
        sum(part["size"] for part in parts),
        f"{etag}-{len(parts)}",
        row["initiated"],  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: Last-Modified
        orjson.dumps({name: value for name, value in made.items() if name != "chosen"}),
        row["tags"],
        orjson.dumps(kept),
    )
    result = {
        "Bucket": bucket.name,
        "Key": key,
        "Location": f"{call.request.scheme}://{call.request.host}/{bucket.name}/{key}",
        "ETag": f'"{new.etag}"',
        f"Checksum{algorithm}": value,
        "ChecksumType": kind,
    } | head.encryption(made)

    def work(connection: sqlite3.Connection) -> rows.Change:
        gone = connection.execute(SQL["upload_delete"], (bucket.name, key, upload)).fetchall()
        if not gone:
            raise no_such_upload(upload)
        dropped = connection.execute(SQL["parts_delete"], (upload,)).fetchall()
        now = {(part["blob"], part["offset"], part["etag"]) for part in dropped}
        if not now.issuperset((part["blob"], part["offset"], part["etag"]) for part in parts):
            raise _invalid_part(upload, 0)  # sent again while we put them together
        change = rows.put(connection, bucket.name, key, new, condition)
        change.doomed += {part["blob"] for part in (*gone, *dropped)} - {blob}
        told = result | writing.version_of(change)
        connection.execute(SQL["completed_add"], (upload, state.clock(), bucket.name, key, orjson.dumps(told)))
        return change

    change = state.write(work, blob)
    state.blobs.delete({state.places.forget(upload)} - {blob})
    writing.after(call, bucket, key, new, change, event="CompleteMultipartUpload")
    return result | writing.version_of(change) | writing.expiration(state, bucket, key, new)


def _again(state: S3, bucket: Bucket, key: str, upload: str) -> Document:
    """What was answered when the upload was completed, for whoever did not get to hear it. Raises NoSuchUpload."""
    row = state.store.read().execute(SQL["completed"], (upload, bucket.name, key)).fetchone()
    if row is None:
        raise no_such_upload(upload)
    result: Document = orjson.loads(row["result"])
    return result


def _chosen(request: Document, made: head.Head, have: Parts) -> Parts:
    """The parts that the request lists. Raises MalformedXML, InvalidPartOrder, InvalidPart and EntityTooSmall."""
    listed = (request.get("MultipartUpload") or {}).get("Parts", [])
    if not 1 <= len(listed) <= MOST:
        raise bad.malformed()
    numbers = [part.get("PartNumber", 0) for part in listed]
    if any(one >= two for one, two in pairwise(numbers)):
        raise AWSError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. The parts list must be specified in order by part number.",
            400,
            UploadId=request["UploadId"],
        )
    by_number = {row["number"]: row for row in have}
    algorithm, _, kind = made["checksum"]
    member = f"Checksum{algorithm}"
    parts: Parts = []
    for part in listed:
        row = by_number.get(part.get("PartNumber", 0))
        if row is None or part.get("ETag", "").strip('"') != row["etag"]:
            raise _invalid_part(request["UploadId"], part.get("PartNumber", 0), part.get("ETag", ""))
        if made["chosen"] and member not in part and kind == "COMPOSITE":
            raise bad.request(
                f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
                f"checksum for each part. It was missing for part {row['number']} in the request."
            )
        if member in part and part[member] != row["checksum"]:
            raise _invalid_part(request["UploadId"], row["number"], part.get("ETag", ""))
        parts.append(row)
    for row in parts[:-1]:
        if row["size"] < SMALLEST:
            raise AWSError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                400,
                ETag=row["etag"],
                MinSizeAllowed=str(SMALLEST),
                ProposedSize=str(row["size"]),
                PartNumber=str(row["number"]),
            )
    _check_size(request, sum(row["size"] for row in parts))
    return parts


def _check_size(request: Document, size: int) -> None:
    if size > LARGEST:
        raise AWSError(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            400,
            ProposedSize=str(size),
            MaxSizeAllowed=str(LARGEST),
        )
    expected = request.get("MpuObjectSize")
    if expected is not None and int(expected) != size:
        raise bad.request(
            "The provided 'x-amz-mp-object-size' header value does not match what was computed: "
            f"expected {size}, got {expected}"
        )


def _invalid_part(upload: str, number: int, etag: str = "") -> AWSError:
    return AWSError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
        400,
        UploadId=upload,
        PartNumber=str(number),
        ETag=etag,
    )


def _checksum(request: Document, made: head.Head, parts: Parts) -> None:
    """Computes the whole's checksum and compares it with what the client says it is. Raises BadDigest and
    InvalidRequest.
    """
    algorithm, _, kind = made["checksum"]
    if kind == "COMPOSITE":
        value = checksums.composite(algorithm, [part["checksum"] for part in parts])
    else:
        value = checksums.whole(algorithm, [(part["checksum"], part["size"]) for part in parts])
    made["checksum"] = [algorithm, value, kind]
    if (wanted := request.get("ChecksumType", kind)) != kind:
        raise bad.request(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum "
            f"mode; got {wanted}."
        )
    said = request.get(f"Checksum{algorithm}")
    if said is not None and said not in {value, value.partition("-")[0]}:
        raise checksums.differs(algorithm)


def _assemble(state: S3, row: sqlite3.Row, have: Parts, parts: Parts, *, alone: bool) -> int:
    """One blob with all the parts in order. It is the upload's own, with no byte moved, where every part lies in it
    where it belongs; parts that lie elsewhere are moved into it if nobody else writes there and nothing is in the way.
    """
    main, offset = row["blob"], 0
    listed = {part["number"] for part in parts}
    for part in parts:
        alone = alone and (part["blob"] != main or part["offset"] == offset)
        offset += part["size"]
    if not offset:
        return 0
    in_the_way = any(part["blob"] == main and part["number"] not in listed for part in have)
    pieces = [(part["blob"], part["offset"], part["size"]) for part in parts if part["size"]]
    return state.blobs.join(pieces, into=main if main and alone and not in_the_way else 0)
