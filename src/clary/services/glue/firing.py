"""Triggers fire: their actions start jobs and crawlers."""

import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Protocol

from clary.errors import AWSError
from clary.resource.service import Document
from clary.services.glue import state
from clary.services.glue.job import NOUN as JOB
from clary.services.glue.starting import Cause, start
from clary.services.glue.state import SQL, Place, missing

log = logging.getLogger(__name__)
NOUN: Final = "Trigger"
CONDITIONAL, SCHEDULED, ON_DEMAND = "CONDITIONAL", "SCHEDULED", "ON_DEMAND"
ACTIVATED: Final = "ACTIVATED"


class Crawlers(Protocol):
    """What triggers know of crawlers. When one has ended, whoever runs it calls conductor.Conductor.crawled."""

    def known(self, connection: sqlite3.Connection, place: Place, name: str) -> bool: ...

    def start(self, connection: sqlite3.Connection, place: Place, name: str, cause: Cause, at: float) -> None:
        """Within a transaction. Raises AWS's errors, as for one that runs already."""

    def running(self, connection: sqlite3.Connection, workflow_run: str) -> bool:
        """Whether one goes on that is part of this run of a workflow."""

    def part_of(self, connection: sqlite3.Connection, workflow_run: str) -> list[tuple[str, Document]]:
        """The crawls that are part of it, in the order of their starts: a crawler's name, and a Crawl."""

    def stop_all(self, connection: sqlite3.Connection, workflow_run: str) -> None:
        """Within a transaction: those that go on are to end."""


def every(connection: sqlite3.Connection, place: Place) -> Iterator[Any]:
    """The rows of all triggers."""
    values = {"type": NOUN, "account": place.account, "region": place.region, "after": ""}
    yield from connection.execute(SQL["thing_page"], values).fetchall()


def fire(
    connection: sqlite3.Connection, place: Place, trigger: Document, cause: Cause, at: float, crawlers: Crawlers | None
) -> list[str]:
    """Within a transaction: the runs of jobs that its actions start. Raises AWS's errors for the first that cannot be;
    the transaction is to be undone then.
    """
    started = []
    for action in trigger["Actions"]:
        if name := action.get("CrawlerName"):
            if crawlers is None:
                raise missing(f"Crawler {name} not found.")
            crawlers.start(connection, place, name, replace(cause, trigger=trigger["Name"]), at)
            continue
        row = state.find(connection, place, JOB, action["JobName"])
        if row is None:
            raise missing(f"Job {action['JobName']} not found.")
        request = {member: value for member, value in action.items() if member != "JobName"}
        started.append(start(connection, place, row, request, replace(cause, trigger=trigger["Name"]), at))
    return started


def attempt(
    connection: sqlite3.Connection, place: Place, trigger: Document, cause: Cause, at: float, crawlers: Crawlers | None
) -> None:
    """As `fire`, for whom nobody waits: each action by itself, and one that cannot be is told to the log."""
    for action in trigger["Actions"]:
        connection.execute("SAVEPOINT action")
        try:
            fire(connection, place, {**trigger, "Actions": [action]}, cause, at, crawlers)
        except AWSError as error:
            connection.execute("ROLLBACK TO action")
            log.warning("trigger %s: %s", trigger["Name"], error.message)
        connection.execute("RELEASE action")


def heard(connection: sqlite3.Connection, place: Place, ended: Document, at: float, crawlers: Crawlers | None) -> None:
    """Within a transaction: what waits for this. `ended` has JobName or CrawlerName, State, Id, and of a run that is
    part of a workflow WorkflowName and WorkflowRunId.
    """
    for row in every(connection, place):
        trigger = state.loaded(row)
        if trigger["Type"] != CONDITIONAL or trigger["State"] != ACTIVATED:
            continue
        if trigger.get("WorkflowName", "") != ended.get("WorkflowName", ""):
            continue
        _weigh(connection, place, row["arn"], trigger, ended, at, crawlers)


def _weigh(
    connection: sqlite3.Connection,
    place: Place,
    arn: str,
    trigger: Document,
    ended: Document,
    at: float,
    crawlers: Crawlers | None,
) -> None:
    conditions, of = trigger["Predicate"]["Conditions"], ended.get("WorkflowRunId", "")
    met = [number for number, condition in enumerate(conditions) if meets(condition, ended)]
    if not met:
        return
    values = {"arn": arn, "workflow": of}
    for number in met:
        told = {**values, "number": number, "job": ended.get("JobName", ""), "run": ended["Id"]}
        connection.execute(SQL["met_put"], told)
    found = connection.execute(SQL["met_all"], values).fetchall()
    if trigger["Predicate"].get("Logical", "AND") == "AND" and len(found) < len(conditions):
        return
    before = tuple({"JobName": each["job"], "RunId": each["run"]} for each in found if each["job"])
    connection.execute(SQL["met_clear"], values)
    cause = Cause(workflow=ended.get("WorkflowName", ""), workflow_run=of, predecessors=before)
    attempt(connection, place, trigger, cause, at, crawlers)


def meets(condition: Document, ended: Document) -> bool:
    """`ended` is as in `heard`."""
    if "JobName" in condition:
        return bool(condition["JobName"] == ended.get("JobName") and condition.get("State") == ended["State"])
    return bool(
        condition.get("CrawlerName") == ended.get("CrawlerName", ()) and condition.get("CrawlState") == ended["State"]
    )
