"""Images: put, told of, listed, deleted. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html"""

import fnmatch
import re
import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr import manifest
from clary.services.ecr.digests import DIGEST
from clary.services.ecr.manifest import Manifest, Unfit
from clary.services.ecr.state import ECR, SQL, Document, invalid, place_of, repository

TAG = r"\w[\w.-]{0,127}"  # https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
PAGE = 100
DAY = 86400


def find(connection: sqlite3.Connection, repository_id: int, tag: str = "", digest: str = "") -> sqlite3.Row | None:
    """The row of an image by tag or digest, or by both, which must agree."""
    row: sqlite3.Row | None
    if tag:
        row = connection.execute(SQL["image_tagged"], {"repository": repository_id, "tag": tag}).fetchone()
        return None if row is not None and digest not in {"", row["digest"]} else row
    row = connection.execute(SQL["image"], {"repository": repository_id, "digest": digest}).fetchone()
    return row


def put(state: ECR, row: sqlite3.Row, made: Manifest, tag: str) -> bool:
    """The image is there from now on, under this tag if there is one; False where nothing changed by that. Raises
    LayersNotFoundException, ReferencedImagesNotFoundException and ImageTagAlreadyExistsException.
    """
    place = {"repository": row["id"]}

    def work(connection: sqlite3.Connection) -> bool:
        current = connection.execute(SQL["repository_by_id"], {"id": row["id"]}).fetchone()
        if current is None:
            raise AWSError("RepositoryNotFoundException", f"The repository with name '{row['name']}' does not exist")
        _complete(connection, current, made)
        known = find(connection, row["id"], digest=made.digest)
        if known is None:
            _add(connection, row["id"], made, state.clock())
        for digest in made.layers:
            connection.execute(SQL["layer_claim"], place | {"digest": digest, "at": 0.0})
        if not tag:
            return known is None
        tagged = find(connection, row["id"], tag=tag)
        if tagged is not None and tagged["digest"] == made.digest:
            return False
        if tagged is not None and not mutable(orjson.loads(current["document"]), tag):
            raise AWSError(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{row['name']}' repository and cannot be overwritten "
                "because the tag is immutable.",
            )
        connection.execute(SQL["tag_put"], place | {"tag": tag, "digest": made.digest})
        return True

    return state.write(work)


def _complete(connection: sqlite3.Connection, row: sqlite3.Row, made: Manifest) -> None:
    """All that the manifest names is here."""

    def missing(statement: str, digests: tuple[str, ...]) -> list[str]:
        asked = ({"repository": row["id"], "digest": digest} for digest in digests)
        return [each["digest"] for each in asked if not connection.execute(SQL[statement], each).fetchone()]

    if absent := missing("layer", made.layers):
        raise AWSError("LayersNotFoundException", f"Layers with digests '[{', '.join(absent)}]' were not found.")
    if absent := missing("image", made.images):
        raise AWSError(
            "ReferencedImagesNotFoundException", f"Images with digests '[{', '.join(absent)}]' were not found."
        )


def _add(connection: sqlite3.Connection, repository_id: int, made: Manifest, now: float) -> None:
    place = {"repository": repository_id}
    values = {"digest": made.digest, "media": made.media, "artifact": made.artifact, "subject": made.subject}
    connection.execute(
        SQL["image_add"], place | values | {"size": made.size, "pushed": float(int(now)), "manifest": made.raw}
    )
    for digest in made.uses:
        connection.execute(SQL["use_add"], place | {"used": digest, "image": made.digest})


