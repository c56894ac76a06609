"""What is shown of a run: its document, and its state out of the engine's job and events.
https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html
"""

import sqlite3
from typing import Any, Final

from clary.jobs.view import detail, entered
from clary.resource import crud
from clary.resource.service import Document
from clary.services.glue import state

STATES: Final = {
    "pending": "STARTING",
    "preparing": "STARTING",
    "running": "RUNNING",
    "finishing": "RUNNING",
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "stopped": "STOPPED",
}
ENDS: Final = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")
TIMEOUT: Final = "TIMEOUT"
QUEUED: Final = "Max concurrent runs per job exceeded"
INNER: Final = frozenset(
    {"Command", "RoleArn", "Given", "Undated", "JobId", "MaxRetries", "WorkflowName", "WorkflowRunId"}
)  # what no answer of AWS's has


def shown(connection: sqlite3.Connection, row: Any) -> Document:
    """A JobRun, of a row of `resource`."""
    document, arn = state.loaded(row), {"arn": row["arn"]}
    job = connection.execute(crud.SQL["job_find"], arn).fetchone()
    events = connection.execute(crud.SQL["event_all"], arn).fetchall()
    found = {member: value for member, value in document.items() if member not in INNER}
    found |= {"StartedOn": row["created"], "LastModifiedOn": row["modified"], "ExecutionTime": 0}
    if job is None:  # no job of the engine's yet: it waits for its turn among the runs of its own job
        return {**found, "JobRunState": "WAITING", "StateDetail": QUEUED}
    last = events[-1]
    found["JobRunState"] = now = _state(job, last)
    if now not in ENDS:
        return found
    began = entered(events, "running")
    seconds = last["at"] - began if began else 0.0
    found |= {"CompletedOn": last["at"], "ExecutionTime": round(seconds)}
    if now in ("FAILED", TIMEOUT) and last["message"]:
        found["ErrorMessage"] = last["message"]
    if document.get("ExecutionClass") == "FLEX":
        found["DPUSeconds"] = round(seconds * document["MaxCapacity"], 1)
    return found


def _state(job: Any, last: Any) -> str:
    known = STATES[job["state"]]
    if known not in ENDS:
        return "STOPPING" if job["stop"] else known
    return TIMEOUT if detail(last).get("status") == TIMEOUT else known
