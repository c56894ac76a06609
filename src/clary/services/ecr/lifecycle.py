"""Lifecycle policies: kept, tried out, carried out. On AWS an image goes within 24 hours of its time, here in minutes.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

import logging
import sqlite3
from functools import partial

from clary.errors import AWSError
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr import image, rules
from clary.services.ecr.rules import Image, Rule, Wrong
from clary.services.ecr.state import ECR, SQL, Document, invalid, place_of, repository

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds between two looks at a repository
PAGE = 100


def run(state: ECR) -> None:
    """Carries out the policies of all repositories whose turn it is."""
    now = state.clock()
    for row in state.store.read().execute(SQL["repositories_due"], {"before": now - EVERY}).fetchall():
        state.drop(partial(_expire, row=row, now=now))


def _expire(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> list[int]:
    done = {"id": row["id"], "at": now, "lifecycle": row["lifecycle"]}
    if not connection.execute(SQL["repository_evaluated"], done).rowcount:
        return []  # it has another policy by now, or is gone
    freed: list[int] = []
    going = _going(connection, row["id"], row["lifecycle"], now)
    for each, rule in going:
        freed += image.remove(connection, row["id"], each.digest)
        log.info("%s: rule %d expires %s %s", row["name"], rule.priority, each.digest, ",".join(each.tags))
    return freed


def _going(connection: sqlite3.Connection, repository_id: int, text: str, now: float) -> list[tuple[Image, Rule]]:
    """Without those that a list names which stays."""
    place = {"repository": repository_id}
    tags: dict[str, list[str]] = {}
    for row in connection.execute(SQL["tags_all"], place):
        tags.setdefault(row["digest"], []).append(row["tag"])
    images = [
        Image(row["digest"], tuple(tags.get(row["digest"], ())), row["pushed"], row["pulled"])
        for row in connection.execute(SQL["images_all"], place)
    ]
    found = rules.expiring(rules.read(text), images, now)
    users: dict[str, set[str]] = {}
    for row in connection.execute(SQL["uses_all"], place):
        users.setdefault(row["used"], set()).add(row["image"])
    while True:  # a list may be in a list
        going = {each.digest for each, _ in found}
        kept = [(each, rule) for each, rule in found if users.get(each.digest, set()) <= going]
        if len(kept) == len(found):
            return found
        found = kept


def _read(text: str) -> None:
    """Raises InvalidParameterException."""
    try:
        rules.read(text)
    except Wrong as error:
        raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {error}") from error


@operation("PutLifecyclePolicy")
def put(call: Call[ECR], request: Document) -> Document:
    text = request["lifecyclePolicyText"]
    _read(text)
    _keep(call, request, text)
    return {**_place(call, request), "lifecyclePolicyText": text}


def _keep(call: Call[ECR], request: Document, text: str) -> sqlite3.Row:
    """Returns the row as it was."""

    def work(connection: sqlite3.Connection) -> sqlite3.Row:
        row = repository(call, request, connection)
        connection.execute(SQL["repository_lifecycle"], {"id": row["id"], "lifecycle": text})
        return row

    return call.state.write(work)


@operation("GetLifecyclePolicy")
def get(call: Call[ECR], request: Document) -> Document:
    return _shown(call, repository(call, request))


def _shown(call: Call[ECR], row: sqlite3.Row) -> Document:
    if not row["lifecycle"]:
        raise AWSError(
            "LifecyclePolicyNotFoundException",
            f"Lifecycle policy does not exist for the repository with name '{row['name']}' in the registry with id "
            f"'{call.account}'",
        )
    shown = {"lifecyclePolicyText": row["lifecycle"], "lastEvaluatedAt": row["evaluated"]}
    return {"registryId": call.account, "repositoryName": row["name"], **shown}


@operation("DeleteLifecyclePolicy")
def delete(call: Call[ECR], request: Document) -> Document:
    shown = _shown(call, repository(call, request))
    _keep(call, request, "")
    return shown


@operation("StartLifecyclePolicyPreview")
def preview(call: Call[ECR], request: Document) -> Document:
    """Of the text, or of the repository's policy. It is done at once; what it finds is worked out when it is asked."""
    row = repository(call, request)
    text = request.get("lifecyclePolicyText") or _shown(call, row)["lifecyclePolicyText"]
    _read(text)
    values = {"id": row["id"], "preview": text}
    call.state.write(lambda connection: connection.execute(SQL["repository_preview"], values))
    return {**_place(call, request), "lifecyclePolicyText": text, "status": "IN_PROGRESS"}


@operation("GetLifecyclePolicyPreview")
def previewed(call: Call[ECR], request: Document) -> Document:
    row = repository(call, request)
    if not row["preview"]:
        raise AWSError(
            "LifecyclePolicyPreviewNotFoundException",
            f"Lifecycle policy preview does not exist for the repository with name '{row['name']}' in the registry "
            f"with id '{call.account}'",
        )
    with call.platform.store.moment() as connection:
        going = _going(connection, row["id"], row["preview"], call.platform.clock())
    found = [(each, rule) for each, rule in going if _asked(request, each)]
    size, query = request.get("maxResults", PAGE), [call.region, row["id"], row["preview"], request.get("filter")]
    after = (place_of(request, query) or [""])[0]
    rest = sorted((pair for pair in found if pair[0].digest > after), key=lambda pair: pair[0].digest)
    answer = {
        **_place(call, request),
        "lifecyclePolicyText": row["preview"],
        "status": "COMPLETE",
        "previewResults": [_result(each, rule) for each, rule in rest[:size]],
        "summary": {"expiringImageTotalCount": len(going)},
    }
    if len(rest) > size:
        answer["nextToken"] = pages.sealed([rest[size - 1][0].digest], query)
    return answer


def _asked(request: Document, found: Image) -> bool:
    if not image.fits(request.get("filter", {}).get("tagStatus", "ANY"), tagged=bool(found.tags)):
        return False
    wanted = request.get("imageIds")
    return not wanted or any(
        each.get("imageDigest") == found.digest or each.get("imageTag") in found.tags for each in wanted
    )


def _result(found: Image, rule: Rule) -> Document:
    return {
        "imageTags": list(found.tags),
        "imageDigest": found.digest,
        "imagePushedAt": found.pushed,
        "action": {"type": "EXPIRE"},
        "appliedRulePriority": rule.priority,
        "storageClass": "STANDARD",
    }


def _place(call: Call[ECR], request: Document) -> Document:
    return {"registryId": call.account, "repositoryName": request["repositoryName"]}
