"""Model cards: their content is kept in versions, their status belongs to the newest one.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards-manage.html
"""

import json
import sqlite3

from clary.errors import Invalid
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation

VERSIONED = ("ModelCardName", "ModelCardVersion", "ModelCardStatus", "Content", "SecurityConfig")


def _checked(request: Document) -> None:
    try:
        content = json.loads(request.get("Content", "{}"))
    except ValueError as error:
        raise Invalid(f"Model card content is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise Invalid("Model card content must be a JSON object.")


def _version(call: Call[Nouns], document: Document) -> Document:
    """What a version keeps of its card."""
    kept = {member: document[member] for member in VERSIONED if member in document}
    return {**kept, "ModelCardArn": call.state.plans["ModelCard"].locate(call, document)}


@operation("CreateModelCard")
def create(call: Call[Nouns], request: Document) -> Document:
    _checked(request)
    plan = call.state.plans["ModelCard"]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        arn = plan.locate(call, document)
        if crud.find(connection, arn) is not None:
            raise plan.exists(call.operation, arn, document)
        document["ModelCardVersion"] = 1
        crud.add(call.state.plans["ModelCardVersion"], call, connection, _version(call, document), {})

    return crud.create(plan, call, request, hook)


@operation("UpdateModelCard")
def update(call: Call[Nouns], request: Document) -> Document:
    if "Content" in request and "ModelCardStatus" in request:
        raise Invalid("You cannot update both model card content and model card status in a single call.")
    _checked(request)
    versions = call.state.plans["ModelCardVersion"]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        if "Content" in request:
            document["ModelCardVersion"] += 1
            crud.add(versions, call, connection, _version(call, document), {})
        else:
            found = _version(call, document)
            crud.change(versions, call, connection, versions.locate(call, found), found)

    return crud.update(call.state.plans["ModelCard"], call, request, hook)


@operation("DescribeModelCard", inline=True)
def describe(call: Call[Nouns], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        return _described(call, connection, request)


def _described(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> Document:
    plan, versions = call.state.plans["ModelCard"], call.state.plans["ModelCardVersion"]
    row = crud.get(plan, call, connection, request)
    shown = crud.show(plan, connection, row)
    if request.get("IncludedData") == "MetadataOnly":
        shown["Content"] = "{}"
    if (wanted := request.get("ModelCardVersion")) is None:
        return shown
    name = crud.loaded(row)["ModelCardName"]
    version = crud.get(versions, call, connection, {"ModelCardName": name, "ModelCardVersion": wanted})
    kept = {**shown, **crud.pruned(plan, crud.loaded(version))}
    return kept | {"CreationTime": version["created"], "LastModifiedTime": version["modified"]}


@operation("DeleteModelCard")
def delete(call: Call[Nouns], request: Document) -> Document:
    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        for row in pages.every(call.state.plans["ModelCardVersion"], call, connection):
            if crud.loaded(row)["ModelCardName"] == document["ModelCardName"]:
                crud.forget(connection, row["arn"])

    return crud.delete(call.state.plans["ModelCard"], call, request, hook)


def versions(call: Call[Nouns], request: Document) -> pages.Keep:
    """ListModelCardVersions: those of one card, which must be there."""
    row = crud.get(call.state.plans["ModelCard"], call, call.platform.store.read(), request)
    name = crud.loaded(row)["ModelCardName"]
    return lambda found: bool(found["ModelCardName"] == name)
