"""The hosting controller: makes of each endpoint what it should be.

One thread. Whoever changes what an endpoint should be, or learns that something of it has changed, wakes it; it then
does the next step of each endpoint of which something has changed. All that it knows is in the tables, but for who is
being asked for its health: so after a restart it goes on where it was.
"""

import functools
import logging
import math
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from clary.resource import crud
from clary.resource.call import Platform
from clary.resource.rounds import Rounds
from clary.services.sagemaker.hosting import deployment, state
from clary.services.sagemaker.hosting.health import Health
from clary.services.sagemaker.hosting.plane import Plane
from clary.services.sagemaker.hosting.rest import Rest
from clary.services.sagemaker.hosting.round import IDLE, Replica, Round, Trace
from clary.services.sagemaker.hosting.state import Fleet, State, Variant

log = logging.getLogger(__name__)

BUSY = 0.05  # seconds between two rounds, at least; one that has changed something is followed by another
DRAIN = 60.0  # seconds that a replica has for what it was asked; AWS's limit for an answer
PART = 0.1  # of the time that a replica has been answering what is left: so long until it is asked again
AGAIN, LONGEST = 1.0, 60.0  # seconds before a replica that ended by itself is replaced: twice as many each time


class Overtaken(Exception):
    """Somebody changed an endpoint while a round was looking at it: the next one begins from there."""


