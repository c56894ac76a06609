"""The job engine: takes jobs as they come, runs as many as the machine bears, and takes up again what a crash left.

One thread decides (what waits, whose turn it is, what is to stop), one ships the logs, one sees to it that jobs are
measured, and every job that runs has one of its own (attempt.py). Only the deciding thread touches queue and budget;
the others post to it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import orjson

from clary.compute.driver import Driver
from clary.config import Config
from clary.jobs.attempt import Attempt, Means
from clary.jobs.budget import Budget, Places, Queue, Waiting
from clary.jobs.clearing import remove
from clary.jobs.pool import Pool, pool_of
from clary.jobs.recipe import Journal, Outcome, Recipe
from clary.jobs.records import LEASE, LeaseLost, Note, Record, Records
from clary.jobs.states import ENDED, INTERNAL
from clary.store.db import Store

log = logging.getLogger(__name__)

MOST = 64  # jobs with a thread at once, those that upload included, but not those that stand by
IDLE = 1.0  # seconds between two rounds when nobody wakes us
SHIP = 0.1  # seconds between two looks at the log files
FIRST = 1.0  # seconds between two looks whether it is time to measure
GLANCE = 0.02  # seconds between two looks at a thread that is to end
CLOSING = 5.0  # seconds for threads to come to a point where they can be left
STOPPING = Note(detail={"status": "Stopping"})  # the event is resource/crud's, written where it was asked


class Worker:
    def __init__(
        self,
        store: Store,
        driver: Driver,
        recipes: Mapping[str, Recipe],
        journal: Journal,
        config: Config,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`recipes` by service and noun: sagemaker.TrainingJob. Raises ClaryError where the driver cannot work."""
        self._folder: Path = config.home / "jobs"
        self._recipes, self._driver, self._clock = recipes, driver, clock
        self._records = Records(store, clock)
        self._closing, self._woken = threading.Event(), threading.Event()
        self._budget = Budget(driver.nodes(), config.oversubscribe)
        self._pool: Pool | None = pool_of(driver, recipes.values(), self._budget.limits, config, self._closing)
        self._means = Means(self._records, driver, journal, self._folder, clock, self._closing, self._pool)
        self._queue = Queue(self._budget)
        self._waiting: dict[int, tuple[Attempt, Waiting]] = {}
        self._active: dict[int, Attempt] = {}
        self._halted: set[int] = set()  # of the active, those that know that they are to stop
        self._told: set[int] = set()  # of the waiting, those whose user knows that they wait
        self._renewed = 0.0
        self._seen = 0
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._adding = threading.Lock()  # to the threads

    def start(self) -> None:
        """Takes up what a dead worker left, then what waits."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for record in self._records.take_over():
            if (attempt := self._attempt(record)) is not None:
                self._launch(attempt, self._places(attempt))
        kept = {attempt.record.group for attempt in self._active.values()}
        if self._pool is not None:
            pool, handles = self._pool, [attempt.record.handle for attempt in self._active.values()]
            self._run("jobs-parked", lambda: pool.keep([handle for handle in handles if handle is not None]))
        self._run("jobs-sweep", lambda: self._sweep(kept))
        self._run("jobs", lambda: self._rounds(self._round, self._pause))
        self._run("jobs-logs", lambda: self._rounds(self._ship, lambda: self._closing.wait(SHIP)))
        self._run("jobs-usage", lambda: self._rounds(self._measure, lambda: self._closing.wait(FIRST)))

    def wake(self) -> None:
        """There is a new job, or one is to stop."""
        self._woken.set()

    def close(self) -> None:
        """Leaves containers running, which the next worker adopts; those that stand by end, and it begins them anew."""
        self._closing.set()
        self._woken.set()
        deadline = time.monotonic() + CLOSING
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline and thread.name not in self._resting():
                thread.join(GLANCE)
        if self._pool is not None:
            self._pool.close()
        for attempt in list(self._active.values()):
            if attempt.need.standing:
                with suppress(LeaseLost):
                    attempt.suspend()

    def _resting(self) -> set[str]:
        return {f"job-{number}" for number, attempt in list(self._active.items()) if attempt.resting}

    def _run(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name=name, daemon=True)
        with self._adding:
            self._threads = [*(other for other in self._threads if other.is_alive()), thread]
            thread.start()

    def _rounds(self, body: Callable[[], None], pause: Callable[[], object]) -> None:
        while not self._closing.is_set():
            try:
                body()
            except Exception:
                log.exception("jobs: a round failed; the next may not")
                self._closing.wait(IDLE)
            pause()

    def _pause(self) -> None:
        self._woken.wait(IDLE)
        self._woken.clear()

    def _post(self, action: Callable[[], None]) -> None:
        self._posted.put(action)
        self._woken.set()

    def _round(self) -> None:
        while not self._posted.empty():
            self._posted.get()()
        for record in self._records.waiting(self._seen):
            self._enqueue(record)
            self._seen = record.id
        for number in self._records.stopping():
            self._halt(number)
        self._admit()
        self._tell()
        self._give_up()
        if time.monotonic() - self._renewed > LEASE / 3:
            self._renewed = time.monotonic()
            self._records.renew()

    def _attempt(self, record: Record) -> Attempt | None:
        """None: what it needs cannot be known, and the job has failed."""
        try:
            recipe = self._recipes[record.recipe]
            need = recipe.need(record.document)
            return Attempt(record, recipe, need, self._budget.limits(need.size), self._means)
        except Exception:
            log.exception("job %s: what it needs", record.id)
            self._records.move(record, "failed", Note(INTERNAL, {"status": "Failed"}))
            return None

    def _enqueue(self, record: Record) -> None:
        if (attempt := self._attempt(record)) is None:
            return
        # One that stands by and was stopped before it began waits too: whoever stopped it is heard in this round.
        if attempt.need.standing and record.id not in self._records.stopping():
            self._launch(attempt, Places())
        else:
            waiting = Waiting(record.id, attempt.need.share, self._places(attempt), self._clock())
            self._waiting[record.id] = attempt, waiting
            self._queue.add(waiting)

    def _places(self, attempt: Attempt) -> Places:
        need = attempt.need
        if need.standing:
            return Places()
        return self._budget.places(replace(need.size, instances=need.size.instances // need.together))

    def _dequeue(self, number: int) -> Attempt:
        attempt, waiting = self._waiting.pop(number)
        self._queue.remove(waiting)
        self._told.discard(number)
        return attempt

    def _admit(self) -> None:
        busy = sum(not attempt.need.standing for attempt in self._active.values())
        while busy < MOST and (waiting := self._queue.next(self._clock())):
            self._launch(self._dequeue(waiting.id), waiting.places)
            busy += 1

    def _launch(self, attempt: Attempt, places: Places) -> None:
        number, share = attempt.record.id, attempt.need.share
        self._budget.take(share, places)
        taken = [places]

        def free() -> None:
            if taken:
                self._budget.give_back(share, taken.pop())

        def over() -> None:
            free()
            del self._active[number]
            self._halted.discard(number)
            record = attempt.record
            if record.state in ENDED or self._closing.is_set() or self._records.named(record.group) is None:
                return
            if record.state == "pending":
                self._enqueue(record)
            elif (again := self._attempt(record)) is not None:
                self._launch(again, places)

        def body() -> None:
            try:
                attempt.run()
            except Exception:
                log.exception("job %s cannot be kept track of, as on a full disk; it goes on from where it was", number)
                self._closing.wait(IDLE)
            finally:
                self._post(over)

        attempt.freed = lambda: self._post(free)
        self._active[number] = attempt
        if attempt.record.stop:
            self._halt(number)
        self._run(f"job-{number}", body)

    def _halt(self, number: int) -> None:
        """Somebody asked it to stop."""
        if number in self._waiting:
            self._waiting[number][0].publish(STOPPING)
            self._abandon(number, Outcome("stopped"))
        elif number in self._active and number not in self._halted:
            self._halted.add(number)
            self._active[number].publish(STOPPING)
            self._active[number].halt()

    def _tell(self) -> None:
        """To those who wait: why."""
        free = self._budget.free
        told = []
        for place, (number, (attempt, waiting)) in enumerate(self._waiting.items()):
            if number not in self._told:
                before = f", and {place} job{'s' * (place > 1)} came before it" if place else ""
                message = f"Waiting for capacity: it needs {waiting.places}; free are {free}{before}."
                told.append((attempt, Note(message, {"status": "Pending"})))
        if told:
            self._records.tell([(attempt.record, note) for attempt, note in told])
        for attempt, note in told:
            self._told.add(attempt.record.id)
            attempt.publish(note)

    def _give_up(self) -> None:
        """On jobs that have waited for as long as they may."""
        now = self._clock()
        for number, (attempt, waiting) in list(self._waiting.items()):
            if attempt.need.wait is not None and now - waiting.since > attempt.need.wait:
                message = "There was no capacity for the job within the time that it may wait."
                self._abandon(number, Outcome("stopped", message, {"status": "MaxWaitTimeExceeded"}))

    def _abandon(self, number: int, outcome: Outcome) -> None:
        """One that waits will not be run."""
        with suppress(LeaseLost):  # its resource is gone, and its row with it
            self._waiting[number][0].end(outcome)
        self._dequeue(number)

    def _ship(self) -> None:
        """Of all that are active; one that fails keeps no other from it. Raises what the last of them raised."""
        failed: Exception | None = None
        for attempt in list(self._active.values()):
            try:
                attempt.ship()
            except Exception as error:  # noqa: BLE001 - raised below
                failed = error
        if failed is not None:
            raise failed

    def _measure(self) -> None:
        """Each in a thread of its own: one that uploads meanwhile keeps no other waiting."""
        for number, attempt in list(self._active.items()):
            if attempt.due:
                self._run(f"usage-{number}", partial(_measured, attempt))

    def _sweep(self, kept: set[str]) -> None:
        """Groups and folders of jobs that are over, if we were killed before we could clear them away."""
        for group in set(self._driver.groups()) - kept:
            row = self._records.named(group)
            if row is not None and row["state"] in ENDED and row["handle"]:
                self._driver.release(orjson.loads(row["handle"]))
        for folder in self._folder.iterdir():
            row = self._records.named(folder.name)
            if folder.name not in kept and (row is None or row["state"] in ENDED):
                remove(folder)


def _measured(attempt: Attempt) -> None:
    try:
        attempt.measure()
    except Exception:
        log.exception("job %s: what it uses", attempt.record.id)
