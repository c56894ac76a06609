"""The thread that carries out scheduled actions when they are due."""

import logging
import sqlite3
from typing import Any

import orjson

from clary.errors import Invalid
from clary.resource.call import Platform
from clary.resource.rounds import Rounds
from clary.services.application_autoscaling import action
from clary.services.application_autoscaling.scaler import Scaler
from clary.services.application_autoscaling.state import SQL

log = logging.getLogger(__name__)
LONGEST = 60.0  # seconds between two looks: the system's clock may be set


class Clock(Rounds):
    """To be woken when there is another scheduled action."""

    def __init__(self, platform: Platform, scaler: Scaler) -> None:
        super().__init__("schedule", self._round)
        self.platform, self.scaler = platform, scaler

    def _round(self) -> float:
        """Carries out the first that is due. Returns in how many seconds there is more."""
        row = self.platform.store.read().execute(SQL["action_due"]).fetchone()
        now = self.platform.clock()
        if row is None or row["due"] > now:
            return LONGEST if row is None else min(LONGEST, row["due"] - now)
        self._carry_out(row, now)
        return 0.0

    def _carry_out(self, row: Any, now: float) -> None:
        """Once, also if Clary ends meanwhile: that it is done is written first."""
        document = orjson.loads(row["document"])
        values = {"arn": row["arn"], "due": action.due(document, now, row["created"])}

        def work(connection: sqlite3.Connection) -> Any:
            connection.execute(SQL["action_move"], values)
            place = {name: row[name] for name in ("region", "resource", "dimension")}
            return connection.execute(SQL["target_find"], place).fetchone()

        target = self.platform.store.write(work)
        if target is None or orjson.loads(target["document"])["SuspendedState"]["ScheduledScalingSuspended"]:
            return
        try:
            self.scaler.bound(target, document["ScalableTargetAction"], row["name"])
        except Invalid as error:  # its endpoint is gone, or not what it was
            log.info("scheduled action %s: %s", row["name"], error)