@dataclass(slots=True)
class Hosting:
    """For each endpoint whose state has changed, `sync` is called within the transaction that keeps that, and `tell`
    once it is on the disk.
    """

    platform: Platform
    plane: Plane
    sync: Callable[[sqlite3.Connection, State, float], None]
    tell: Callable[[State], None]
    alarm: Callable[[str, str], bool]  # whether the CloudWatch alarm of a region and name is in ALARM state
    busy: Callable[[int], int] = lambda _: 0  # how many requests a replica has that the data plane does not know of
    needed: Callable[[], None] = lambda: None  # there are endpoints: the data plane has something to do
    turns: int = 0  # rounds so far
    _turned: threading.Condition = field(default_factory=threading.Condition)  # notified after each
    _draining: dict[int, float] = field(default_factory=dict)  # since when
    _broken: dict[tuple[str, str, str], tuple[int, float]] = field(default_factory=dict)  # how often in a row, and when
    _resting: dict[str, Trace] = field(default_factory=dict)  # of which there is nothing to do as long as they stay so
    _health: Health = field(init=False)
    _rest: Rest = field(init=False)
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self._health = Health(self.wake)
        self._rest = Rest(self.platform.config.serverless_idle)
        self._rounds = Rounds("hosting", self.round)

    def start(self) -> None:
        self._rounds.start()

    def wake(self) -> None:
        self._rounds.wake()

    def want(self, arn: str, name: str) -> None:
        """Somebody waits for a replica of this serverless variant."""
        self._rest.wanted(arn, name, self.platform.clock())

        def work(connection: sqlite3.Connection) -> bool:
            one = state.find(connection, arn)
            every = [variant for fleet in one.fleets for variant in fleet.variants] if one is not None else []
            empty = [each for each in every if each.name == name and each.spec["serverless"] and not each.count]
            for variant in empty:
                variant.count = 1
            if one is not None and empty:
                state.put(connection, one)
            return bool(empty)

        if self.platform.store.write(work):
            self.wake()

    def turn(self, after: int, seconds: float) -> None:
        """Returns once there were more rounds than `after`, or after so many seconds."""
        with self._turned:
            self._turned.wait_for(lambda: self.turns > after, seconds)

    def close(self) -> None:
        self._health.close()
        self._rounds.close()

    def round(self) -> float:
        """One look at every endpoint. In how many seconds the next is due, if nobody wakes us."""
        try:
            return self._round()
        except Overtaken:
            return 0.0

    def _round(self) -> float:
        store = self.platform.store
        told = functools.cache(self.plane.state)
        now = Round.begin(store.read(), self.platform.clock(), self.alarm, told, self._resting)
        if now.traces:
            self.needed()
        before = {arn: trace[0] for arn, trace in now.awake.items() if trace[0]}
        every = [state.read(document) for document in before.values()]
        resting = {arn: self._resting[arn] for arn in now.traces.keys() - now.awake.keys()}
        for one in every:
            if self._rests(one, now) and orjson.dumps(one) == before[one.arn]:
                resting[one.arn] = now.awake[one.arn]
        for arn in now.replicas.keys() - before.keys():  # their endpoint is gone
            self._dissolve(now.replicas[arn], now)
        changed = [one for one in every if orjson.dumps(one) != before[one.arn]]
        if now.work or changed:
            store.write(lambda connection: self._keep(connection, now, changed, before))
        if now.wake:
            self.platform.wake()
        if now.routed:
            self.plane.refresh()
        for one in changed:
            self.tell(one)
        self._resting = resting
        with self._turned:
            self.turns += 1
            self._turned.notify_all()
        return BUSY if changed or now.work else max(BUSY, min(IDLE, now.due - now.now))

    def _keep(self, connection: sqlite3.Connection, now: Round, changed: list[State], before: dict[str, bytes]) -> None:
        for one in changed:
            stored = state.find(connection, one.arn)
            if stored is None or orjson.dumps(stored) != before[one.arn]:
                raise Overtaken
            state.put(connection, one)
            self.sync(connection, one, now.now)
        for work in now.work:
            work(connection)

    def _rests(self, one: State, now: Round) -> bool:
        """Does what is to be done next; whether that was nothing, and will be until something of it changes."""
        work, due = len(now.work), now.due
        now.due = math.inf
        self._reconcile(one, now)
        rests = len(now.work) == work and now.due == math.inf
        now.due = min(now.due, due)
        return rests

    def _reconcile(self, one: State, now: Round) -> None:
        if one.status == "Deleting":
            self._delete(one, now)
            return
        for fleet in one.fleets:
            for variant in fleet.variants:
                self._fill(one, fleet, variant, now)
        deployment.advance(one, now)
        fleets = {fleet.id for fleet in one.fleets}
        self._dissolve([each for each in now.replicas.get(one.arn, []) if each.document["Fleet"] not in fleets], now)
        now.route(one.arn, deployment.route(one))
        if not one.steady:
            now.wait()

    def _fill(self, one: State, fleet: Fleet, variant: Variant, now: Round) -> None:
        """As many replicas as there should be; of a fleet that was complete once, also in place of those that end."""
        every = now.of(one, fleet, variant)
        self._rest.look(one, fleet, variant, every, now)
        for replica in every:
            self._look(replica, variant, now)
        there = [replica for replica in every if not replica.leaving]
        ended = [replica for replica in every if replica.ended]
        missing = variant.count - len(there)
        if fleet.complete:
            patient = self._patient((one.arn, fleet.id, variant.name), ended, now)
            for replica in ended:
                self._clear(replica, now)
        else:
            patient = bool(ended)  # the fleet has failed
        for _ in range(0 if patient else missing):
            now.add(one, fleet, variant)
        for replica in sorted(there, key=lambda each: (each.ready, -each.id))[: max(0, -missing)]:
            self._drain(replica, now)
        for replica in every:
            self._part(replica, now)
        if any(not replica.ready for replica in there):
            now.wait()

    def _patient(self, key: tuple[str, str, str], ended: list[Replica], now: Round) -> bool:
        """Whether to wait before those that ended are replaced, since others before them did too."""
        count, last = self._broken.get(key, (0, 0.0))
        if now.now - last > 2 * LONGEST:
            count = 0
        if any(replica.state == "failed" for replica in ended):
            count, last = count + 1, now.now
            self._broken[key] = count, last
        pause = min(LONGEST, AGAIN * 2.0 ** min(count - 2, 10)) if count > 1 else 0.0
        if now.now - last >= pause:
            return False
        now.look_at(last + pause)
        return True

    def _look(self, replica: Replica, variant: Variant, now: Round) -> None:
        """At its health, until that is known."""
        entry = replica.entry
        if entry is None or entry.state != "starting" or replica.state != "running" or replica.stop:
            return
        said = self._health.found(replica.id)
        if said is None:
            self._health.ask(entry, variant.spec["startup"])
        elif said:
            log.warning("%s: %s", replica.arn, said)
            now.halt(replica)
        else:
            self._health.forget(replica.id)
            now.enter(replica, "ready")

    def _drain(self, replica: Replica, now: Round) -> None:
        """No new requests for it; it ends once it has answered those that it has."""
        if replica.ready:
            self._draining[replica.id] = now.now
            now.enter(replica, "draining")
        elif not replica.leaving:
            now.halt(replica)

    def _part(self, replica: Replica, now: Round) -> None:
        """The further way of one that is to go."""
        if replica.stop or replica.ended:
            self._health.forget(replica.id)
            self._draining.pop(replica.id, None)
        elif replica.leaving:
            since = self._draining.setdefault(replica.id, now.now)
            lasts = now.now - since
            # What a round before this one wrote, the data plane knows: `refresh` has returned.
            if lasts and (lasts > DRAIN or not now.running(replica.id) + self.busy(replica.id)):
                now.halt(replica)
            else:
                now.look_at(now.now + PART * lasts)

    def _clear(self, replica: Replica, now: Round) -> None:
        self._health.forget(replica.id)
        self._draining.pop(replica.id, None)
        now.forget(replica)

    def _dissolve(self, replicas: list[Replica], now: Round) -> None:
        """Until none of them is left."""
        for replica in replicas:
            now.wait()
            if replica.ended:
                self._clear(replica, now)
            else:
                self._drain(replica, now)
                self._part(replica, now)

    def _delete(self, one: State, now: Round) -> None:
        now.route(one.arn, None)
        left = now.replicas.get(one.arn, [])
        self._dissolve(left, now)
        if not left:
            self._rest.forget(one.arn)
            self._broken = {key: known for key, known in self._broken.items() if key[0] != one.arn}

            def work(connection: sqlite3.Connection) -> None:
                state.remove(connection, one.arn)
                crud.forget(connection, one.arn)

            now.work.append(work)
