"""Triggers: what starts jobs and crawlers. https://docs.aws.amazon.com/glue/latest/dg/about-triggers.html"""

import sqlite3
from typing import Any

from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import state, workflow_starting
from clary.services.glue.firing import ACTIVATED, CONDITIONAL, NOUN, ON_DEMAND, SCHEDULED, fire
from clary.services.glue.job import tagged
from clary.services.glue.starting import Cause
from clary.services.glue.state import SQL, Glue, Place, here, invalid, missing
from clary.services.glue.trigger_check import check

_NAMED = ("CreateTrigger", "GetTrigger", "UpdateTrigger", "DeleteTrigger", "StartTrigger", "StopTrigger")
TARGETS = {**dict.fromkeys(_NAMED, ("trigger/{Name}",)), "BatchGetTriggers": ("trigger/{TriggerNames}",)}
UNUSED = {"CreateTrigger": {"EventBatchingCondition"}, "UpdateTrigger": {"TriggerUpdate.EventBatchingCondition"}}
MEMBERS = ("Description", "Schedule", "Actions", "Predicate")
SIZE = 200
ON = (CONDITIONAL, SCHEDULED)  # what can be switched on and off


@operation("CreateTrigger")
def create(call: Call[Glue], request: Document) -> Document:
    name, place = request["Name"], here(call)
    document = {"State": "CREATED", **{member: value for member, value in request.items() if member != "Tags"}}
    started = document.pop("StartOnCreation", False)
    if started and request["Type"] not in ON:
        raise invalid(f"StartOnCreation is not supported for triggers of type {request['Type']}.")
    if started:
        document["State"] = ACTIVATED

    def work(connection: sqlite3.Connection) -> None:
        found = state.find(connection, place, NOUN, name)
        if found is not None:
            raise state.submitted("Trigger", name, same=state.loaded(found) == document)
        check(connection, place, document, call.state.conductor.crawlers)
        at = state.now(call.platform)
        arn = state.add(connection, place, NOUN, f"trigger/{name}", name, document, at)
        state.tag(connection, arn, request.get("Tags") or {})
        plan(connection, arn, document, at)

    call.platform.store.write(work)
    call.state.conductor.wake()
    return {"Name": name}


def plan(connection: sqlite3.Connection, arn: str, trigger: Document, after: float) -> None:
    """Within a transaction: when it is due next, or that it is not."""
    on = trigger["Type"] == SCHEDULED and trigger["State"] == ACTIVATED
    at = state.due(trigger["Schedule"])(after, 0.0) if on else None
    if at is None:
        connection.execute(SQL["due_remove"], {"arn": arn})
    else:
        connection.execute(SQL["due_put"], {"arn": arn, "at": at})


def get(connection: sqlite3.Connection, place: Place, name: str) -> Any:
    """The row. Raises EntityNotFoundException."""
    row = state.find(connection, place, NOUN, name)
    if row is None:
        raise missing(f"Trigger {name} not found.")
    return row


@operation("GetTrigger")
def show(call: Call[Glue], request: Document) -> Document:
    return {"Trigger": state.loaded(get(call.platform.store.read(), here(call), request["Name"]))}


def _page(call: Call[Glue], request: Document) -> tuple[list[Any], str]:
    """Those that can start DependentJobName; "if there is no such trigger, all triggers are returned".
    https://docs.aws.amazon.com/glue/latest/webapi/API_GetTriggers.html
    """
    wanted, by_tags = request.get("DependentJobName"), tagged(call, request)

    def starts(row: Any) -> bool:
        return any(action.get("JobName") == wanted for action in state.loaded(row)["Actions"])

    found, token = state.page(call, request, NOUN, lambda row: (not wanted or starts(row)) and by_tags(row), SIZE)
    if wanted and not found and not request.get("NextToken"):
        return state.page(call, request, NOUN, by_tags, SIZE)
    return found, token


@operation("GetTriggers")
def every(call: Call[Glue], request: Document) -> Document:
    found, token = _page(call, request)
    return state.answer("Triggers", map(state.loaded, found), token)


@operation("ListTriggers")
def names(call: Call[Glue], request: Document) -> Document:
    found, token = _page(call, request)
    return state.answer("TriggerNames", [row["name"] for row in found], token)


@operation("BatchGetTriggers")
def some(call: Call[Glue], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        rows = {name: state.find(connection, here(call), NOUN, name) for name in request["TriggerNames"]}
    return {
        "Triggers": [state.loaded(row) for row in rows.values() if row is not None],
        "TriggersNotFound": [name for name, row in rows.items() if row is None],
    }


@operation("UpdateTrigger")
def update(call: Call[Glue], request: Document) -> Document:
    """What TriggerUpdate does not say stays."""
    name, place = request["Name"], here(call)
    given = {member: request["TriggerUpdate"][member] for member in MEMBERS if member in request["TriggerUpdate"]}

    def work(connection: sqlite3.Connection) -> Document:
        row = get(connection, place, name)
        document = {**state.loaded(row), **given}
        check(connection, place, document, call.state.conductor.crawlers)
        at = state.now(call.platform)
        state.change(connection, row, document, at)
        connection.execute(SQL["met_remove"], {"arn": row["arn"]})
        plan(connection, row["arn"], document, at)
        return document

    document = call.platform.store.write(work)
    call.state.conductor.wake()
    return {"Trigger": document}


@operation("DeleteTrigger")
def delete(call: Call[Glue], request: Document) -> Document:
    """One that is not there: no exception is thrown."""
    name = request["Name"]

    def work(connection: sqlite3.Connection) -> None:
        if (row := state.find(connection, here(call), NOUN, name)) is not None:
            forget(connection, row["arn"])

    call.platform.store.write(work)
    return {"Name": name}


def forget(connection: sqlite3.Connection, arn: str) -> None:
    """Within a transaction."""
    connection.execute(SQL["due_remove"], {"arn": arn})
    connection.execute(SQL["met_remove"], {"arn": arn})
    crud.forget(connection, arn)


def switch(call: Call[Glue], connection: sqlite3.Connection, row: Any, to: str) -> None:
    """Within a transaction."""
    document, at = {**state.loaded(row), "State": to}, state.now(call.platform)
    state.change(connection, row, document, at)
    connection.execute(SQL["met_remove"], {"arn": row["arn"]})
    plan(connection, row["arn"], document, at)


@operation("StartTrigger")
def begin(call: Call[Glue], request: Document) -> Document:
    """One on demand fires, and is then as it was; in a workflow, that begins a run of it."""
    name, place, conductor = request["Name"], here(call), call.state.conductor

    def work(connection: sqlite3.Connection) -> None:
        row, at = get(connection, place, name), state.now(call.platform)
        trigger = state.loaded(row)
        if trigger["Type"] in ON:
            switch(call, connection, row, ACTIVATED)
        elif workflow := trigger.get("WorkflowName"):
            workflow_starting.begin(connection, place, workflow, {}, at, conductor.crawlers)
        else:
            fire(connection, place, trigger, Cause(), at, conductor.crawlers)

    call.platform.store.write(work)
    call.platform.wake()
    conductor.wake()
    return {"Name": name}


@operation("StopTrigger")
def stop(call: Call[Glue], request: Document) -> Document:
    name = request["Name"]

    def work(connection: sqlite3.Connection) -> None:
        row = get(connection, here(call), name)
        if state.loaded(row)["Type"] == ON_DEMAND:
            raise invalid(f"Trigger {name} is of type {ON_DEMAND}: it has nothing to stop.")
        switch(call, connection, row, "DEACTIVATED")

    call.platform.store.write(work)
    return {"Name": name}
