"""Where work runs, as the job engine sees it: one file a driver, and one contract suite over all of them.

A *group* is what one attempt of a job runs: its instances, started together. Its life:

    reserve -> start -> describe/wait/logs/usage, again and again -> (stop) -> release

Drivers have no memory. What one needs to find a group again is the handle: JSON, which the engine stores before `start`
and hands back in every call, also after a restart. `reserve` and `start` are idempotent by the group's id. A group
outlives whoever started it; its instances' exit codes do too, since the launched side writes them down.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

Handle = dict[str, Any]  # JSON
# A unix socket below the group's folder. Who connects to it is sent a TCP socket of the group's own network, not yet
# connected. A group whose network is this machine's has none.
DOOR: Final = "supervisor/door"


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host as the instance sees it.

    `overlay`: it shows `source`, and what the instance writes, changes or removes there goes to `upper`, a folder of
    the job's that the driver makes; `source` stays as it is. Its folders should be mode 0777 and its files 0666, as
    S3's blobs are, so that its private user may read and change what it sees; a folder above that is 0700
    keeps everybody else out.
    """

    source: str
    target: str
    how: Literal["ro", "rw", "overlay"] = "ro"
    upper: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """One instance of a group: what its container runs and sees. Nothing of the host but what is named here, and the
    system's own programs and libraries (/usr), is visible inside.

    `log` is a file of the host: standard output and error are appended there. /tmp and /dev/shm are private and empty.

    `network`: those of one number share a network where the group has its own; they follow each other.
    `ways`: what a private network is left by: the port at 127.0.0.1 inside, and host and port on this machine.

    `root`: a folder that is its whole file tree, instead of the system's; what it changes there goes to `root_upper`, a
    folder of the job's. `user` is who it runs as in that tree, as an image's configuration says it; "" is root.

    When all instances that lead have ended with 0, the others are dismissed: told to end, and killed if they do not.
    A server is there for a client that leads.
    """

    name: str  # its host name: algo-1
    argv: tuple[str, ...]
    log: str
    env: dict[str, str] = field(default_factory=dict)  # all of it: nothing is inherited
    cwd: str = "/"
    mounts: tuple[Mount, ...] = ()
    leads: bool = True
    network: int = 0
    ways: tuple[tuple[int, str, int], ...] = ()
    root: str = ""
    root_upper: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """How many instances, and how large: `cpus`, `memory` (bytes) and `gpus` are each one's, and its limits.

    `disk` (bytes, each instance): what it may write into its `rw` and `overlay` mounts and its log; 0 is no limit.
    `isolated`: no network, but for that between the group's own instances. `private`: likewise, but for the launches'
    `ways`: its instances may listen at 0.0.0.0 without being heard elsewhere. Into the first of such networks leads the
    group's DOOR.
    """

    instances: int = 1
    cpus: float = 1.0
    memory: int = 1 << 30
    gpus: int = 0
    disk: int = 0
    isolated: bool = False
    private: bool = False

    @property
    def told(self) -> dict[str, str]:
        """Variables for programs that cannot see their limits: a JVM would take all of the machine."""
        return {"CLARY_CPUS": f"{self.cpus:g}", "CLARY_MEMORY": str(self.memory)}


@dataclass(frozen=True, slots=True)
class Spec:
    """What a group asks for. `folder` is on the host and the group's alone, made and removed by the engine."""

    id: str  # job and attempt: unique for ever
    folder: str
    size: Size = Size()


@dataclass(frozen=True, slots=True)
class Instance:
    """`code` is the exit code; ended by a signal it is 128 and the signal's number. `unknown`: nobody can tell now, ask
    again; `lost`: it is gone and left no exit code. `dismissed`: how it ended says nothing.
    """

    state: Literal["reserved", "running", "exited", "unknown", "lost"]
    code: int | None = None
    out_of_memory: bool = False
    out_of_disk: bool = False
    started: float | None = None  # seconds since the epoch
    ended: float | None = None
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` in seconds used so far; `memory` and `disk` in bytes now."""

    cpu: float = 0.0
    memory: int = 0
    disk: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A machine that groups can run on."""

    name: str
    cpus: int
    memory: int  # bytes
    gpus: int = 0


class Driver(Protocol):
    name: str

    def nodes(self) -> list[Node]:
        """What there is to run on. Raises ClaryError, with what to do, where this driver cannot work here."""

    def reserve(self, spec: Spec) -> Handle:
        """All of the group's places, or OSError. `handle["addresses"]` has the instances' addresses, in order."""

    def start(self, handle: Handle, launches: list[Launch]) -> None:
        """Starts every instance, as (algo-1, algo-2, ...), each of which finds the others by name. Returns once they
        run. Raises ClaryError if they cannot be started; then none of them runs.
        """

    def describe(self, handle: Handle) -> list[Instance]:
        """The instances in order."""

    def wait(self, handle: Handle, timeout: float) -> None:
        """Returns when every instance of the group has ended, or one has ended otherwise than with 0 and was not
        dismissed, or after `timeout` seconds.
        """

    def usage(self, handle: Handle) -> list[Usage]:
        """What each instance takes; zeros where that is not known."""

    def stop(self, handle: Handle, grace: float) -> None:
        """Asks every instance to end (SIGTERM to its program), and kills what still runs after `grace` seconds. Returns
        at once; may come again, with a shorter grace.
        """

    def release(self, handle: Handle) -> None:
        """Kills what still runs of the group, and undoes the reservation. May come twice."""

    def groups(self) -> list[str]:
        """The ids of the groups that still have something running on this home: for adoption and for clearing up."""
