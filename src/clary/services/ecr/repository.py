"""Repositories: made, told of, set, deleted.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
"""

import sqlite3

import orjson

from clary.errors import AWSError
from clary.resource import pages, tags
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr.state import (
    ECR,
    SQL,
    Document,
    arn,
    find,
    invalid,
    no_repository,
    place_of,
    registry_host,
    repository,
)
from clary.services.ecr.tag import checked
from clary.store.sql import queries

KEPT = (
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "imageScanningConfiguration",
    "encryptionConfiguration",
)
PAGE = 100
EXCLUDING = "_WITH_EXCLUSION"


@operation("CreateRepository")
def create(call: Call[ECR], request: Document) -> Document:
    name = request["repositoryName"]
    if request.get("registryId", call.account) != call.account:
        raise invalid("registryId", f"repositories are made in the caller's registry, {call.account}")
    _check_mutability(request)
    document = {
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
        **{member: request[member] for member in KEPT if member in request},
    }
    given = checked(request.get("tags", ()))
    values = {"region": call.region, "name": name, "created": call.platform.clock(), "document": _json(document)}

    def work(connection: sqlite3.Connection) -> sqlite3.Row:
        if find(connection, call.region, name) is not None:
            raise AWSError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{call.account}'",
            )
        connection.execute(SQL["repository_add"], values)
        tags.put(connection, arn(call, name), given)
        found = find(connection, call.region, name)
        assert found is not None
        return found

    return {"repository": show(call, call.state.write(work))}


def _check_mutability(request: Document) -> None:
    """Filters and only they go with the settings that name exclusions."""
    excluding = request.get("imageTagMutability", "").endswith(EXCLUDING)
    if excluding is not bool(request.get("imageTagMutabilityExclusionFilters")):
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            "must be given for IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION, and only for them",
        )


def show(call: Call[ECR], row: sqlite3.Row) -> Document:
    host = registry_host(call.request, call.region, call.account)
    return {
        "repositoryArn": arn(call, row["name"]),
        "registryId": call.account,
        "repositoryName": row["name"],
        "repositoryUri": f"{host}/{row['name']}",
        "createdAt": row["created"],
        **orjson.loads(row["document"]),
    }


@operation("DescribeRepositories")
def describe(call: Call[ECR], request: Document) -> Document:
    registry = request.get("registryId", call.account)
    if names := request.get("repositoryNames"):
        if "maxResults" in request or "nextToken" in request:
            raise AWSError("InvalidParameterException", "repositoryNames excludes maxResults and nextToken")
        rows = [repository(call, {"registryId": registry, "repositoryName": name}) for name in dict.fromkeys(names)]
        return {"repositories": [show(call, row) for row in rows]}
    if registry != call.account:
        raise no_repository("*", registry)
    size, query = request.get("maxResults", PAGE), [call.region]
    after = (place_of(request, query) or [""])[0]
    place = {"region": call.region, "after": after, "limit": size + 1}
    found = call.platform.store.read().execute(SQL["repositories"], place).fetchall()
    answer: Document = {"repositories": [show(call, row) for row in found[:size]]}
    if len(found) > size:
        answer["nextToken"] = pages.sealed([found[size - 1]["name"]], query)
    return answer


@operation("DeleteRepository")
def delete(call: Call[ECR], request: Document) -> Document:
    shown: Document = {}

    def work(connection: sqlite3.Connection) -> list[int]:
        row = repository(call, request, connection)
        place = {"repository": row["id"]}
        if not request.get("force") and connection.execute(SQL["image_any"], place).fetchone()[0]:
            raise AWSError(
                "RepositoryNotEmptyException",
                f"The repository with name '{row['name']}' in registry with id '{call.account}' cannot be deleted "
                "because it still contains images",
            )
        shown.update(show(call, row))
        freed = [each["blob"] for each in connection.execute(SQL["layers_delete"], place).fetchall()]
        for upload in connection.execute(SQL["uploads_delete"], place).fetchall():
            call.state.uploads.forget(upload["id"])
            freed.append(upload["blob"])
        connection.execute(SQL["repository_delete"], {"id": row["id"]})
        connection.execute(queries("clary.store")["tag_clear"], {"arn": arn(call, row["name"])})
        return freed

    call.state.drop(work)
    return {"repository": shown}


@operation("PutImageTagMutability")
def set_mutability(call: Call[ECR], request: Document) -> Document:
    _check_mutability(request)
    members = {member: request.get(member) for member in KEPT[:2]}
    return _place(call, request) | _change(call, request, members)


@operation("PutImageScanningConfiguration")
def set_scanning(call: Call[ECR], request: Document) -> Document:
    given = {"scanOnPush": False, **request["imageScanningConfiguration"]}
    return _place(call, request) | _change(call, request, {"imageScanningConfiguration": given})


def _change(call: Call[ECR], request: Document, members: Document) -> Document:
    """Sets members of the repository; None takes one away. Returns them."""

    def work(connection: sqlite3.Connection) -> None:
        row = repository(call, request, connection)
        document = {**orjson.loads(row["document"]), **members}
        kept = {name: value for name, value in document.items() if value is not None}
        connection.execute(SQL["repository_document"], {"id": row["id"], "document": _json(kept)})

    call.state.write(work)
    return {name: value for name, value in members.items() if value is not None}


def _place(call: Call[ECR], request: Document) -> Document:
    return {"registryId": call.account, "repositoryName": request["repositoryName"]}


def _json(document: Document) -> str:
    return orjson.dumps(document).decode()
