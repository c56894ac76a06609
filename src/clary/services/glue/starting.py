"""How a run begins, whoever starts it: a caller, a trigger, or the failure of the run before it."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final

from clary.errors import AWSError
from clary.resource import crud
from clary.resource.service import Document
from clary.services.glue import capacity, state
from clary.services.glue.capacity import SHELL
from clary.services.glue.job_check import arguments, minutes
from clary.services.glue.state import SQL, Place

NOUN: Final = "JobRun"
RECIPE: Final = "glue.JobRun"
GROUPS: Final = {True: "/aws-glue/python-jobs", False: "/aws-glue/jobs"}  # by whether it is a Python shell
OPTIONS: Final = ("MaxCapacity", "AllocatedCapacity", "WorkerType", "NumberOfWorkers")
KEPT: Final = ("Timeout", "NotificationProperty", "SecurityConfiguration", "ExecutionClass", "JobRunQueuingEnabled")


@dataclass(frozen=True, slots=True)
class Cause:
    """Who starts it, and the document of the run that it tries again, if there is one."""

    trigger: str = ""
    workflow: str = ""  # its name
    workflow_run: str = ""
    predecessors: tuple[Document, ...] = ()
    before: Document = field(default_factory=dict)


def start(connection: sqlite3.Connection, place: Place, job: Any, request: Document, cause: Cause, at: float) -> str:
    """Within a transaction: the run's id. `job` is the job's row, `request` has what the run changes of it. Raises
    InvalidInputException and ConcurrentRunsExceededException. Wake the engine afterwards.
    """
    room = has_room(connection, place, job) and not _queue(connection, place, job)
    return _start(connection, place, job, request, cause, at, room=room)


def _start(
    connection: sqlite3.Connection, place: Place, job: Any, request: Document, cause: Cause, at: float, *, room: bool
) -> str:
    definition = state.loaded(job)
    name = job["name"]
    values = {"account": place.account, "region": place.region, "job": name}
    document = _document(job["arn"], definition, request, cause)
    run = document["Id"]
    if not room and not document.get("JobRunQueuingEnabled"):
        raise AWSError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}")
    arn = state.add(connection, place, NOUN, f"jobRun/{name}/{run}", f"{name}/{run}", document, at)
    told = {**values, "run": run, "arn": arn, "workflow": cause.workflow_run, "trigger": cause.trigger}
    connection.execute(SQL["run_add"], told)
    if room:
        enter(connection, arn, "pending", at)
    return str(run)


def has_room(connection: sqlite3.Connection, place: Place, job: Any) -> bool:
    """Whether the job may have one more run now, be it of those that wait."""
    values = {"account": place.account, "region": place.region, "job": job["name"]}
    most: int = state.loaded(job)["ExecutionProperty"]["MaxConcurrentRuns"]
    return len(connection.execute(SQL["run_open"], values).fetchall()) < most


def _queue(connection: sqlite3.Connection, place: Place, job: Any) -> bool:
    """Whether runs of the job wait for their turn, which is before that of one that comes now."""
    values = {"account": place.account, "region": place.region, "job": job["name"]}
    return connection.execute(SQL["run_waiting"], values).fetchone() is not None


def enter(connection: sqlite3.Connection, arn: str, first: str, at: float) -> None:
    """Within a transaction: the run, which may have waited for its turn until now, becomes a job of the engine."""
    connection.execute(crud.SQL["job_add"], {"arn": arn, "recipe": RECIPE, "state": first, "due": at})
    event = {"arn": arn, "at": at, "state": first, "message": "", "detail": None}
    connection.execute(crud.SQL["event_add"], event)


def _document(job_arn: str, definition: Document, request: Document, cause: Cause) -> Document:
    """All that the run needs: what becomes of its job meanwhile is none of its business."""
    minutes(request.get("Timeout"))
    shell = definition["Command"]["Name"] == SHELL
    document: Document = {
        "JobName": definition["Name"],
        "JobId": f"j_{hashlib.sha256(job_arn.encode()).hexdigest()}",
        "Attempt": 0,
        "JobMode": definition["JobMode"],
        "Arguments": request.get("Arguments") or {},
        "GlueVersion": definition["GlueVersion"],
        "LogGroupName": GROUPS[shell],
        "Command": definition["Command"],
        "RoleArn": definition["RoleArn"],
        "Undated": definition.get("Undated", False),
        "MaxRetries": definition["MaxRetries"],
        **_capacity(definition, request),
    }
    for member in KEPT:
        if (value := request.get(member, definition.get(member))) is not None:
            document[member] = value
    document["Given"] = {
        **(definition.get("DefaultArguments") or {}),
        **document["Arguments"],
        **(definition.get("NonOverridableArguments") or {}),
    }
    arguments(document["Given"], document["Command"]["ScriptLocation"])
    document["Id"] = f"jr_{secrets.token_hex(32)}"
    if before := cause.before:
        attempt = before["Attempt"] + 1
        first = before["Id"].partition("_attempt_")[0]
        document |= {"Attempt": attempt, "PreviousRunId": before["Id"], "Id": f"{first}_attempt_{attempt}"}
    if cause.trigger:
        document["TriggerName"] = cause.trigger
    if cause.predecessors:
        document["PredecessorRuns"] = list(cause.predecessors)
    if cause.workflow:
        document |= {"WorkflowName": cause.workflow, "WorkflowRunId": cause.workflow_run}
    return document


def _capacity(definition: Document, request: Document) -> Document:
    """The run's own, where it says one; else the job's."""
    asked: Document = {member: request[member] for member in OPTIONS if request.get(member) is not None}
    if not asked:
        return {member: definition[member] for member in OPTIONS if member in definition}
    if {"WorkerType", "NumberOfWorkers"} & asked.keys():
        typed = ("WorkerType", "NumberOfWorkers")
        asked = {**{member: definition[member] for member in typed if member in definition}, **asked}
    return capacity.settle({"Command": definition["Command"], **asked})


def again(connection: sqlite3.Connection, place: Place, job: Any, run: Document, at: float) -> str:
    """Within a transaction: the same run once more, as its job says by MaxRetries, in the place of the run before."""
    request: Document = {member: run[member] for member in ("Arguments", *KEPT) if member in run}
    cause = Cause(
        run.get("TriggerName", ""),
        run.get("WorkflowName", ""),
        run.get("WorkflowRunId", ""),
        tuple(run.get("PredecessorRuns", ())),
        run,
    )
    room = has_room(connection, place, job)
    return _start(connection, place, job, {**request, **_asked(run)}, cause, at, room=room)


def _asked(run: Document) -> Document:
    """Of capacity: members that go together."""
    members = ("WorkerType", "NumberOfWorkers") if "WorkerType" in run else ("MaxCapacity",)
    return {member: run[member] for member in members}
