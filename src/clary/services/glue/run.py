"""Runs of jobs. https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from clary.errors import AWSError, NotImplementedHere
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import job, starting, state
from clary.services.glue.run_view import ENDS, shown
from clary.services.glue.starting import NOUN, Cause, start
from clary.services.glue.state import SQL, Glue, Place, detail, here, invalid, missing

TARGETS = dict.fromkeys(("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun"), ("job/{JobName}",))
UNUSED = {
    "StartJobRun": {"SecurityConfiguration", "NotificationProperty", "ExecutionClass"},
    "GetJobRun": {"PredecessorsIncluded"},  # they are always shown
}
NO_JOB = "Failed to start job run due to missing metadata."
NO_RUN = "Job Run not found."
LAST = 1 << 62
PAGE = 200


@operation("StartJobRun")
def begin(call: Call[Glue], request: Document) -> Document:
    place, name = here(call), request["JobName"]
    if request.get("ExecutionRoleSessionPolicy"):
        raise NotImplementedHere("Clary has no session policies for runs of Glue's (ExecutionRoleSessionPolicy).")

    def work(connection: sqlite3.Connection) -> str:
        row = job.get(connection, place, name, NO_JOB)
        before, asked = {}, request
        if previous := request.get("JobRunId"):
            found = get(connection, place, name, previous)
            before = state.loaded(found)
            if shown(connection, found)["JobRunState"] not in ENDS:
                raise invalid(f"Job run {previous} has not ended, and cannot be retried.")
            asked = {"Arguments": before["Arguments"], **request}
        return start(connection, place, row, asked, Cause(before=before), state.now(call.platform))

    run = call.platform.store.write(work)
    call.platform.wake()
    call.state.conductor.wake()  # of runs that wait, the first may have its turn
    return {"JobRunId": run}


def get(connection: sqlite3.Connection, place: Place, name: str, run: str) -> Any:
    """Its row of `resource`. Raises EntityNotFoundException."""
    row = state.find(connection, place, NOUN, f"{name}/{run}")
    if row is None:
        raise missing(NO_RUN)
    return row


@operation("GetJobRun", inline=True)
def show(call: Call[Glue], request: Document) -> Document:
    place, name = here(call), request["JobName"]
    with call.platform.store.moment() as connection:
        return {"JobRun": shown(connection, get(connection, place, name, request["RunId"]))}


@operation("GetJobRuns")
def every(call: Call[Glue], request: Document) -> Document:
    """The newest first."""
    place, name = here(call), request["JobName"]

    with call.platform.store.moment() as connection:

        def rows(before: list[Any]) -> Iterable[Any]:
            values = {"account": place.account, "region": place.region, "job": name}
            return connection.execute(SQL["run_page"], {**values, "before": before[0] if before else LAST})

        found, token = state.paged(call, request, rows, lambda row: [row["number"]], PAGE)
        if not found:
            job.get(connection, place, name)
        runs = [shown(connection, crud.find(connection, row["arn"])) for row in found]
    return state.answer("JobRuns", runs, token)


@operation("BatchStopJobRun")
def stop(call: Call[Glue], request: Document) -> Document:
    place, name, wanted = here(call), request["JobName"], list(dict.fromkeys(request["JobRunIds"]))

    def work(connection: sqlite3.Connection) -> list[AWSError | None]:
        return [halt(connection, place, name, run, state.now(call.platform)) for run in wanted]

    said = dict(zip(wanted, call.platform.store.write(work), strict=True))
    call.platform.wake()
    call.state.conductor.wake()
    return {
        "SuccessfulSubmissions": [{"JobName": name, "JobRunId": run} for run, error in said.items() if error is None],
        "Errors": [
            {"JobName": name, "JobRunId": run, "ErrorDetail": detail(error)}
            for run, error in said.items()
            if error is not None
        ],
    }


def halt(connection: sqlite3.Connection, place: Place, name: str, run: str, at: float) -> AWSError | None:
    """Within a transaction: asks for its end, or says why that cannot be. Wake the engine afterwards."""
    row = state.find(connection, place, NOUN, f"{name}/{run}")
    if row is None:
        return missing(NO_RUN)
    found = connection.execute(crud.SQL["job_find"], {"arn": row["arn"]}).fetchone()
    if found is None:
        starting.enter(connection, row["arn"], "stopped", at)
        return None
    if found["state"] in crud.ENDED:
        now = shown(connection, row)["JobRunState"]
        return AWSError("JobRunInTerminalStateException", f"Job run {run} is in terminal state {now}.")
    crud.halt(connection, found, at)
    return None


def again(connection: sqlite3.Connection, place: Place, document: Document, at: float) -> bool:
    """Within a transaction: whether a run that failed was begun once more, as MaxRetries of its job says."""
    if document["Attempt"] >= document["MaxRetries"]:
        return False
    row = state.find(connection, place, job.NOUN, document["JobName"])
    if row is None:
        return False
    starting.again(connection, place, row, document, at)
    return True