def mutable(document: Document, tag: str) -> bool:
    """Whether the tag may be moved. https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""
    setting = document.get("imageTagMutability", "MUTABLE")
    filters = [each["filter"] for each in document.get("imageTagMutabilityExclusionFilters", ())]
    excluded = any(fnmatch.fnmatchcase(tag, each) for each in filters)
    return bool(excluded) if setting.startswith("IMMUTABLE") else not excluded


def remove(connection: sqlite3.Connection, repository_id: int, digest: str) -> list[int]:
    """The image, its tags, and the layers that no other is made of, whose blobs this returns. Within the writer's
    transaction.
    """
    place = {"repository": repository_id}
    freed = connection.execute(SQL["layers_freed"], place | {"image": digest}).fetchall()
    connection.execute(SQL["image_delete"], place | {"digest": digest})
    return [row["blob"] for row in freed]


def lists_with(connection: sqlite3.Connection, repository_id: int, digest: str) -> list[str]:
    """The lists that name the image, without which it cannot go."""
    return [row["image"] for row in connection.execute(SQL["users"], {"repository": repository_id, "used": digest})]


def failure(identifier: Document, code: str, reason: str) -> Document:
    return {"imageId": identifier, "failureCode": code, "failureReason": reason}


def look(connection: sqlite3.Connection, row: sqlite3.Row, identifier: Document) -> sqlite3.Row | Document:
    """The image that an ImageIdentifier names, or the failure that says why there is none."""
    tag, digest = identifier.get("imageTag", ""), identifier.get("imageDigest", "")
    if not tag and not digest:
        reason = "Invalid request parameters: both tag and digest cannot be null"
        return failure(identifier, "MissingDigestAndTag", reason)
    if digest and not DIGEST.fullmatch(digest):
        reason = f"Invalid request parameters: image digest should satisfy the regex '{DIGEST.pattern}'"
        return failure(identifier, "InvalidImageDigest", reason)
    found = find(connection, row["id"], tag, digest)
    if found is not None:
        return found
    if tag and digest and find(connection, row["id"], tag) is not None:
        return failure(identifier, "ImageTagDoesNotMatchDigest", "Requested tag does not match the digest")
    return failure(identifier, "ImageNotFound", "Requested image not found")


@operation("PutImage")
def put_image(call: Call[ECR], request: Document) -> Document:
    row, tag = repository(call, request), request.get("imageTag", "")
    try:
        raw, digest = request["imageManifest"].encode(), request.get("imageDigest", "")
        if digest and not DIGEST.fullmatch(digest):
            raise invalid("imageDigest", f"must satisfy regular expression '{DIGEST.pattern}'")
        made = manifest.read(raw, request.get("imageManifestMediaType", ""), digest)
    except Unfit as error:
        raise AWSError("InvalidParameterException", str(error)) from error
    if request.get("imageDigest", made.digest) != made.digest:
        raise AWSError(
            "ImageDigestDoesNotMatchException",
            f"The image digest '{request['imageDigest']}' does not match the calculated digest '{made.digest}'",
        )
    check_tag(tag)
    if not put(call.state, row, made, tag):
        how = f"tag '{tag}'" if tag else f"digest '{made.digest}'"
        raise AWSError(
            "ImageAlreadyExistsException",
            f"Image with digest '{made.digest}' and {how} already exists in the repository with name '{row['name']}' "
            f"in registry with id '{call.account}'",
        )
    shown = {"imageId": {"imageDigest": made.digest, **({"imageTag": tag} if tag else {})}}
    return {"image": {**_place(call, row), **shown, **_text(made.raw, made.media)}}


def check_tag(tag: str) -> None:
    """Raises InvalidParameterException."""
    if tag and not re.fullmatch(TAG, tag, re.ASCII):
        raise invalid("imageTag", f"must satisfy regular expression '{TAG}'")


@operation("BatchGetImage")
def get(call: Call[ECR], request: Document) -> Document:
    row, accepted = repository(call, request), request.get("acceptedMediaTypes")
    images, failures = [], []
    for identifier in request["imageIds"]:
        found = look(call.platform.store.read(), row, identifier)
        if isinstance(found, dict):
            failures.append(found)
            continue
        if accepted and found["media"] not in accepted:
            reason = f"The image's media type {found['media']} is not accepted"
            failures.append(failure(identifier, "ImageNotFound", reason))
            continue
        pulled(call.state, found)
        shown = {"imageId": {**identifier, "imageDigest": found["digest"]}}
        images.append({**_place(call, row), **shown, **_text(found["manifest"], found["media"])})
    return {"images": images, "failures": failures}


def pulled(state: ECR, row: sqlite3.Row) -> None:
    """Notes it, at most once a day, as ECR does."""
    now = state.clock()
    if row["pulled"] > now - DAY:
        return
    values = {"repository": row["repository"], "digest": row["digest"], "at": float(int(now)), "before": now - DAY}
    state.write(lambda connection: connection.execute(SQL["image_pulled"], values))


@operation("BatchDeleteImage")
def delete(call: Call[ECR], request: Document) -> Document:
    """A tag goes; an image goes by its digest, or with its last tag."""
    row = repository(call, request)
    gone: list[Document] = []
    failures: list[Document] = []

    def work(connection: sqlite3.Connection) -> list[int]:
        gone.clear()
        failures.clear()
        freed: list[int] = []
        waiting = list(request["imageIds"])
        while waiting:  # a list that goes lets the images go that it names, in whichever order they are told
            held = []
            for identifier in waiting:
                found = look(connection, row, identifier)
                if isinstance(found, dict):
                    failures.append(found)
                elif (users := lists_with(connection, row["id"], found["digest"])) and _goes(
                    connection, row, found, identifier
                ):
                    reason = f"Requested image referenced by manifest list: [{', '.join(users)}]"
                    held.append((identifier, failure(identifier, "ImageReferencedByManifestList", reason)))
                else:
                    freed += _delete(connection, row, found, identifier, gone)
            if len(held) == len(waiting):
                failures.extend(fault for _, fault in held)
                break
            waiting = [identifier for identifier, _ in held]
        return freed

    call.state.drop(work)
    return {"imageIds": gone, "failures": failures}


def _goes(connection: sqlite3.Connection, row: sqlite3.Row, found: sqlite3.Row, identifier: Document) -> bool:
    """Whether the image goes, and not a tag alone."""
    if not identifier.get("imageTag") or identifier.get("imageDigest"):
        return True
    return len(tags_of(connection, row["id"], found["digest"])) == 1


def _delete(
    connection: sqlite3.Connection, row: sqlite3.Row, found: sqlite3.Row, identifier: Document, gone: list[Document]
) -> list[int]:
    digest, tags = found["digest"], tags_of(connection, row["id"], found["digest"])
    if _goes(connection, row, found, identifier):
        gone += [{"imageDigest": digest, "imageTag": tag} for tag in tags] or [{"imageDigest": digest}]
        return remove(connection, row["id"], digest)
    connection.execute(SQL["tag_delete"], {"repository": row["id"], "tag": identifier["imageTag"]})
    gone.append({"imageDigest": digest, "imageTag": identifier["imageTag"]})
    return []


def tags_of(connection: sqlite3.Connection, repository_id: int, digest: str) -> list[str]:
    rows = connection.execute(SQL["tags_of"], {"repository": repository_id, "digest": digest})
    return [row["tag"] for row in rows]


@operation("ListImages")
def list_images(call: Call[ECR], request: Document) -> Document:
    row, size = repository(call, request), request.get("maxResults", PAGE)
    wanted = _wanted(request)
    query = [call.region, row["id"], wanted]
    after = place_of(request, query) or ["", ""]
    place = {"repository": row["id"], "digest": after[0], "tag": after[1]}
    found: list[Any] = []
    for each in call.platform.store.read().execute(SQL["image_ids"], place):
        if not fits(wanted, tagged=bool(each["tag"])):
            continue
        if len(found) == size:
            return {"imageIds": _ids(found), "nextToken": pages.sealed([found[-1]["digest"], found[-1]["tag"]], query)}
        found.append(each)
    return {"imageIds": _ids(found)}


def _ids(rows: list[Any]) -> list[Document]:
    return [{"imageDigest": row["digest"], **({"imageTag": row["tag"]} if row["tag"] else {})} for row in rows]


def _wanted(request: Document) -> str:
    """TAGGED, UNTAGGED or ANY; NONE where archived images are asked for, since there is no archive."""
    asked = request.get("filter", {})
    if asked.get("imageStatus", "ANY") not in {"ANY", "ACTIVE"}:
        return "NONE"
    return str(asked.get("tagStatus", "ANY"))


def fits(wanted: str, *, tagged: bool) -> bool:
    return wanted in {"ANY", "TAGGED" if tagged else "UNTAGGED"}


@operation("DescribeImages")
def describe(call: Call[ECR], request: Document) -> Document:
    row, connection = repository(call, request), call.platform.store.read()
    if "imageIds" in request:
        if "maxResults" in request or "nextToken" in request:
            raise AWSError("InvalidParameterException", "imageIds excludes maxResults and nextToken")
        return {"imageDetails": [_detail(call, row, each) for each in _asked(call, row, request["imageIds"])]}
    size, wanted = request.get("maxResults", PAGE), _wanted(request)
    query = [call.region, row["id"], wanted]
    after = place_of(request, query) or [""]
    found: list[Document] = []
    place = {"repository": row["id"], "after": after[0], "limit": -1}
    for each in connection.execute(SQL["images"], place):
        shown = _detail(call, row, each)
        if not fits(wanted, tagged="imageTags" in shown):
            continue
        if len(found) == size:
            return {"imageDetails": found, "nextToken": pages.sealed([found[-1]["imageDigest"]], query)}
        found.append(shown)
    return {"imageDetails": found}


def _asked(call: Call[ECR], row: sqlite3.Row, identifiers: list[Document]) -> list[sqlite3.Row]:
    """Raises ImageNotFoundException."""
    found = {}
    for identifier in identifiers:
        each = look(call.platform.store.read(), row, identifier)
        if isinstance(each, dict):
            if each["failureCode"] in {"MissingDigestAndTag", "InvalidImageDigest"}:
                raise AWSError("InvalidParameterException", each["failureReason"])
            said = ", ".join(f"{name}:'{identifier.get(name, 'null')}'" for name in ("imageDigest", "imageTag"))
            raise AWSError(
                "ImageNotFoundException",
                f"The image with imageId {{{said}}} does not exist within the repository with name '{row['name']}' in "
                f"the registry with id '{call.account}'",
            )
        found[each["digest"]] = each
    return list(found.values())


def _detail(call: Call[ECR], row: sqlite3.Row, found: sqlite3.Row) -> Document:
    tags = tags_of(call.platform.store.read(), row["id"], found["digest"])
    optional = {
        "imageTags": tags,
        "artifactMediaType": found["artifact"],
        "subjectManifestDigest": found["subject"],
        "lastRecordedPullTime": found["pulled"],
    }
    return {
        **_place(call, row),
        "imageDigest": found["digest"],
        "imageSizeInBytes": found["size"] or len(found["manifest"]),
        "imagePushedAt": found["pushed"],
        "imageManifestMediaType": found["media"],
        "imageStatus": "ACTIVE",
        **{name: value for name, value in optional.items() if value},
    }


def _place(call: Call[ECR], row: sqlite3.Row) -> Document:
    return {"registryId": call.account, "repositoryName": row["name"]}


def _text(raw: bytes, media: str) -> Document:
    return {"imageManifest": raw.decode(), "imageManifestMediaType": media}
