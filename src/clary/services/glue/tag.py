"""Tags of jobs, triggers, workflows and the rest. https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html"""

import sqlite3

from clary.resource import crud, tags
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import state
from clary.services.glue.state import Glue, missing

TARGETS = dict.fromkeys(("TagResource", "UntagResource", "GetTags"), ("{ResourceArn}",))


def _known(call: Call[Glue], connection: sqlite3.Connection, arn: str) -> str:
    row = crud.find(connection, arn)
    if row is None or not arn.startswith(call.arn("")):
        raise missing(f"Resource {arn} not found.")
    return arn


@operation("TagResource")
def add(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        state.tag(connection, _known(call, connection, request["ResourceArn"]), request["TagsToAdd"])

    call.platform.store.write(work)
    return {}


@operation("UntagResource")
def remove(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        tags.drop(connection, _known(call, connection, request["ResourceArn"]), request["TagsToRemove"])

    call.platform.store.write(work)
    return {}


@operation("GetTags")
def show(call: Call[Glue], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        return {"Tags": tags.read(connection, _known(call, connection, request["ResourceArn"]))}
