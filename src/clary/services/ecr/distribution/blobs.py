"""Blobs: read, asked for, mounted, deleted; uploads begun, asked for, cancelled.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
"""

import re
import sqlite3

from clary.errors import AccessDenied, AWSError
from clary.resource.call import Platform
from clary.resource.service import ANONYMOUS
from clary.services.ecr import layer, setting
from clary.services.ecr.digests import DIGEST
from clary.services.ecr.distribution import faults
from clary.services.ecr.distribution.bringing import Place, state_of, there
from clary.services.ecr.distribution.visit import Visit
from clary.services.ecr.distribution.visit import visit as visited
from clary.services.ecr.passwords import TICKET
from clary.services.ecr.state import ECR, SQL
from clary.wire.message import FileSlice, Request, Response

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
LAYER = "application/octet-stream"


def get(visit: Visit, place: Place) -> Response:
    return _send(visit, visit.allow(place["name"], "GetDownloadUrlForLayer"), place["digest"])


def by_ticket(platform: Platform, state: ECR, request: Request) -> Response | None:
    """For who was given a URL by GetDownloadUrlForLayer; None without a ticket. Raises DENIED."""
    ticket = dict(request.query_items()).get(TICKET)
    if ticket is None:
        return None
    said = state.tickets.open(ticket)
    if said is None or request.path != f"/v2/{said[1]}/blobs/{said[2]}":
        raise AWSError("DENIED", "This URL is not valid, or not any more.", 403)
    visit = visited(platform, state, request, ANONYMOUS, said[0])
    return _send(visit, visit.allow(said[1]), said[2])


def _send(visit: Visit, row: sqlite3.Row, digest: str) -> Response:
    if not DIGEST.fullmatch(digest):
        raise faults.bad_digest(digest)
    found = layer.find(visit.call.platform.store.read(), row, digest)
    if found is None:
        raise faults.blob_unknown()
    size, path = found["size"], visit.state.blobs.path(found["blob"])
    headers = _headers(digest)
    wanted = _RANGE.fullmatch(visit.request.headers.get("range", ""))
    if not wanted or wanted.group(1, 2) == ("", ""):
        return Response(200, headers, FileSlice(path, 0, size))
    first, last = wanted[1], wanted[2]
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        raise AWSError(
            "SIZE_INVALID", "The range is not satisfiable", 416, headers={"content-range": f"bytes */{size}"}
        )
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Response(206, headers, FileSlice(path, start, end - start))


def _headers(digest: str) -> dict[str, str]:
    return {
        "content-type": LAYER,
        "docker-content-digest": digest,
        "etag": f'"{digest}"',
        "accept-ranges": "bytes",
        "cache-control": "max-age=31536000",
    }


def head(visit: Visit, place: Place) -> Response:
    """Who pushes asks this, and brings what is not here."""
    row = visit.allow(place["name"], "BatchCheckLayerAvailability")
    if not DIGEST.fullmatch(place["digest"]):
        raise faults.bad_digest(place["digest"])
    found = layer.claim(visit.state, row, place["digest"])
    if found is None:
        raise faults.blob_unknown()
    return Response(200, {**_headers(place["digest"]), "content-length": str(found["size"])})


def delete(visit: Visit, place: Place) -> Response:
    """A layer that no image is made of. (The others go with the last image that is.)"""
    row = visit.allow(place["name"], "BatchDeleteImage")
    at = {"repository": row["id"], "digest": place["digest"]}

    def work(connection: sqlite3.Connection) -> list[int]:
        if users := connection.execute(SQL["users"], {"repository": row["id"], "used": place["digest"]}).fetchone():
            raise AWSError("UNSUPPORTED", f"The layer is of the image {users['image']}, and goes with it", 405)
        found = connection.execute(SQL["layer_delete"], at).fetchall()
        if not found:
            raise faults.blob_unknown()
        return [each["blob"] for each in found]

    visit.state.drop(work)
    return Response(202)


def begin(visit: Visit, place: Place) -> Response:
    """POST without a body: an upload, or a layer that another repository has."""
    row = visit.allow(place["name"], "InitiateLayerUpload")
    asked = dict(visit.request.query_items())
    digest = asked.get("mount", "")
    if digest and asked.get("from") and DIGEST.fullmatch(digest) and _mount(visit, row, asked["from"], digest):
        return Response(201, there(row["name"], digest))
    return Response(202, state_of(row["name"], visit.state.uploads.begin(row["id"]), 0))


def _mount(visit: Visit, row: sqlite3.Row, source: str, digest: str) -> bool:
    """False where that cannot be, whatever the reason: then the client brings the layer."""
    if setting.get(visit.call, "account BLOB_MOUNTING") == "DISABLED":
        return False
    try:
        found = visit.allow(source, "BatchCheckLayerAvailability", "GetDownloadUrlForLayer")
    except AccessDenied:
        return False
    except AWSError as error:
        if error.code("json") != "RepositoryNotFoundException":
            raise
        return False
    return layer.mount(visit.state, found, row, digest)


def progress(visit: Visit, place: Place) -> Response:
    row = visit.allow(place["name"], "UploadLayerPart")
    found = visit.state.uploads.find(row["id"], place["upload"])
    return Response(204, state_of(row["name"], found["id"], found["size"]))


def cancel(visit: Visit, place: Place) -> Response:
    row = visit.allow(place["name"], "UploadLayerPart")
    visit.state.uploads.remove(visit.state.uploads.find(row["id"], place["upload"])["id"])
    return Response(204)
