"""Classifiers: how crawlers are told what files are, before they find out by themselves.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-classifiers.html
"""

import re
import sqlite3
from typing import Any, Final

from clary.errors import AWSError, NotImplementedHere
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.state import Document, Glue, exists, here, invalid, missing

CLASSIFIER: Final = "classifier"
KINDS: Final = ("CsvClassifier", "JsonClassifier")
ABSENT: Final = ("GrokClassifier", "XMLClassifier")
PATH: Final = re.compile(r"\$(\.\w+|\[(\*|\d+)\]|\['[^']+'\])*")
SERDES: Final = ("LazySimpleSerDe", "OpenCSVSerDe", "None")


@operation("CreateClassifier")
def create(call: Call[Glue], request: Document) -> Document:
    kind, given = _given(request)
    platform = call.platform
    now = state.now(platform)

    def work(connection: sqlite3.Connection) -> None:
        place, name = here(call), given["Name"]
        if state.find(connection, place, CLASSIFIER, name) is not None:
            raise exists(f"Classifier with name {name} already exists")
        document = {kind: {**given, "CreationTime": now, "LastUpdated": now, "Version": 1}}
        state.add(connection, place, CLASSIFIER, f"classifier/{name}", name, document, now)

    platform.store.write(work)
    return {}


@operation("GetClassifier", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    return {"Classifier": state.loaded(find(call, call.platform.store.read(), request["Name"]))}


@operation("GetClassifiers")
def get_all(call: Call[Glue], request: Document) -> Document:
    found, token = state.page(call, request, CLASSIFIER)
    return state.answer("Classifiers", map(state.loaded, found), token)


@operation("UpdateClassifier")
def update(call: Call[Glue], request: Document) -> Document:
    """What is not said stays."""
    kind, given = _given(request, new=False)
    platform = call.platform

    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, given["Name"])
        had = state.loaded(row)
        if kind not in had:
            raise invalid(f"Classifier {given['Name']} is no {kind}.")
        now = state.now(platform)
        changed = {**had[kind], **given, "LastUpdated": now, "Version": had[kind]["Version"] + 1}
        state.change(connection, row, {kind: changed}, now)

    platform.store.write(work)
    return {}


@operation("DeleteClassifier")
def delete(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        crud.forget(connection, find(call, connection, request["Name"])["arn"])

    call.platform.store.write(work)
    return {}


def find(call: Call[Glue], connection: sqlite3.Connection, name: str) -> Any:
    """Its row. Raises EntityNotFoundException."""
    row = state.find(connection, here(call), CLASSIFIER, name)
    if row is None:
        raise missing(f"Classifier with name {name} does not exist")
    return row


def _given(request: Document, *, new: bool = True) -> tuple[str, Document]:
    """Its kind and what is said of it. Raises InvalidInputException and NotImplementedHere."""
    said = [kind for kind in (*KINDS, *ABSENT) if kind in request]
    if len(said) != 1:
        raise invalid("Exactly one classifier must be given.")
    (kind,) = said
    if kind in ABSENT:
        raise NotImplementedHere(f"Clary's crawlers have no {kind}: they have CsvClassifier and JsonClassifier.")
    given: Document = request[kind]
    if new:
        given = {"ContainsHeader": "UNKNOWN"} | given if kind == "CsvClassifier" else given
    if error := _wrong(given):
        raise error
    return kind, given


def _wrong(given: Document) -> AWSError | None:
    path = given.get("JsonPath", "$")
    if not PATH.fullmatch(path):
        return invalid(f"The JSON path {path} cannot be read: it may have .name, ['name'], [0] and [*].")
    if len(given.get("Delimiter", ",")) != 1 or len(given.get("QuoteSymbol", '"')) != 1:
        return invalid("Delimiter and quote symbol are one character each.")
    if given.get("Delimiter") and given.get("Delimiter") == given.get("QuoteSymbol"):
        return invalid("Delimiter and quote symbol cannot be the same.")
    if given.get("Serde", "None") not in SERDES:
        return invalid(f"Serde is one of {', '.join(SERDES)}.")
    return None
