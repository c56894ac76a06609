"""Manifests: read, put, deleted, by tag or digest.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

import re

from clary.errors import AWSError
from clary.services.ecr import image, manifest
from clary.services.ecr.digests import DIGEST
from clary.services.ecr.distribution import faults
from clary.services.ecr.distribution.bringing import Place
from clary.services.ecr.distribution.visit import Visit
from clary.services.ecr.manifest import LARGEST, Unfit
from clary.wire.message import Response


def get(visit: Visit, place: Place) -> Response:
    """HEAD too. The manifest is given as it was put, whatever is accepted: its digest is of these bytes."""
    row = visit.allow(place["name"], "BatchGetImage")
    found = image.find(visit.call.platform.store.read(), row["id"], **_reference(place["reference"]))
    if found is None:
        raise AWSError("MANIFEST_UNKNOWN", "Requested image not found", 404)
    headers = {"content-type": found["media"], "docker-content-digest": found["digest"]}
    headers["etag"] = f'"{found["digest"]}"'
    if visit.request.method == "GET":
        image.pulled(visit.state, found)
    return Response(200, headers, found["manifest"])


def _reference(text: str) -> dict[str, str]:
    """Raises DIGEST_INVALID and TAG_INVALID."""
    if ":" in text:
        if not DIGEST.fullmatch(text):
            raise faults.bad_digest(text)
        return {"digest": text}
    if not re.fullmatch(image.TAG, text, re.ASCII):
        raise AWSError("TAG_INVALID", f"{text[:200]!r} is no tag: it must match {image.TAG}", 400)
    return {"tag": text}


def put(visit: Visit, place: Place) -> Response:
    row = visit.allow(place["name"], "PutImage")
    named = _reference(place["reference"])
    if len(visit.request.body) > LARGEST:
        raise AWSError("SIZE_INVALID", f"A manifest has {LARGEST} bytes at most", 413)
    try:
        media = visit.request.headers.get("content-type", "")
        made = manifest.read(visit.request.body, media, named.get("digest", ""))
    except Unfit as error:
        raise AWSError("MANIFEST_INVALID", str(error), 400) from error
    if named.get("digest", made.digest) != made.digest:
        raise AWSError("DIGEST_INVALID", f"The manifest's digest is {made.digest}, and not {named['digest']}", 400)
    image.put(visit.state, row, made, named.get("tag", ""))
    headers = {"location": f"/v2/{row['name']}/manifests/{made.digest}", "docker-content-digest": made.digest}
    return Response(201, headers | ({"oci-subject": made.subject} if made.subject else {}))


def delete(visit: Visit, place: Place) -> Response:
    """As BatchDeleteImage: a tag goes, and with the last one the image."""
    row = visit.allow(place["name"], "BatchDeleteImage")
    named = _reference(place["reference"])
    identifier = {f"image{kind.capitalize()}": text for kind, text in named.items()}
    request = {"repositoryName": row["name"], "imageIds": [identifier]}
    answer = image.delete(visit.doing("BatchDeleteImage"), request)
    for failed in answer["failures"]:
        raise AWSError(failed["failureCode"], failed["failureReason"])
    return Response(202)
