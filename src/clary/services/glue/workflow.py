"""Workflows: triggers and jobs that belong together. https://docs.aws.amazon.com/glue/latest/dg/workflows_overview.html"""

import sqlite3
from typing import Any

from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import firing, state, trigger
from clary.services.glue.state import Glue, here, invalid
from clary.services.glue.workflow_graph import graph
from clary.services.glue.workflow_run import shown as shown_run
from clary.services.glue.workflow_starting import NOUN, OPEN, get, runs

_NAMED = ("CreateWorkflow", "GetWorkflow", "UpdateWorkflow", "DeleteWorkflow")
TARGETS = {**dict.fromkeys(_NAMED, ("workflow/{Name}",)), "BatchGetWorkflows": ("workflow/{Names}",)}
MEMBERS = ("Description", "DefaultRunProperties", "MaxConcurrentRuns")
SIZE = 25


@operation("CreateWorkflow")
def create(call: Call[Glue], request: Document) -> Document:
    name, place = request["Name"], here(call)

    def work(connection: sqlite3.Connection) -> None:
        if state.find(connection, place, NOUN, name) is not None:
            raise state.exists(f"Workflow {name} already exists.")
        document = {member: value for member, value in request.items() if member != "Tags"}
        arn = state.add(connection, place, NOUN, f"workflow/{name}", name, document, state.now(call.platform))
        state.tag(connection, arn, request.get("Tags") or {})

    call.platform.store.write(work)
    return {"Name": name}


def _shown(call: Call[Glue], connection: sqlite3.Connection, row: Any, request: Document) -> Document:
    found = {**state.loaded(row), "CreatedOn": row["created"], "LastModifiedOn": row["modified"]}
    if last := runs(connection, here(call), row["name"])[:1]:
        found["LastRun"] = shown_run(connection, here(call), last[0], request, call.state.conductor.crawlers)
    if request.get("IncludeGraph"):
        found["Graph"] = graph(connection, here(call), row["name"])
    return found


@operation("GetWorkflow")
def show(call: Call[Glue], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        row = get(connection, here(call), request["Name"])
        return {"Workflow": _shown(call, connection, row, request)}


@operation("ListWorkflows")
def names(call: Call[Glue], request: Document) -> Document:
    found, token = state.page(call, request, NOUN, size=SIZE)
    return state.answer("Workflows", [row["name"] for row in found], token)


@operation("BatchGetWorkflows")
def some(call: Call[Glue], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        rows = {name: state.find(connection, here(call), NOUN, name) for name in request["Names"]}
        found = [_shown(call, connection, row, request) for row in rows.values() if row is not None]
    missing = [name for name, row in rows.items() if row is None]
    return {"Workflows": found, **({"MissingWorkflows": missing} if missing else {})}


@operation("UpdateWorkflow")
def update(call: Call[Glue], request: Document) -> Document:
    """What it does not say stays."""
    name = request["Name"]

    def work(connection: sqlite3.Connection) -> None:
        row = get(connection, here(call), name)
        given = {member: request[member] for member in MEMBERS if member in request}
        state.change(connection, row, {**state.loaded(row), **given}, state.now(call.platform))

    call.platform.store.write(work)
    return {"Name": name}


@operation("DeleteWorkflow")
def delete(call: Call[Glue], request: Document) -> Document:
    """With its triggers and its past runs. One that is not there: no exception is thrown."""
    name, place = request["Name"], here(call)

    def work(connection: sqlite3.Connection) -> None:
        row = state.find(connection, place, NOUN, name)
        if row is None:
            return
        past = runs(connection, place, name)
        if any(state.loaded(run)["Status"] in OPEN for run in past):
            raise invalid(f"Workflow {name} has runs that go on, and cannot be deleted.")
        for each in firing.every(connection, place):
            if state.loaded(each).get("WorkflowName") == name:
                trigger.forget(connection, each["arn"])
        for run in past:
            crud.forget(connection, run["arn"])
        crud.forget(connection, row["arn"])

    call.platform.store.write(work)
    return {"Name": name}
