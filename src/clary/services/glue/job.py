"""Jobs: a script in S3, and how it is run.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
"""

import sqlite3
from typing import Any

from clary.resource import crud, tags
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import state
from clary.services.glue.job_check import checked
from clary.services.glue.state import SQL, Glue, here, missing

NOUN = "Job"
TARGETS = {
    **dict.fromkeys(("CreateJob",), ("job/{Name}",)),
    **dict.fromkeys(("GetJob", "UpdateJob", "DeleteJob"), ("job/{JobName}",)),
    "BatchGetJobs": ("job/{JobNames}",),
}
_KEPT = ("LogUri", "Connections", "SecurityConfiguration", "NotificationProperty")
_KEPT_TOO = ("CodeGenConfigurationNodes", "SourceControlDetails", "MaintenanceWindow", "ExecutionClass")
INNER = ("RoleArn", "Undated")  # what no answer has
UNUSED = {
    "CreateJob": {*_KEPT, *_KEPT_TOO},
    "UpdateJob": {f"JobUpdate.{member}" for member in (*_KEPT, *_KEPT_TOO)},
}


@operation("CreateJob")
def create(call: Call[Glue], request: Document) -> Document:
    name = request["Name"]
    document = checked(call, {member: value for member, value in request.items() if member != "Tags"})

    def work(connection: sqlite3.Connection) -> None:
        place, now = here(call), state.now(call.platform)
        found = state.find(connection, place, NOUN, name)
        if found is not None:
            raise state.submitted("Job", name, same=state.loaded(found) == document)
        arn = state.add(connection, place, NOUN, f"job/{name}", name, document, now)
        state.tag(connection, arn, request.get("Tags") or {})

    call.platform.store.write(work)
    return {"Name": name}


def get(connection: sqlite3.Connection, place: state.Place, name: str, said: str = "Job not found.") -> Any:
    """The row. Raises EntityNotFoundException."""
    row = state.find(connection, place, NOUN, name)
    if row is None:
        raise missing(said)
    return row


def shown(row: Any) -> Document:
    document = {member: value for member, value in state.loaded(row).items() if member not in INNER}
    return {**document, "CreatedOn": row["created"], "LastModifiedOn": row["modified"]}


@operation("GetJob", inline=True)
def show(call: Call[Glue], request: Document) -> Document:
    return {"Job": shown(get(call.platform.store.read(), here(call), request["JobName"]))}


@operation("GetJobs")
def every(call: Call[Glue], request: Document) -> Document:
    found, token = state.page(call, request, NOUN)
    return state.answer("Jobs", map(shown, found), token)


@operation("ListJobs")
def names(call: Call[Glue], request: Document) -> Document:
    found, token = state.page(call, request, NOUN, tagged(call, request))
    return state.answer("JobNames", [row["name"] for row in found], token)


def tagged(call: Call[Glue], request: Document) -> Any:
    """A filter on rows: those that have all tags that the request gives."""
    wanted = (request.get("Tags") or {}).items()
    return lambda row: not wanted or wanted <= tags.read(call.platform.store.read(), row["arn"]).items()


@operation("BatchGetJobs")
def some(call: Call[Glue], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        rows = {name: state.find(connection, here(call), NOUN, name) for name in request["JobNames"]}
    return {
        "Jobs": [shown(row) for row in rows.values() if row is not None],
        "JobsNotFound": [name for name, row in rows.items() if row is None],
    }


@operation("UpdateJob")
def update(call: Call[Glue], request: Document) -> Document:
    """What is not in JobUpdate is reset: https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateJob.html"""
    name = request["JobName"]
    get(call.platform.store.read(), here(call), name)
    document = checked(call, {**request["JobUpdate"], "Name": name})

    def work(connection: sqlite3.Connection) -> None:
        state.change(connection, get(connection, here(call), name), document, state.now(call.platform))

    call.platform.store.write(work)
    call.state.conductor.wake()  # runs that wait may have room now
    return {"JobName": name}


@operation("DeleteJob")
def delete(call: Call[Glue], request: Document) -> Document:
    """One that is not there: "no exception is thrown". Its past runs go with it; those that run go on.
    https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteJob.html
    """
    name, place = request["JobName"], here(call)

    def work(connection: sqlite3.Connection) -> None:
        row = state.find(connection, place, NOUN, name)
        if row is None:
            return
        values = {"account": place.account, "region": place.region, "job": name}
        for run in connection.execute(SQL["run_over"], values).fetchall():
            crud.forget(connection, run["arn"])
            connection.execute(SQL["run_remove"], {"arn": run["arn"]})
        connection.execute(SQL["bookmark_clear"], values)
        crud.forget(connection, row["arn"])

    call.platform.store.write(work)
    call.state.conductor.wake()  # its runs that wait have failed
    return {"JobName": name}
