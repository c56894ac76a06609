"""Multipart uploads: begun, filled part by part, completed or aborted.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import checksums, head, names
from clary.services.s3.conditions import failed, same_second
from clary.services.s3.intake import Intake, length
from clary.services.s3.rows import SQL
from clary.services.s3.settings import acl, bad
from clary.services.s3.state import S3, no_such_bucket, space
from clary.wire.message import Response

if TYPE_CHECKING:
    from clary.services.s3.place import Slot

Document = dict[str, Any]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
SMALLEST = 5 << 20  # bytes of each part but the last
MOST = 10_000  # parts


@operation("CreateMultipartUpload")
def create(call: Call[S3], request: Document) -> Document:
    state, key = call.state, request["Key"]
    bucket = state.bucket_of(request)
    names.check_key(key)
    settings = state.settings.of(bucket.name)
    acl.check_object(call, settings, request)
    made = head.make(request, settings)
    algorithm, kind = _checksum(request)
    # What the client chose itself is the rule for its parts; the default is ours alone.
    made["checksum"] = [algorithm or checksums.DEFAULT, "", kind]
    made["chosen"] = bool(algorithm)
    tags = head.tags_of(request.get("Tagging"))
    now = state.clock()
    upload = names.upload_id(now)
    row = (bucket.name, key, upload, float(int(now)), call.caller.arn, orjson.dumps(made), tags)

    def work(connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT 1 FROM bucket WHERE name = ?", (bucket.name,)).fetchone() is None:
            raise no_such_bucket(bucket.name)
        connection.execute(SQL["upload_add"], row)

    state.write(work)
    result = {"Bucket": bucket.name, "Key": key, "UploadId": upload} | head.encryption(made)
    return result | ({"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {})


def _checksum(request: Document) -> tuple[str, str]:
    """The algorithm that is asked for and the kind that it makes. Raises InvalidRequest."""
    algorithm, kind = request.get("ChecksumAlgorithm", ""), request.get("ChecksumType", "")
    if algorithm and algorithm not in checksums.NEW:
        raise bad.request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            f"[{', '.join(checksums.NEW)}]"
        )
    if kind and not algorithm:
        raise bad.request("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
    kinds = checksums.KINDS.get(algorithm or checksums.DEFAULT, ("COMPOSITE",))
    if kind and kind not in kinds:
        raise bad.request(f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.")
    return algorithm, kind or kinds[0]


def find(connection: sqlite3.Connection, bucket: str, key: str, upload: str) -> sqlite3.Row:
    """The upload's row. Raises NoSuchUpload."""
    row: sqlite3.Row | None = connection.execute(SQL["upload"], (bucket, key, upload)).fetchone()
    if row is None:
        raise no_such_upload(upload)
    return row


def no_such_upload(upload: str) -> AWSError:
    return AWSError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        404,
        UploadId=upload,
    )


class PartIntake(Intake):
    """The body of a part, on its way to its place or to a blob of its own."""

    def __init__(self, state: S3, request: Document, row: sqlite3.Row, headers: dict[str, str], expected: int) -> None:
        found = orjson.loads(row["head"])
        algorithm, _, kind = found["checksum"]
        self.upload, self.number = row["id"], request["PartNumber"]
        self.bucket, self.key = row["bucket"], row["key"]
        super().__init__(state, headers, expected, algorithm)
        self.slot: Slot | None = None
        self._row: sqlite3.Row | None = row  # until a place was asked for
        if found["chosen"]:
            _same_checksum(algorithm, kind, self.claim, headers)

    def write(self, chunks: Iterable[bytes]) -> None:
        row, self._row = self._row, None
        if row is not None and self.expected > 0:
            with space():
                self.slot = self._state.places.reserve(row, self.number, self.expected)
            if self.slot is not None:
                self._writer = self.slot.writer
        super().write(chunks)

    def abort(self) -> None:
        super().abort()
        self._leave(kept=False)

    def take(self) -> int:
        self._leave(kept=True)
        return super().take()

    def _leave(self, *, kept: bool) -> None:
        slot, self.slot = self.slot, None
        if slot is not None:
            self._state.places.release(self.upload, self.number, kept=kept)


