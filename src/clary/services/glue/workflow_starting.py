"""How a run of a workflow begins and ends, whoever starts it: a caller, or its trigger's schedule."""

import secrets
import sqlite3
from typing import Any, Final

from clary.errors import AWSError
from clary.resource import crud
from clary.resource.service import Document
from clary.services.glue import firing, run_view, state
from clary.services.glue.firing import CONDITIONAL, Crawlers, attempt
from clary.services.glue.starting import Cause
from clary.services.glue.state import SQL, Place, missing

NOUN: Final = "Workflow"
RUN: Final = "WorkflowRun"
OPEN: Final = ("RUNNING", "STOPPING")
Parts = tuple[list[Document], list[tuple[str, Document]]]  # JobRuns, and Crawls with their crawlers' names


def get(connection: sqlite3.Connection, place: Place, name: str) -> Any:
    """The workflow's row. Raises EntityNotFoundException."""
    row = state.find(connection, place, NOUN, name)
    if row is None:
        raise missing(f"Workflow {name} not found.")
    return row


def runs(connection: sqlite3.Connection, place: Place, name: str) -> list[Any]:
    """The rows of its runs, the newest first."""
    values = {"account": place.account, "region": place.region, "from": f"{name}/", "until": f"{name}0"}
    found = connection.execute(SQL["workflow_runs"], values)
    return [row for row in found if row["name"].rpartition("/")[0] == name]  # a name may have a / itself


def begin(
    connection: sqlite3.Connection, place: Place, name: str, properties: Document, at: float, crawlers: Crawlers | None
) -> str:
    """Within a transaction: the run's id, its start trigger having fired. Raises ConcurrentRunsExceededException."""
    run = add(connection, place, name, properties, at)
    for row in firing.every(connection, place):
        trigger = state.loaded(row)
        if trigger.get("WorkflowName") == name and trigger["Type"] != CONDITIONAL:
            attempt(connection, place, trigger, Cause(workflow=name, workflow_run=run), at, crawlers)
    settle(connection, place, name, run, at, crawlers)
    return run


def add(
    connection: sqlite3.Connection,
    place: Place,
    name: str,
    properties: Document,
    at: float,
    more: Document | None = None,
) -> str:
    """Within a transaction: the id of a run in which nothing has been started yet; `more` is of its document. Raises
    ConcurrentRunsExceededException.
    """
    workflow = state.loaded(get(connection, place, name))
    had = runs(connection, place, name)
    most = workflow.get("MaxConcurrentRuns")
    if most is not None and sum(state.loaded(row)["Status"] in OPEN for row in had) >= most:
        raise AWSError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for workflow: {name}.")
    run = f"wr_{secrets.token_hex(32)}"
    document = {
        "Name": name,
        "WorkflowRunId": run,
        "WorkflowRunProperties": {**workflow.get("DefaultRunProperties", {}), **properties},
        "Status": "RUNNING",
    }
    if had:
        document["PreviousRunId"] = state.loaded(had[0])["WorkflowRunId"]
    document |= more or {}
    state.add(connection, place, RUN, f"workflowRun/{name}/{run}", f"{name}/{run}", document, at)
    return run


def settle(
    connection: sqlite3.Connection, place: Place, name: str, run: str, at: float, crawlers: Crawlers | None
) -> None:
    """Within a transaction: the run has ended if nothing of it goes on, and nothing follows."""
    row = state.find(connection, place, RUN, f"{name}/{run}")
    if row is None or (document := state.loaded(row))["Status"] not in OPEN:
        return
    for each in connection.execute(SQL["run_of_workflow"], {"workflow": run}):
        job = connection.execute(crud.SQL["job_find"], {"arn": each["arn"]}).fetchone()
        if not each["settled"] or (job is not None and job["state"] not in crud.ENDED):
            return
    if crawlers is not None and crawlers.running(connection, run):
        return
    ended = "STOPPED" if document["Status"] == "STOPPING" else "COMPLETED"
    state.change(connection, row, {**document, "Status": ended, "CompletedOn": at}, at)


def job_runs(connection: sqlite3.Connection, run: str) -> list[Document]:
    """The JobRuns that are part of it, in the order of their starts."""
    found = connection.execute(SQL["run_of_workflow"], {"workflow": run}).fetchall()
    return [run_view.shown(connection, crud.find(connection, row["arn"])) for row in found]


def whole(connection: sqlite3.Connection, place: Place, run: Document, crawlers: Crawlers | None) -> Parts:
    """What the graph of a run shows: its own parts, and of those that it has not run again (`Again` names the others)
    what the run had that it resumes. `run` is its document.
    """
    runs: list[Document] = []
    crawls: list[tuple[str, Document]] = []
    again: set[str] = set()
    while True:
        own = job_runs(connection, run["WorkflowRunId"])
        runs = [each for each in own if f"JOB/{each['JobName']}" not in again] + runs
        if crawlers is not None:
            theirs = crawlers.part_of(connection, run["WorkflowRunId"])
            crawls = [each for each in theirs if f"CRAWLER/{each[0]}" not in again] + crawls
        if "Again" not in run:
            return runs, crawls
        again |= set(run["Again"])
        row = state.find(connection, place, RUN, f"{run['Name']}/{run['PreviousRunId']}")
        if row is None:
            return runs, crawls
        run = state.loaded(row)
