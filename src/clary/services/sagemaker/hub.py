"""Private hubs and what is in them: models, notebooks and other documents, in versions.
https://docs.aws.amazon.com/sagemaker/latest/dg/jumpstart-curated-hubs.html
"""

import json
import sqlite3

from clary.errors import Invalid
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation


def _of(request: Document) -> str:
    """A hub is named by its name or its ARN."""
    return str(request["HubName"]).rsplit("/", 1)[-1]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _versions(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> list[Document]:
    """The versions of a content, newest first. Raises for a missing hub."""
    crud.get(call.state.plans["Hub"], call, connection, {"HubName": _of(request)})
    plan = call.state.plans["HubContent"]
    rows = (pages.document(plan, row) for row in pages.every(plan, call, connection))
    wanted = (_of(request), request["HubContentType"], request["HubContentName"])
    mine = [row for row in rows if (row["HubName"], row["HubContentType"], row["HubContentName"]) == wanted]
    return sorted(mine, key=lambda row: _number(row["HubContentVersion"]), reverse=True)


@operation("ImportHubContent")
def create(call: Call[Nouns], request: Document) -> Document:
    try:
        json.loads(request["HubContentDocument"])
    except ValueError as error:
        raise Invalid(f"HubContentDocument is not valid JSON: {error}") from error
    hub = call.arn(f"hub/{_of(request)}")
    request = {"HubContentVersion": "1.0.0", **request, "HubName": _of(request), "HubArn": hub}
    plan = call.state.plans["HubContent"]
    crud.create(plan, call, request)
    return {"HubArn": hub, "HubContentArn": plan.locate(call, {**request, "HubContentArn": None})}


@operation("DescribeHubContent")
def describe(call: Call[Nouns], request: Document) -> Document:
    """Without a version: the newest."""
    plan = call.state.plans["HubContent"]
    wanted = request.get("HubContentVersion")
    with call.platform.store.moment() as connection:
        found = [row for row in _versions(call, connection, request) if wanted in (None, row["HubContentVersion"])]
        if not found:
            raise plan.missing(call.operation, plan.locate(call, {**request, "HubName": _of(request)}), request)
        return crud.show(plan, connection, crud.find(connection, found[0]["HubContentArn"]))


@operation("UpdateHubContent")
def update(call: Call[Nouns], request: Document) -> Document:
    return crud.update(call.state.plans["HubContent"], call, {**request, "HubName": _of(request)})


@operation("DeleteHubContent")
def delete(call: Call[Nouns], request: Document) -> Document:
    return crud.delete(call.state.plans["HubContent"], call, {**request, "HubName": _of(request)})


def newest(call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListHubContents: of each content in the hub, the newest version."""
    connection = call.platform.store.read()
    crud.get(call.state.plans["Hub"], call, connection, {"HubName": _of(request)})
    plan = call.state.plans["HubContent"]
    latest: dict[str, tuple[int, ...]] = {}
    hub, kind = _of(request), request["HubContentType"]
    for row in pages.every(plan, call, connection):
        found = crud.loaded(row)
        if (found["HubName"], found["HubContentType"]) == (hub, kind):
            name = found["HubContentName"]
            latest[name] = max(latest.get(name, ()), _number(found["HubContentVersion"]))
    return lambda found: (
        (found["HubName"], found["HubContentType"]) == (hub, kind)
        and latest.get(found["HubContentName"]) == _number(found["HubContentVersion"])
        and _schema(request, found)
    )


def versions(call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListHubContentVersions: all versions of one content."""
    mine = {row["HubContentArn"] for row in _versions(call, call.platform.store.read(), request)}
    least = _number(request.get("MinVersion", "0"))
    return lambda found: (
        found["HubContentArn"] in mine and _number(found["HubContentVersion"]) >= least and _schema(request, found)
    )


def _schema(request: Document, found: Document) -> bool:
    most = request.get("MaxSchemaVersion")
    return most is None or _number(found["DocumentSchemaVersion"]) <= _number(most)