def _same_checksum(algorithm: str, kind: str, claim: checksums.Claim | None, headers: dict[str, str]) -> None:
    given = claim.algorithm.lower() if claim else "null"
    if given == algorithm.lower() or (claim is None and (kind == "FULL_OBJECT" or "x-amz-copy-source" in headers)):
        return
    raise bad.request(
        f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, actual checksum Type: {given}"
    )


def check_number(number: int) -> None:
    if not 1 <= number <= MOST:
        raise bad.argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number)


def open_part(call: Call[S3], request: Document) -> PartIntake:
    """The sink of an UploadPart."""
    state = call.state
    bucket = state.bucket_of(request)
    check_number(request["PartNumber"])
    row = find(state.store.read(), bucket.name, request["Key"], request["UploadId"])
    head.unlock(orjson.loads(row["head"]), request)
    return PartIntake(state, request, row, call.request.headers, length(call.request.headers))


@operation("UploadPart", sink=open_part)
def upload_part(call: Call[S3], request: Document) -> Response:
    intake: PartIntake = request["Body"]
    found = keep_part(call, intake)
    headers = {"etag": f'"{intake.etag}"'}
    headers |= {name: value for name, value in found["headers"].items() if name.startswith(head.SSE)}
    if (claim := intake.claim) is not None:
        headers[f"x-amz-checksum-{claim.algorithm.lower()}"] = claim.value
    return Response(200, headers)


def keep_part(call: Call[S3], intake: PartIntake) -> head.Head:
    """The body that arrived becomes the part; what it was before goes. Gives the upload's head."""
    state = call.state
    intake.finish()
    slot = intake.slot
    offset = slot.offset if slot else 0
    row = (
        intake.upload,
        intake.number,
        intake.size,
        intake.etag,
        float(int(state.clock())),
        intake.blob,
        offset,
        intake.checksum,
    )

    def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, int]:
        upload = find(connection, intake.bucket, intake.key, intake.upload)
        if slot is not None and upload["blob"] != slot.blob:
            connection.execute(
                SQL["upload_place"], (intake.bucket, intake.key, intake.upload, slot.blob, slot.part_size)
            )
        before = connection.execute(SQL["part"], (intake.upload, intake.number)).fetchone()
        connection.execute(SQL["part_put"], row)
        return upload, before["blob"] if before is not None and before["blob"] != upload["blob"] else 0

    upload, doomed = state.write(work, intake.blob)
    intake.take()
    state.blobs.delete([doomed])
    found: head.Head = orjson.loads(upload["head"])
    return found


@operation("AbortMultipartUpload")
def abort(call: Call[S3], request: Document) -> Document:
    state = call.state
    bucket = state.bucket_of(request)
    initiated = request.get("IfMatchInitiatedTime")
    state.blobs.delete(remove(state, bucket.name, request["Key"], request["UploadId"], initiated))
    return {}


def remove(state: S3, bucket: str, key: str, upload: str, initiated: float | None = None) -> set[int]:
    """Drops the upload, if it began at this time; gives the blobs that were its. Raises NoSuchUpload and
    PreconditionFailed.
    """

    def work(connection: sqlite3.Connection) -> set[int]:
        if initiated is not None and not same_second(find(connection, bucket, key, upload)["initiated"], initiated):
            raise failed("x-amz-if-match-initiated-time")
        gone = connection.execute(SQL["upload_delete"], (bucket, key, upload)).fetchall()
        if not gone:
            raise no_such_upload(upload)
        parts = connection.execute(SQL["parts_delete"], (upload,)).fetchall()
        return {row["blob"] for row in (*gone, *parts)}

    doomed = state.write(work)
    return doomed | {state.places.forget(upload)}
