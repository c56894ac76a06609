"""What follows from the end of a run, and from the time of day: attempts, triggers, workflows.

A thread does it, woken when a run ends. What it does of a run is one transaction with the mark that it is done, so it
is done once, also after a kill -9.
"""

import logging
import sqlite3
from functools import partial
from typing import Any

from clary.errors import AWSError
from clary.resource import crud
from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.resource.rounds import Rounds
from clary.services.glue import firing, run, run_event, starting, state, trigger, workflow_starting
from clary.services.glue.firing import Crawlers
from clary.services.glue.job import NOUN as JOB
from clary.services.glue.run_view import shown
from clary.services.glue.starting import Cause
from clary.services.glue.state import SQL, Document, Place

log = logging.getLogger(__name__)
LONGEST = 60.0  # seconds between two looks: the system's clock may be set
STOPPING = "STOPPING"
KEPT = 90 * 86400.0  # seconds: https://docs.aws.amazon.com/glue/latest/dg/view-job-runs.html


class Conductor(Rounds):
    """To be woken when a run has ended, or a trigger has another time."""

    def __init__(self, platform: Platform) -> None:
        super().__init__("glue", self._round)
        self.platform = platform
        self.crawlers: Crawlers | None = None

    def crawled(self, connection: sqlite3.Connection, place: Place, ended: Document) -> None:
        """Within a transaction: a crawler that a trigger had started has ended. `ended` has CrawlerName, State, Id, and
        within a workflow WorkflowName and WorkflowRunId. Wake the engine afterwards.
        """
        at, of = state.now(self.platform), ended.get("WorkflowRunId", "")
        if not self._stops(connection, place, ended.get("WorkflowName", ""), of):
            firing.heard(connection, place, ended, at, self.crawlers)
        if of:
            workflow_starting.settle(connection, place, ended["WorkflowName"], of, at, self.crawlers)

    def tidy(self) -> None:
        """Forgets runs that ended long ago."""
        store, before = self.platform.store, {"before": self.platform.clock() - KEPT}

        def work(connection: sqlite3.Connection) -> None:
            for row in connection.execute(SQL["run_past"], before).fetchall():
                connection.execute(SQL["run_remove"], {"arn": row["arn"]})
                crud.forget(connection, row["arn"])
            for row in connection.execute(SQL["workflow_run_past"], before).fetchall():
                if state.loaded(crud.find(connection, row["arn"]))["Status"] not in workflow_starting.OPEN:
                    crud.forget(connection, row["arn"])

        if any(store.read().execute(SQL[name], before).fetchone() for name in ("run_past", "workflow_run_past")):
            store.write(work)

    def _round(self) -> float:
        """Returns in how many seconds there is more."""
        store = self.platform.store
        for row in store.read().execute(SQL["run_unsettled"]).fetchall():
            try:
                event = store.write(partial(self._settle, row))
            except Exception:  # it is looked at anew in the next round, and keeps no other from its turn
                log.exception("what follows from %s", row["arn"])
                continue
            self.platform.wake()
            if event is not None:
                self.platform.bus.publish(event)
        if store.read().execute(SQL["run_queued"]).fetchone() is not None:
            failed = store.write(self._admit)
            self.platform.wake()
            if failed:
                return 0.0
        now = self.platform.clock()
        first = store.read().execute(SQL["due_next"]).fetchone()
        if first is None or first["at"] > now:
            return LONGEST if first is None else min(LONGEST, first["at"] - now)
        store.write(partial(self._due, first["arn"]))
        self.platform.wake()
        return 0.0

    def _admit(self, connection: sqlite3.Connection) -> bool:
        """Runs that wait for their turns begin, as far as there is room; those whose job is gone have failed. Whether
        there were such.
        """
        at, failed = state.now(self.platform), False
        for row in connection.execute(SQL["run_queued"]).fetchall():
            place = Place(row["account"], row["region"])
            found = state.find(connection, place, JOB, row["job"])
            if found is None or starting.has_room(connection, place, found):
                starting.enter(connection, row["arn"], "failed" if found is None else "pending", at)
            failed = failed or found is None
        return failed

    def _due(self, arn: str, connection: sqlite3.Connection) -> None:
        """The trigger's time has come. One that was missed while Clary was away fires once."""
        row, at = crud.find(connection, arn), state.now(self.platform)
        if row is None:  # it was deleted just now
            return
        found = state.loaded(row)
        trigger.plan(connection, arn, found, at)
        place = Place.of(arn)
        if name := found.get("WorkflowName"):
            try:
                workflow_starting.begin(connection, place, name, {}, at, self.crawlers)
            except AWSError as error:
                log.warning("trigger %s: %s", found["Name"], error.message)
        else:
            firing.attempt(connection, place, found, Cause(), at, self.crawlers)

    def _settle(self, row: Any, connection: sqlite3.Connection) -> Event | None:
        """What follows from the end of the run of this row. Returns what the bus is to be told of it."""
        connection.execute(SQL["run_settle"], {"arn": row["arn"]})
        found, at = crud.find(connection, row["arn"]), state.now(self.platform)
        if found is None:
            return None
        ended, place = shown(connection, found), Place(row["account"], row["region"])
        self._follow(connection, place, row, state.loaded(found), ended["JobRunState"], at)
        return run_event.of(ended, place, at)

    def _follow(
        self, connection: sqlite3.Connection, place: Place, row: Any, document: Document, ended: str, at: float
    ) -> None:
        workflow, of = document.get("WorkflowName", ""), row["workflow"]
        if not self._stops(connection, place, workflow, of):
            if ended in ("FAILED", "TIMEOUT") and self._again(connection, place, document, at):
                return
            if row["trigger"]:  # what users start themselves, triggers do not hear of
                told = {"JobName": row["job"], "State": ended, "Id": row["run"]}
                told |= {"WorkflowName": workflow, "WorkflowRunId": of} if of else {}
                firing.heard(connection, place, told, at, self.crawlers)
        if of:
            workflow_starting.settle(connection, place, workflow, of, at, self.crawlers)

    def _stops(self, connection: sqlite3.Connection, place: Place, workflow: str, of: str) -> bool:
        row = state.find(connection, place, workflow_starting.RUN, f"{workflow}/{of}") if of else None
        return row is not None and state.loaded(row)["Status"] == STOPPING

    def _again(self, connection: sqlite3.Connection, place: Place, document: Document, at: float) -> bool:
        try:
            return run.again(connection, place, document, at)
        except AWSError as error:  # its job has as many runs as it may
            log.info("%s is not tried again: %s", document["Id"], error.message)
            return False
