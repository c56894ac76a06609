"""What acts: an alarm that goes off, or stays so, lets its policies say how much there should be.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from clary.errors import AWSError, Invalid
from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.services.application_autoscaling import activity, adjust, alarm, target, variant
from clary.services.application_autoscaling.policy import CONFIGURATION, STEPS, TRACKING
from clary.services.application_autoscaling.state import SQL, Document
from clary.services.cloudwatch import query, state
from clary.services.cloudwatch.metrics import SQL as ALARMS
from clary.services.cloudwatch.metrics import Metrics
from clary.services.cloudwatch.series import Series
from clary.services.cloudwatch.watch import MORE, period
from clary.services.sagemaker.hosting import state as hosted
from clary.services.sagemaker.hosting.controller import Hosting

log = logging.getLogger(__name__)
COOLDOWN = 300  # seconds: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html


@dataclass(frozen=True, slots=True)
class Wish:
    """What one policy says, asked by one alarm."""

    policy: str
    alarm: str  # and the state that it is in
    capacity: int
    out: int  # cooldowns
    into: int


@dataclass(slots=True)
class Scaler:
    platform: Platform
    hosting: Hosting
    metrics: Metrics
    _lock: threading.Lock = field(default_factory=threading.Lock)  # one change after the other

    def heard(self, event: Event) -> None:
        """Of the bus: of alarms, and of endpoints."""
        if event.source == "aws.cloudwatch" and event.detail_type == "CloudWatch Alarm State Change":
            self._alarmed(event.region, event.detail["alarmName"])
        elif event.source == "aws.sagemaker" and "EndpointStatus" in event.detail:
            self._settle(event)

    def look(self) -> None:
        """At all targets: what is in ALARM state still wants what it wanted."""
        connection = self.platform.store.read()
        targets = connection.execute(SQL["target_every"]).fetchall()
        every = connection.execute(ALARMS["alarm_every"]) if targets else ()
        ringing = [row for row in every if row["state"] == "ALARM"]
        for row in targets:
            self._consider(row, [one for one in ringing if one["region"] == row["region"]])
        activity.forget(self.platform)

    def _alarmed(self, region: str, name: str) -> None:
        connection = self.platform.store.read()
        row = connection.execute(ALARMS["alarm_find"], {"region": region, "name": name}).fetchone()
        if row is None or not any(":scalingPolicy:" in arn for arn in alarm.asked(row)):
            return
        for each in connection.execute(SQL["target_every"]).fetchall():
            if each["region"] == region:
                self._consider(each, [row])

    def _consider(self, row: Any, ringing: list[Any]) -> None:
        """Whether the target, a row, is to change because of these alarms."""
        with self._lock:
            try:
                self._act(row, ringing)
            except Invalid as error:  # its endpoint is gone, or not what it was
                log.info("scaling %s: %s", row["resource"], error)

    def _act(self, row: Any, ringing: list[Any]) -> None:
        connection = self.platform.store.read()
        place = {name: row[name] for name in ("region", "resource", "dimension")}
        policies = connection.execute(SQL["policy_of"], place).fetchall()
        asked = [(policy, one) for policy in policies for one in ringing if policy["arn"] in alarm.asked(one)]
        if not asked:
            return
        endpoint = variant.arn(row["region"], self.platform.config.account_id, row["resource"])
        one, found = variant.find(connection, endpoint, row["resource"])
        if not one.steady:
            return  # it is being changed: in a minute, what still holds is looked at again
        now, capacity = self.platform.clock(), variant.current(found, row["dimension"])
        row = connection.execute(SQL["target_find"], place).fetchone()
        if row is None:
            return
        memory, document = orjson.loads(row["memory"]), orjson.loads(row["document"])
        growing = memory.get("out", {}) if memory.get("out", {}).get("until", 0) > now else {}
        base = growing.get("from", capacity)  # what was added lately counts towards what is asked now
        out = [wish for policy, each in asked if (wish := self._wish(policy, each, base)) and wish.capacity > capacity]
        suspended = document["SuspendedState"]
        if out and not suspended["DynamicScalingOutSuspended"]:
            wish = max(out, key=lambda each: each.capacity)
            until = growing.get("until") or now + wish.out
            self._set(row, wish, capacity, {"out": {"until": until, "from": base}})
            return
        if out or growing or memory.get("into", 0) > now or suspended["DynamicScalingInSuspended"]:
            return
        into = [wish for policy, each in asked if (wish := self._wish(policy, each, capacity)) is not None]
        into = [wish for wish in into if wish.capacity < capacity]
        if into and self._agreed(policies, {policy["arn"] for policy, _ in asked}):
            wish = max(into, key=lambda each: each.capacity)
            self._set(row, wish, capacity, {"into": now + wish.into})

    def _agreed(self, policies: list[Any], asked: set[str]) -> bool:
        """Whether all policies that track a target find that there is too much."""
        connection = self.platform.store.read()
        for policy in policies:
            document = orjson.loads(policy["document"])
            lows = [one["AlarmName"] for one in document["Alarms"] if "-AlarmLow-" in one["AlarmName"]]
            if document["PolicyType"] != TRACKING or policy["arn"] in asked:
                continue
            values = {"region": policy["region"]}
            rows = [connection.execute(ALARMS["alarm_find"], {**values, "name": name}).fetchone() for name in lows]
            if any(row is None or row["state"] != "ALARM" for row in rows):
                return False
        return True

    def _wish(self, policy: Any, ringing: Any, capacity: int) -> Wish | None:
        document = orjson.loads(policy["document"])
        configuration = document[CONFIGURATION[document["PolicyType"]]]
        watched = orjson.loads(ringing["document"])
        value = self._value(policy["region"], watched)
        rings = f"{ringing['name']} in state {ringing['state']}"
        above = watched.get("ComparisonOperator", "").startswith("Greater")
        if document["PolicyType"] == STEPS:
            beyond = 0.0 if value is None else value - watched["Threshold"]
            wanted = adjust.stepped(capacity, beyond, above, configuration)
            cooldown = configuration.get("Cooldown", COOLDOWN)
            return Wish(document["PolicyName"], rings, wanted, cooldown, cooldown)
        if value is None:
            return None  # without data there is no proportion
        wanted = adjust.tracked(capacity, value, configuration["TargetValue"])
        out, into = (configuration.get(f"Scale{way}Cooldown", COOLDOWN) for way in ("Out", "In"))
        return Wish(document["PolicyName"], rings, max(wanted, capacity) if above else wanted, out, into)

    def _value(self, region: str, watched: Document) -> float | None:
        """The newest of what an alarm watches."""
        if "Threshold" not in watched:
            return None
        queries, now = state.queries(watched), self.platform.clock()
        length = period(watched, queries)
        end = now // min(60, length) * min(60, length) + length  # the period that goes on is one of them
        start = end - (watched["EvaluationPeriods"] + MORE + 1) * length
        shown = next(one["Id"] for one in queries if one.get("ReturnData", True))
        try:
            found = query.values(self.metrics, region, queries, (start, end))[shown]
        except AWSError as error:
            log.warning("scaling: what %s watches cannot be read: %s", watched["AlarmName"], error)
            return None
        return found.values[max(found.values)] if isinstance(found, Series) and found.values else None

    def _set(self, row: Any, wish: Wish, capacity: int, memory: Document) -> None:
        document = orjson.loads(row["document"])
        wanted = min(max(wish.capacity, document["MinCapacity"]), document["MaxCapacity"])
        if wanted == capacity or (wanted > capacity) is not (wish.capacity > capacity):
            return
        cause = f"monitor alarm {wish.alarm} triggered policy {wish.policy}"
        if self.change(row, wanted, cause):
            values = {"arn": row["arn"], "memory": orjson.dumps(memory)}
            self.platform.store.write(lambda connection: connection.execute(SQL["target_remember"], values))

    def change(self, row: Any, wanted: int, cause: str) -> bool:
        """The target's capacity is to be this; whether that has begun."""
        arn = variant.arn(row["region"], self.platform.config.account_id, row["resource"])
        name = variant.split(row["resource"])[1]
        begun = activity.begin(self.platform, row, wanted, cause)
        try:
            variant.resize(self.hosting, arn, name, row["dimension"], wanted)
        except AWSError as error:
            activity.end(self.platform, begun, error.message)
            return False
        return True

    def bound(self, row: Any, change: Document, name: str) -> None:
        """A scheduled action: other bounds, and the capacity within them.
        https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
        """
        place = {name: row[name] for name in ("region", "resource", "dimension")}

        def work(connection: sqlite3.Connection) -> Any:
            had = connection.execute(SQL["target_find"], place).fetchone()
            document = {**orjson.loads(had["document"]), **change}
            document["MaxCapacity"] = max(document["MaxCapacity"], change.get("MinCapacity", 0))
            document["MinCapacity"] = min(document["MinCapacity"], document["MaxCapacity"])
            stored = {**place, "arn": had["arn"], "document": orjson.dumps(document), "now": had["created"]}
            connection.execute(SQL["target_put"], stored)
            return document

        with self._lock:
            document = self.platform.store.write(work)
            connection = self.platform.store.read()
            arn = variant.arn(row["region"], self.platform.config.account_id, row["resource"])
            _, found = variant.find(connection, arn, row["resource"])
            capacity = variant.current(found, row["dimension"])
            wanted = min(max(capacity, document["MinCapacity"]), document["MaxCapacity"])
            if wanted != capacity:
                bound = "minimum" if wanted > capacity else "maximum"
                self.change(row, wanted, f"{bound} capacity was set to {wanted} by scheduled action {name}")

    def _settle(self, event: Event) -> None:
        """An endpoint that is done with what was asked, or goes."""
        arn = event.detail["EndpointArn"]
        one = hosted.find(self.platform.store.read(), arn)
        prefix = f"endpoint/{one.name if one else event.detail['EndpointName']}/variant/"
        gone = one is None or one.status == "Deleting"
        if one is not None and one.steady:
            activity.settle(self.platform, event.region, prefix, one.reason)
        if gone or (one is not None and one.status == "InService"):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-delete.html
            fleets = () if one is None or gone else one.fleets
            self._drop(event.region, prefix, {each.name for fleet in fleets for each in fleet.variants})

    def _drop(self, region: str, prefix: str, left: set[str]) -> None:
        """The targets of an endpoint's variants, but for those that are left."""
        rows = self.platform.store.read().execute(SQL["target_every"]).fetchall()
        here = [row for row in rows if row["region"] == region and row["resource"].lower().startswith(prefix.lower())]
        for row in here:
            if variant.split(row["resource"])[1] not in left:
                self.platform.store.write(partial(target.remove, self.platform, row=row))
