"""Who gives waiting invocations to replicas: one thread looks, and each invocation that runs has one.

A replica gets at most MaxConcurrentInvocationsPerInstance at a time, so no endpoint waits for another's. What runs when
Clary ends is begun anew.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceClientConfig.html
"""

import logging
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from clary.resource.rounds import Rounds
from clary.services.sagemaker.hosting import state
from clary.services.sagemaker.hosting.state import State
from clary.services.sagemaker_runtime import backlog, waiting
from clary.services.sagemaker_runtime.waiting import Backlog, Row
from clary.services.sagemaker_runtime.work import Work
from clary.store import routes

log = logging.getLogger(__name__)
AT_ONCE = 4  # per instance, where the configuration says nothing: "SageMaker chooses an optimal value"
MOST = 256  # of one endpoint that run at a time, since each has a thread
AHEAD = 64  # of one endpoint that are looked at: whether they have waited for too long
BUSY = 0.2  # seconds between two looks while any wait for a replica
AGAIN = 2.0  # seconds until a replica that did not answer is tried again, if the routing table still has it
LEAVE = 5.0  # seconds for what runs, when Clary ends


@dataclass(slots=True)
class Place:
    """A replica that can take one more."""

    replica: routes.Replica
    spec: dict[str, Any]
    weight: float
    left: int


class Run(NamedTuple):
    endpoint: str  # ARN
    replica: int  # 0: none, it is only put away


@dataclass(slots=True)
class Queue:
    work: Work
    _running: dict[int, Run] = field(default_factory=dict)  # by invocation
    _gone: dict[int, float] = field(default_factory=dict)  # replicas that do not answer, and until when to leave them
    _measured: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self._rounds = Rounds("async-queue", lambda: BUSY if self._round() else self._idle)

    @property
    def _idle(self) -> float:
        """Seconds between two looks while none waits, and between two measurements."""
        return 2 * self.work.platform.config.harvest

    def start(self) -> None:
        shutil.rmtree(self.work.folder, ignore_errors=True)  # what was on its way when we were killed
        self._rounds.start()

    def wake(self) -> None:
        self._rounds.wake()

    def close(self) -> None:
        self._rounds.close()
        deadline = time.monotonic() + LEAVE
        while self._running and time.monotonic() < deadline:
            time.sleep(0.01)

    def busy(self, replica: int) -> int:
        """How many a replica has."""
        with self._lock:
            return sum(run.replica == replica for run in self._running.values())

    def _round(self) -> bool:
        """Whether any wait for a replica."""
        connection = self.work.platform.store.read()
        found = waiting.backlog(connection)
        table = routes.read(connection)
        if time.monotonic() - self._measured >= self._idle:
            self._measured = time.monotonic()
            backlog.measure(self.work, found, table)
        for arn in found:
            self._serve(arn, table, found[arn])
        return sum(known.size for known in found.values()) > len(self._running)

    def _serve(self, arn: str, table: routes.Table, known: Backlog) -> None:
        connection = self.work.platform.store.read()
        one = state.find(connection, arn)
        with self._lock:
            running = {number for number, run in self._running.items() if run.endpoint == arn}
        rows = waiting.first(connection, arn, min(known.size, len(running) + AHEAD))
        rows = [row for row in rows if row.id not in running]
        if one is None or one.status == "Deleting" or not one.fleets:
            self._forget(rows)
            return
        now = self.work.platform.clock()
        places = self._places(one, table)
        for row in rows[: MOST - len(running)]:
            if row.created + row.asked.live < now:
                variant = one.fleets[0].variants[0]
                self._begin(row, 0, partial(self.work.expire, row, variant.name, variant.spec["role"]))
                continue
            free = [place for place in places if place.left]
            if free:
                (place,) = random.choices(free, [each.weight for each in free])  # noqa: S311 - a lottery, not a secret
                place.left -= 1
                self._begin(row, place.replica.id, partial(self.work.carry_out, row, place.replica, place.spec))

    def _places(self, one: State, table: routes.Table) -> list[Place]:
        with self._lock:
            running = Counter(run.replica for run in self._running.values())
        found = []
        for replica in table.replicas.values():
            fleet = one.fleet(replica.fleet) if replica.endpoint == one.arn else None
            if fleet is None or replica.state != "ready" or self._gone.get(replica.id, 0.0) > time.monotonic():
                continue
            variant = next((each for each in fleet.variants if each.name == replica.variant), None)
            if variant is None or variant.spec["shadow"] or fleet.share * variant.weight <= 0:
                continue
            client = fleet.settings.get("AsyncInferenceConfig", {}).get("ClientConfig", {})
            most = client.get("MaxConcurrentInvocationsPerInstance", AT_ONCE)
            weight = fleet.share * variant.weight
            found.append(Place(replica, variant.spec, weight, max(0, most - running[replica.id])))
        return found

    def _begin(self, row: Row, replica: int, work: Callable[[], bool]) -> None:
        thread = threading.Thread(target=self._do, args=(row, replica, work), name=f"async-{row.id}", daemon=True)
        with self._lock:
            self._running[row.id] = Run(row.arn, replica)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left: the next round may find one
            with self._lock:
                del self._running[row.id]
            raise

    def _do(self, row: Row, replica: int, work: Callable[[], bool]) -> None:
        try:
            if not work():
                self._leave(replica)
        except Exception:
            log.exception("%s: asynchronous invocation %s is tried again", row.arn, row.asked.inference)
            self._rounds.rest(1.0)
        finally:
            with self._lock:
                del self._running[row.id]
            self.wake()

    def _leave(self, replica: int) -> None:
        now = time.monotonic()
        with self._lock:
            self._gone = {each: until for each, until in self._gone.items() if until > now} | {replica: now + AGAIN}

    def _forget(self, rows: list[Row]) -> None:
        """Their endpoint is gone."""
        for row in rows:
            log.warning("%s is gone, and with it the asynchronous invocation %s", row.arn, row.asked.inference)
            self.work.platform.store.write(partial(waiting.remove, number=row.id))
