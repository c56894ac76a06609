"""Runs of workflows. https://docs.aws.amazon.com/glue/latest/dg/running_monitoring_workflow.html"""

import sqlite3
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import state
from clary.services.glue.firing import Crawlers
from clary.services.glue.run import halt
from clary.services.glue.state import SQL, Glue, Place, here, missing
from clary.services.glue.workflow_graph import graph
from clary.services.glue.workflow_starting import OPEN, RUN, begin, get, job_runs, runs, settle, whole

TARGETS = dict.fromkeys(
    (
        *("StartWorkflowRun", "GetWorkflowRun", "GetWorkflowRuns", "StopWorkflowRun"),
        *("GetWorkflowRunProperties", "PutWorkflowRunProperties"),
    ),
    ("workflow/{Name}",),
)
COUNTED = {
    "SUCCEEDED": "SucceededActions",
    "FAILED": "FailedActions",
    "STOPPED": "StoppedActions",
    "TIMEOUT": "TimeoutActions",
    "WAITING": "WaitingActions",
    "CANCELLED": "StoppedActions",  # of a crawl
}
EVERY = ("TotalActions", "RunningActions", *COUNTED.values())
PAGE = 1000


@operation("StartWorkflowRun")
def start(call: Call[Glue], request: Document) -> Document:
    place, name, conductor = here(call), request["Name"], call.state.conductor

    def work(connection: sqlite3.Connection) -> str:
        given, at = request.get("RunProperties") or {}, state.now(call.platform)
        return begin(connection, place, name, given, at, conductor.crawlers)

    run = call.platform.store.write(work)
    call.platform.wake()
    conductor.wake()
    return {"RunId": run}


def find(connection: sqlite3.Connection, place: Place, request: Document) -> Any:
    """The row of the run that the request names. Raises EntityNotFoundException."""
    get(connection, place, request["Name"])
    row = state.find(connection, place, RUN, f"{request['Name']}/{request['RunId']}")
    if row is None:
        raise missing(f"Workflow run {request['RunId']} not found.")
    return row


def shown(
    connection: sqlite3.Connection, place: Place, row: Any, request: Document, crawlers: Crawlers | None
) -> Document:
    """A WorkflowRun. Its actions are jobs and crawlers: https://docs.aws.amazon.com/glue/latest/webapi/API_Action.html"""
    found = {**state.loaded(row), "StartedOn": row["created"]}
    started = job_runs(connection, found["WorkflowRunId"])
    crawls = crawlers.part_of(connection, found["WorkflowRunId"]) if crawlers is not None else []
    tried = {run["PreviousRunId"] for run in started if run["Attempt"]}  # what another attempt stands for
    counts = dict.fromkeys(EVERY, 0)
    ran = [run["JobRunState"] for run in started if run["Id"] not in tried]
    for each in (*ran, *(crawl["State"] for _crawler, crawl in crawls)):
        counts["TotalActions"] += 1
        counts[COUNTED.get(each, "RunningActions")] += 1
    found["Statistics"] = counts
    if request.get("IncludeGraph"):
        found["Graph"] = graph(connection, place, found["Name"], *whole(connection, place, found, crawlers))
    found.pop("Again", None)
    return found


@operation("GetWorkflowRun")
def show(call: Call[Glue], request: Document) -> Document:
    place, crawlers = here(call), call.state.conductor.crawlers
    with call.platform.store.moment() as connection:
        return {"Run": shown(connection, place, find(connection, place, request), request, crawlers)}


@operation("GetWorkflowRuns")
def every(call: Call[Glue], request: Document) -> Document:
    """The newest first."""
    place, name = here(call), request["Name"]

    with call.platform.store.moment() as connection:
        get(connection, place, name)

        def rows(after: list[Any]) -> list[Any]:
            every = runs(connection, place, name)
            return [row for row in every if not after or _place(row) > after]

        found, token = state.paged(call, request, rows, _place, PAGE)
        listed = [shown(connection, place, row, request, call.state.conductor.crawlers) for row in found]
    return state.answer("Runs", listed, token)


def _place(row: Any) -> list[Any]:
    """Among the runs of its workflow."""
    return [-row["created"], row["name"]]


@operation("StopWorkflowRun")
def stop(call: Call[Glue], request: Document) -> Document:
    """Its jobs and its crawlers. https://docs.aws.amazon.com/glue/latest/dg/workflow-stopping.html"""
    place, crawlers = here(call), call.state.conductor.crawlers

    def work(connection: sqlite3.Connection) -> None:
        row, at = find(connection, place, request), state.now(call.platform)
        document = state.loaded(row)
        if document["Status"] not in OPEN:
            said = f"Workflow run {request['RunId']} is in status {document['Status']} and cannot be stopped."
            raise AWSError("IllegalWorkflowStateException", said)
        state.change(connection, row, {**document, "Status": "STOPPING"}, at)
        for each in connection.execute(SQL["run_of_workflow"], {"workflow": request["RunId"]}).fetchall():
            halt(connection, place, each["job"], each["run"], at)
        if crawlers is not None:
            crawlers.stop_all(connection, request["RunId"])
        settle(connection, place, request["Name"], request["RunId"], at, crawlers)

    call.platform.store.write(work)
    call.platform.wake()
    call.state.conductor.wake()
    return {}


@operation("GetWorkflowRunProperties")
def properties(call: Call[Glue], request: Document) -> Document:
    row = find(call.platform.store.read(), here(call), request)
    return {"RunProperties": state.loaded(row)["WorkflowRunProperties"]}


@operation("PutWorkflowRunProperties")
def put(call: Call[Glue], request: Document) -> Document:
    """Those that are there already are replaced, others stay."""

    def work(connection: sqlite3.Connection) -> None:
        row = find(connection, here(call), request)
        document = state.loaded(row)
        had = {**document["WorkflowRunProperties"], **request["RunProperties"]}
        state.change(connection, row, {**document, "WorkflowRunProperties": had}, state.now(call.platform))

    call.platform.store.write(work)
    return {}
