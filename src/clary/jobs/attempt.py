"""One attempt of a job, in a thread of its own: from the claim to the last event, or from where a dead worker left it.

What must not happen twice is on the disk before it happens: the handle before the start, how the instances ended before
their places are given back. What may happen twice (prepare, finish) is written so that it may.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from clary.compute import parked
from clary.compute.driver import Driver, Handle, Instance, Launch, Size, Spec
from clary.errors import AWSError, ClaryError
from clary.jobs.clearing import remove
from clary.jobs.meter import Meter
from clary.jobs.pool import Pool
from clary.jobs.recipe import GRACE, Ended, Job, JobFailed, JobStopped, Journal, Need, Outcome, Recipe
from clary.jobs.records import LeaseLost, Note, Record, Records
from clary.jobs.states import INTERNAL, STATUSES
from clary.jobs.tail import Tail, Tails

log = logging.getLogger(__name__)

GANG_GRACE = 10.0  # seconds that the others of a group have when one has failed
GLANCE = 0.05  # seconds between two looks at a group that is ending
LOOK = 30.0  # and at one that runs: `wait` returns by itself when something happens
CROWDED = 60.0  # seconds for which a driver may have no places although the budget has: others have just ended
IDLE = 0.2  # seconds between two attempts at that
UNKNOWN = 60.0  # seconds after which an instance that nobody can tell of counts as lost
DISK = (
    OSError,
    sqlite3.Error,
)  # what a full one makes of a job's lines and moves: no fault of the job's, and it passes
CAPACITY = "CapacityError: Unable to provision requested ML compute capacity."


class Left(JobStopped):
    """This worker is closing: the next one goes on."""


@dataclass(frozen=True, slots=True)
class Means:
    """What attempts work with."""

    records: Records
    driver: Driver
    journal: Journal
    folder: Path
    clock: Callable[[], float]
    closing: threading.Event
    pool: Pool | None = None


class Attempt:
    def __init__(self, record: Record, recipe: Recipe, need: Need, limits: Size, means: Means) -> None:
        """`limits` is the size that it needs, as far as the machine goes."""
        self.record, self.need = record, need
        self._recipe, self._limits, self._means = recipe, limits, means
        self._halted = threading.Event()
        self._started = threading.Event()
        self._tails = Tails()
        self._remembered = 0.0
        self._meter = Meter(
            lambda: means.driver.usage(self._handle),
            lambda used, seconds: recipe.measured(self.job, used, seconds),
            need.every,
        )
        self.resting = False  # it only waits for its instances, and can be left without a word
        self.freed: Callable[[], None] = lambda: None  # called once its places are free
        self.job = self._job()

    @property
    def folder(self) -> Path:
        return parked.folder(self.record.handle) or self._means.folder / self.record.group

    def run(self) -> None:
        """Until the job is over, or pending again, or this worker closes."""
        record = self.record
        try:
            if record.state == "pending" and not self._claim():
                return  # somebody stopped it just now
            self._take()
            self._listen()
            outcome = self._through()
            self._release()
            self._tails.ship(last=True)
            folder = self.folder
            self.end(outcome)
            remove(folder)
        except Left:
            log.info("job %s: left as it is, %s", record.id, record.state)
        except LeaseLost:
            log.warning("job %s is not this worker's any more", record.id)

    def halt(self) -> None:
        """Somebody wants it to end. Called from another thread, once."""
        self._halted.set()
        if self._started.is_set():
            self._stop(GRACE)

    def suspend(self) -> None:
        """Ends what runs, for the next worker to begin anew. This one is closing, and has left it."""
        if self.record.state == "running":
            self._release()
            self._tails.ship(last=True)
            folder = self.folder
            self._move("pending", Note(detail={"status": "Restarting"}))
            remove(folder)

    def end(self, outcome: Outcome | None) -> None:
        """The last event. None: once more."""
        if outcome is None:
            self._move("pending", Note("The last attempt failed by no fault of its own.", {"status": "Restarting"}))
        else:
            status = STATUSES[outcome.state]
            self._move(outcome.state, Note(outcome.message, {"status": status, **outcome.detail}))

    def ship(self) -> None:
        """New log lines into the journal."""
        self._tails.ship()

    @property
    def due(self) -> bool:
        """Whether it is time to measure."""
        return self._started.is_set() and self.record.state == "running" and self._meter.due

    def measure(self) -> None:
        """To the recipe, what was used since the last time."""
        self._meter.measure()

    def _claim(self) -> bool:
        note = Note(detail={"status": "Starting"})
        if not self._means.records.claim(self.record, note):
            return False
        self.job = self._job()
        self.publish(note)
        return True

    def _job(self) -> Job:
        record = self.record
        return Job(
            id=record.id,
            arn=record.arn,
            attempt=record.attempt,
            document=record.document,
            created=record.created,
            folder=self.folder,
            addresses=(),
            report=self._report,
            check=self._check,
            log=self._log,
            facts=record.memo.facts,
        )

    def _take(self) -> None:
        """One that waits, if the job can run in it and has not begun otherwise: on the disk before it is used."""
        record, pool = self.record, self._means.pool
        if pool is None or record.state != "preparing" or record.handle is not None or self.folder.exists():
            return
        if (found := pool.take(self._recipe, record.document, self._limits)) is not None:
            record.handle = found
            try:
                self._means.records.hold(record)
            except LeaseLost:  # nobody else can know of it
                self._release()
                remove(self.folder)
                raise
            self.job.folder = self.folder

    def _through(self) -> Outcome | None:
        """What the job came to; None: to be tried again."""
        try:
            if self.record.state == "preparing":
                self._begin()
            if self.record.state == "running":
                self._watch()
            return self._finish()
        except (Left, LeaseLost):
            raise
        except JobStopped:
            return Outcome("stopped")
        except JobFailed as error:
            return Outcome("failed", error.message)
        except AWSError as error:
            log.exception("job %s", self.record.id)
            return Outcome("failed", f"ClientError: {error.message}")
        except Exception as error:
            self._check_open()
            if isinstance(error, DISK) and self._started.is_set() and self.record.state == "running":
                raise  # what it ran is there, ended or not, and is looked at anew
            log.exception("job %s", self.record.id)
            if self.record.attempt <= self.need.retries and not self._halted.is_set():
                return None
            return Outcome("failed", f"InternalServerError: {error}" if isinstance(error, ClaryError) else INTERNAL)

    def _begin(self) -> None:
        """Places, folder, launches; the handle on the disk; then the start."""
        record = self.record
        if record.handle is None:
            record.handle = self._reserve()  # first: what an attempt that was cut off holds is given back by it alone
        self._check()
        launches = self._prepare()
        self._check()
        record.memo.started = self._means.clock()
        self._move("running")
        self._start(launches)

    def _reserve(self) -> Handle:
        folder = self.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for index in range(self._limits.instances):
            self._file(index).parent.mkdir(exist_ok=True)
        spec = Spec(self.record.group, str(folder), self._limits)
        began = time.monotonic()
        while True:
            try:
                return self._means.driver.reserve(spec)
            except OSError as error:
                if time.monotonic() - began > CROWDED:
                    raise JobFailed(f"{CAPACITY} {error}") from error
            self._check()
            self._means.closing.wait(IDLE)

    def _prepare(self) -> list[Launch]:
        self.job.addresses = tuple(self._handle["addresses"])
        launches = self._recipe.prepare(self.job)
        assert len(launches) == self._limits.instances, "a launch for each instance"
        return [replace(launch, log=str(self._file(index))) for index, launch in enumerate(launches)]

    def _start(self, launches: list[Launch]) -> None:
        self._means.driver.start(self._handle, launches)
        self._started.set()
        if self._halted.is_set():
            self._stop(GRACE)

    def _watch(self) -> None:
        """Returns when all instances have ended, and what they said is in the journal."""
        record, driver = self.record, self._means.driver
        if not self._started.is_set():
            self._adopt()
        broken, unknown = False, time.monotonic()
        while True:
            self._check_open()
            instances = driver.describe(self._handle)
            states = {instance.state for instance in instances}
            if states <= {"exited", "lost"}:
                break
            if "unknown" not in states:
                unknown = time.monotonic()
            elif time.monotonic() - unknown > UNKNOWN:
                instances = [lost(instance) for instance in instances]
                break
            if not broken and any(failed(instance) for instance in instances):
                broken = True
                self._stop(GANG_GRACE)
            left = self._time_left()
            if left <= 0:
                record.memo.why = "timeout"
                self._means.records.remember(record).result()
                self._stop(GRACE)
                continue
            if broken or "unknown" in states:
                self._means.closing.wait(GLANCE)
            else:
                self.resting = True
                driver.wait(self._handle, min(left, LOOK))
                self.resting = False
        if self._halted.is_set() and record.memo.why == "exited":
            record.memo.why = "stopped"
        record.memo.instances = [asdict(instance) for instance in instances]
        self._tails.ship(last=True)
        self._move("finishing")

    def _adopt(self) -> None:
        """A group that a dead worker left: it runs, or has ended, or was about to be started."""
        self.job.addresses = tuple(self._handle["addresses"])
        instances = self._means.driver.describe(self._handle)
        if all(instance.state == "reserved" for instance in instances):
            self._check()
            self._start(self._prepare())
            return
        self._started.set()
        if self._halted.is_set():
            self._stop(GRACE)

    def _finish(self) -> Outcome:
        memo = self.record.memo
        self._release()
        self.freed()
        self.job.addresses = tuple(self._handle["addresses"])
        ended = Ended(memo.why, memo.ended())
        if memo.why == "exited" and any(instance.state == "lost" for instance in ended.instances):
            raise ClaryError("An instance was lost.")
        return self._recipe.finish(self.job, ended)

    def _time_left(self) -> float:
        memo, seconds = self.record.memo, self.need.seconds
        if memo.why == "timeout" or seconds is None or memo.started is None:
            return LOOK
        return memo.started + seconds - self._means.clock()

    @property
    def _handle(self) -> Handle:
        assert self.record.handle is not None, "it has been reserved"
        return self.record.handle

    def _stop(self, grace: float) -> None:
        self._means.driver.stop(self._handle, grace)

    def _release(self) -> None:
        if self.record.handle is not None:
            self._means.driver.release(self.record.handle)

    def _move(self, state: str, note: Note | None = None) -> None:
        note = note or Note()
        self._means.records.move(self.record, state, note)
        self.publish(note)

    def _report(self, status: str, message: str) -> None:
        note = Note(message, {"status": status})
        self._means.records.tell([(self.record, note)])
        self.publish(note)

    def publish(self, note: Note) -> None:
        """What is on the disk, to whom it may concern."""
        try:
            self._recipe.published(self.job, self.record.state, note.detail.get("status", ""), note.message)
        except Exception:
            log.exception("job %s: %s", self.record.id, note)

    def _check(self) -> None:
        self._check_open()
        if self._halted.is_set():
            raise JobStopped

    def _check_open(self) -> None:
        if self._means.closing.is_set():
            raise Left

    def _file(self, index: int) -> Path:
        return self.folder / f"algo-{index + 1}" / "log"

    def _log(self, instance: int, line: str) -> None:
        """Into the file that the instance's own lines go to, so that they share one order and one way."""
        file = self._file(instance)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("ab") as out:
            out.write(line.encode() + b"\n")

    def _listen(self) -> None:
        """Each instance's log file has its place in a stream."""
        memo = self.record.memo
        memo.streams = memo.streams or [list(stream) for stream in self._recipe.streams(self.job)]
        tails = [self._tail(index, group, stream, *file) for index, (group, stream, *file) in enumerate(memo.streams)]
        self._tails.follow(tails)

    def _tail(self, index: int, group: str, stream: str, file: str = "") -> Tail:
        journal, attempt = self._means.journal, self.record.attempt
        if not file:
            return Tail(journal, (group, stream), self._file(index), attempt, partial(self._heard, index))
        note = self.folder / f"{index}.heard"
        return Tail(journal, (group, stream), self.folder / file, attempt, lambda _lines: None, note)

    def _heard(self, index: int, lines: list[str]) -> None:
        try:
            self._recipe.lines(self.job, index, lines)
        except Exception:
            log.exception("job %s: lines", self.record.id)
        if self.job.facts and time.monotonic() - self._remembered > 1:
            self._remembered = time.monotonic()
            self._means.records.remember(self.record)


def failed(instance: Instance) -> bool:
    return instance.state == "lost" or (instance.state == "exited" and instance.code != 0 and not instance.dismissed)


def lost(instance: Instance) -> Instance:
    return instance if instance.state == "exited" else replace(instance, state="lost")
