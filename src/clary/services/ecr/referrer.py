"""What refers to an image: signatures, bills of materials. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers"""

import sqlite3

import orjson

from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr.state import ECR, SQL, Document, place_of, repository

PAGE = 50


def of(connection: sqlite3.Connection, repository_id: int, digest: str, after: str = "") -> list[Document]:
    """Descriptors."""
    place = {"repository": repository_id, "subject": digest, "after": after}
    return [_descriptor(row) for row in connection.execute(SQL["referrers"], place)]


def _descriptor(row: sqlite3.Row) -> Document:
    found = {
        "mediaType": row["media"],
        "digest": row["digest"],
        "size": len(row["manifest"]),
        "artifactType": row["artifact"],
        "annotations": orjson.loads(row["manifest"]).get("annotations"),
    }
    return {name: value for name, value in found.items() if value}


@operation("ListImageReferrers")
def show(call: Call[ECR], request: Document) -> Document:
    row, digest = repository(call, request), request["subjectId"]["imageDigest"]
    kinds = request.get("filter", {}).get("artifactTypes")
    size, query = request.get("maxResults", PAGE), [call.region, row["id"], digest, kinds]
    after = (place_of(request, query) or [""])[0]
    found = of(call.platform.store.read(), row["id"], digest, after)
    kept = [{**each, "artifactStatus": "ACTIVE"} for each in found if not kinds or each.get("artifactType") in kinds]
    answer: Document = {"referrers": kept[:size]}
    if len(kept) > size:
        answer["nextToken"] = pages.sealed([kept[size - 1]["digest"]], query)
    return answer
