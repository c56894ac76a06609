"""Job bookmarks: what the runs of a job have read, so that the next one reads what is new.
https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html

A run finds the last entry in /opt/clary-job/bookmark.json, and awsglue's Job.commit replaces its JobBookmark there.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

import orjson

from clary.resource.call import Call, Platform
from clary.resource.service import Document, operation
from clary.services.glue import job
from clary.services.glue.run_arguments import of
from clary.services.glue.state import SQL, Glue, Place, here, missing

TARGETS = dict.fromkeys(("GetJobBookmark", "ResetJobBookmark"), ("job/{JobName}",))
ENABLED: Final = "job-bookmark-enable"
OPTION: Final = "--job-bookmark-option"


@operation("GetJobBookmark")
def show(call: Call[Glue], request: Document) -> Document:
    place, name = here(call), request["JobName"]
    with call.platform.store.moment() as connection:
        row = _find(connection, place, name, request.get("RunId"))
    if row is None:
        raise missing(f"Continuation for job {name} not found.")
    return {"JobBookmarkEntry": orjson.loads(row["document"])}


@operation("ResetJobBookmark")
def reset(call: Call[Glue], request: Document) -> Document:
    """To nothing, or with a RunId to what that run left.
    https://docs.aws.amazon.com/glue/latest/webapi/API_ResetJobBookmark.html
    """
    place, name, run = here(call), request["JobName"], request.get("RunId")

    def work(connection: sqlite3.Connection) -> Document:
        row = _find(connection, place, name, run)
        if row is None:
            raise missing(f"Continuation for job {name} not found.")
        entry: Document = orjson.loads(row["document"])
        values = {"account": place.account, "region": place.region, "job": name}
        if run:
            connection.execute(SQL["bookmark_drop_after"], {**values, "number": row["number"]})
            return entry
        connection.execute(SQL["bookmark_clear"], values)
        entry = {"JobName": name, "Version": entry["Version"] + 1, "Run": 0, "Attempt": 0}
        told = {**values, "run": "", "document": orjson.dumps(entry)}
        connection.execute(SQL["bookmark_add"], told)
        return entry

    return {"JobBookmarkEntry": call.platform.store.write(work)}


def _find(connection: sqlite3.Connection, place: Place, name: str, run: str | None) -> Any:
    job.get(connection, place, name)
    values = {"account": place.account, "region": place.region, "job": name, "run": run}
    return connection.execute(SQL["bookmark_of_run" if run else "bookmark_last"], values).fetchone()


@dataclass(frozen=True, slots=True)
class Bookmarks:
    """For runs: what they are given, and what they leave."""

    platform: Platform

    def given(self, arn: str, document: Document) -> Document:
        """What the run begins with: Version, Run, Attempt, and JobBookmark, text, where a run before left one."""
        values = _values(arn, document)
        row = self.platform.store.read().execute(SQL["bookmark_last"], values).fetchone()
        last: Document = orjson.loads(row["document"]) if row else {}
        return {
            "JobName": document["JobName"],
            "RunId": document["Id"],
            "Version": last.get("Version", 0),
            "Run": last.get("Run", 0),
            "Attempt": document["Attempt"],
            "PreviousRunId": last.get("RunId"),
            "JobBookmark": last.get("JobBookmark"),
            "Option": of(document["Given"], OPTION) or "job-bookmark-disable",
        }

    def keep(self, arn: str, document: Document, left: Document | None) -> None:
        """If the run has committed, which is where it may fail afterwards. Twice is once."""
        if left is None or not left.get("Committed") or of(document["Given"], OPTION) != ENABLED:
            return
        bookmark = left.get("JobBookmark")
        values = {**_values(arn, document), "run": document["Id"]}

        def work(connection: sqlite3.Connection) -> None:
            last = connection.execute(SQL["bookmark_last"], values).fetchone()
            before: Document = orjson.loads(last["document"]) if last else {"Version": 0, "Run": 0}
            if before.get("RunId") == document["Id"]:
                return
            entry = {
                "JobName": document["JobName"],
                "Version": before["Version"] + 1,
                "Run": before["Run"] + 1,
                "Attempt": document["Attempt"],
                "RunId": document["Id"],
                "JobBookmark": bookmark if isinstance(bookmark, str) else json.dumps(bookmark),
            }
            if "RunId" in before:
                entry["PreviousRunId"] = before["RunId"]
            connection.execute(SQL["bookmark_add"], {**values, "document": orjson.dumps(entry)})

        self.platform.store.write(work)


def _values(arn: str, document: Document) -> Document:
    """Of the job of the run that has this ARN and document."""
    place = Place.of(arn)
    return {"account": place.account, "region": place.region, "job": document["JobName"]}
