"""What follows from the end of a run, and from the time of day: attempts, triggers, workflows.

A thread does it, woken when a run ends. What it does of a run is one transaction with the mark that it is done, so it
is done once, also after a kill -9.
"""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from clary.errors import AWSError
from clary.resource import crud
from clary.resource.call import Platform
from clary.resource.rounds import Rounds
from clary.services.glue import run, run_event, state
from clary.services.glue.run_view import shown
from clary.services.glue.state import SQL, Place

log = logging.getLogger(__name__)
LONGEST = 60.0  # seconds between two looks: the system's clock may be set


@dataclass(slots=True)
class Conductor:
    platform: Platform
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self._rounds = Rounds("glue", self._round)

    def start(self) -> None:
        self._rounds.start()

    def wake(self) -> None:
        self._rounds.wake()

    def close(self) -> None:
        self._rounds.close()

    def heard(self, arn: str) -> None:
        """Of a move of a run."""
        if run_event.tell(self.platform, arn):
            self.wake()

    def _round(self) -> float:
        """Returns in how many seconds there is more."""
        for row in self.platform.store.read().execute(SQL["run_unsettled"]).fetchall():
            self._carry_out(partial(self._settle, row))
        return LONGEST

    def _carry_out(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.platform.store.write(work)
        self.platform.wake()

    def _settle(self, row: Any, connection: sqlite3.Connection) -> None:
        """What follows from the end of the run of this row."""
        connection.execute(SQL["run_settle"], {"arn": row["arn"]})
        found = crud.find(connection, row["arn"])
        place, now = Place(row["account"], row["region"]), state.now(self.platform)
        ended = shown(connection, found)["JobRunState"]
        if ended in ("FAILED", "TIMEOUT"):
            try:
                run.again(connection, place, state.loaded(found), now)
            except AWSError as error:  # its job has as many runs as it may
                log.info("%s is not tried again: %s", row["run"], error.message)
