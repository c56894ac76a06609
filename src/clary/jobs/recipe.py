"""What differs from one kind of job to the next: a recipe says what it needs, prepares it, and finishes it.

The engine (worker.py) does the rest, once for all: claims, budget, start, time limit, stop, logs, adoption after a
crash, events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from clary.compute.driver import Instance, Launch, Size, Usage
from clary.errors import ClaryError

Document = dict[str, Any]
GRACE = 120.0  # seconds between SIGTERM and SIGKILL when a job is stopped


class JobFailed(ClaryError):
    """The job cannot go on. The message is the FailureReason, AWS's prefix included: `ClientError: ...`."""


class JobStopped(ClaryError):
    """Raised by Job.check inside prepare and finish: somebody stopped the job."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a job asks for. `share` is whose turn it is when several wait: the queue is fair between shares. `standing`:
    it waits for work most of the time, so it starts at once, and what it may take is taken from nobody. `together`: so
    many launches are on one instance, which counts once; each may take all of it, as containers of a host may.
    """

    size: Size = Size()
    together: int = 1
    standing: bool = False
    share: str = ""
    seconds: float | None = None  # how long it may run; None: for ever
    wait: float | None = None  # how long it may wait for its places; None: for ever
    retries: int = 0  # how often it is tried again when it fails by no fault of its own
    every: float = 60.0  # seconds between two calls of Recipe.measured; the first comes earlier


@dataclass(slots=True)
class Job:
    """One attempt, as its recipe sees it."""

    id: int
    arn: str
    attempt: int  # from 1
    document: Document  # the resource's, as stored
    created: float  # seconds since the epoch
    folder: Path  # this attempt's own, mode 0700; removed when the job is done
    addresses: tuple[str, ...]  # of its instances, in order
    report: Callable[[str, str], None]  # (status, message) -> an event: ("Downloading", "Downloading input data")
    check: Callable[[], None]  # raises JobStopped once somebody asked for the end; call it inside long loops
    log: Callable[[int, str], None]  # (instance, line): into the job's log, before or beside what the instance says
    facts: dict[str, Any] = field(default_factory=dict)  # JSON; what prepare sets, finish has, also after a restart


@dataclass(frozen=True, slots=True)
class Ended:
    """How the instances ended, and why: by themselves, stopped by the user, or out of time."""

    why: Literal["exited", "stopped", "timeout"]
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to. `detail` is JSON, kept with the last event, which the noun's view shows from."""

    state: Literal["completed", "failed", "stopped"]
    message: str = ""  # FailureReason for a failed one
    detail: dict[str, Any] = field(default_factory=dict)


class Recipe(Protocol):
    """How a noun's jobs run. Every method may be called again after a crash in the middle of it: what it makes, it
    makes in the job's folder or so that doing it twice is doing it once.
    """

    def need(self, document: Document) -> Need: ...

    def prepare(self, job: Job) -> list[Launch]:
        """Lays everything out below the job's folder; the engine itself says where each launch logs to. The last status
        that it reports is that of the running job. Raises JobFailed, JobStopped.
        """

    def streams(self, job: Job) -> Sequence[tuple[str, ...]]:
        """Log group and stream of each instance. Behind them may be others, each with the file that it comes from as a
        path in the job's folder: nobody but us may put another file in its place. `lines` is not told of those.
        """

    def lines(self, job: Job, instance: int, lines: list[str]) -> None:
        """What an instance (from 0) has just said, once the journal has it; for metrics. Called in order; after a crash
        of ours, what was said just before may come again here, though never in the journal.
        """

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        """What the instances used over the last so many seconds, as often as Need.every says: usage.cpu is the seconds
        of cpu spent within that time. What is to be done now and then while they run is done here.
        """

    def finish(self, job: Job, ended: Ended) -> Outcome:
        """Takes what the instances left, and says how it went. Raises JobFailed."""

    def published(self, job: Job, state: str, status: str, message: str) -> None:
        """After each event is on the disk: for the bus."""


@runtime_checkable
class Parking(Recipe, Protocol):
    """One whose jobs may run in a container that was started before they were (jobs/pool.py)."""

    def parked(self, folder: Path) -> tuple[Size, Launch]:
        """A container that waits for a job, of which nothing is known; its files lie in `folder` where `prepare` would
        put a job's. The engine says where it logs to.
        """

    def takes(self, document: Document) -> bool:
        """Whether the job may run in such a one, if their sizes are the same."""


class Journal(Protocol):
    """Where log lines go (store/journal.py): append-only, durable against a crash of ours."""

    def append(self, group: str, stream: str, lines: list[tuple[int, str]], origin: int = 0) -> None:
        """(milliseconds since the epoch, text) each. `origin` is how far the source has been read now: it is written
        with the lines, so that after a crash none comes twice and none is lost.
        """

    def origin(self, group: str, stream: str) -> int:
        """The last `origin` of the stream; 0 for none."""
