"""Blobs on their way in: whole, in chunks, resumed.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

import re
import sqlite3
from collections.abc import Iterable

from clary.errors import AWSError
from clary.services.ecr import layer
from clary.services.ecr.digests import DIGEST
from clary.services.ecr.distribution import faults
from clary.services.ecr.distribution.visit import Visit
from clary.services.ecr.uploads import Inflow
from clary.wire.message import Response

Place = dict[str, str]
_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/.*)?")


class Bringing:
    """A Sink, and what is to be answered at its end."""

    def __init__(self, visit: Visit, row: sqlite3.Row, inflow: Inflow, digest: str) -> None:
        """`digest` is "" where more is to come."""
        self._visit, self._row, self._inflow, self._digest = visit, row, inflow, digest

    def write(self, chunks: Iterable[bytes]) -> None:
        self._inflow.write(chunks)

    def trailers(self, trailers: dict[str, str]) -> None:
        self._inflow.trailers(trailers)

    def abort(self) -> None:
        self._inflow.abort()

    def finish(self) -> Response:
        inflow = self._inflow
        if not self._digest:
            inflow.finish()
            return Response(202, state_of(self._row["name"], inflow.name, inflow.size))
        inflow.settle()
        layer.complete(self._visit.state, self._row, inflow.name, self._digest, inflow.blob, inflow.size)
        inflow.end()
        return Response(201, there(self._row["name"], self._digest))


def state_of(name: str, upload: str, size: int) -> dict[str, str]:
    return {
        "location": f"/v2/{name}/blobs/uploads/{upload}",
        "range": f"0-{max(0, size - 1)}",
        "docker-upload-uuid": upload,
    }


def there(name: str, digest: str) -> dict[str, str]:
    return {"location": f"/v2/{name}/blobs/{digest}", "docker-content-digest": digest}


def go_on(visit: Visit, place: Place) -> Bringing:
    """PATCH, or PUT with the digest."""
    ends = visit.request.method == "PUT"
    row = visit.allow(place["name"], *(("UploadLayerPart", "CompleteLayerUpload") if ends else ("UploadLayerPart",)))
    digest = digest_in(visit) if ends else ""
    uploads, upload = visit.state.uploads, place["upload"]
    taken = uploads.take(row["id"], upload)
    try:
        _check_range(visit, row["name"], upload, taken["size"])
    except BaseException:
        uploads.release(upload)
        raise
    return Bringing(visit, row, uploads.receive(taken, _length(visit)), digest)


def all_at_once(visit: Visit, place: Place) -> Bringing:
    """POST with the digest."""
    row = visit.allow(place["name"], "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload")
    digest, uploads = digest_in(visit), visit.state.uploads
    upload = uploads.begin(row["id"])
    return Bringing(visit, row, uploads.receive(uploads.take(row["id"], upload), _length(visit)), digest)


def digest_in(visit: Visit) -> str:
    """Of the query. Raises DIGEST_INVALID."""
    digest = dict(visit.request.query_items()).get("digest", "")
    if not DIGEST.fullmatch(digest):
        raise faults.bad_digest(digest)
    return digest


def _length(visit: Visit) -> int:
    text = visit.request.headers.get("content-length", "")
    return int(text[:18]) if text.isdecimal() else -1


def _check_range(visit: Visit, name: str, upload: str, size: int) -> None:
    """A chunk that says where it belongs belongs at the end. Raises BLOB_UPLOAD_INVALID and SIZE_INVALID."""
    said = visit.request.headers.get("content-range")
    if said is None:
        return
    match = _RANGE.fullmatch(said.strip())
    if not match or int(match[1]) != size:
        raise AWSError(
            "BLOB_UPLOAD_INVALID",
            f"The chunk {said[:100]} does not follow what has come: {size} bytes",
            416,
            headers=state_of(name, upload, size),
        )
    if (length := _length(visit)) >= 0 and length != int(match[2]) - int(match[1]) + 1:
        raise AWSError("SIZE_INVALID", f"The chunk {said[:100]} has {length} bytes", 400)
