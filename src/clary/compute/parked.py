"""Groups of one instance that are started before there is anything for them to do, and get their launch later, once.

What runs in such a container does what it can without it, touches READY, and then waits for a shared lock (flock) on
the file `lock` in WORD, which this process holds. When it gets that, the file `go` beside it is the launch: JSON of
`argv`, `env`, `cwd` and `brought`, files that it is to copy from where it sees them to where the launch wants them. It
touches TOOK before anything else. If there is no `go`, it is to end: so those that nobody took end with this process,
however that ends.

To the engine such a group is `reserved` until it has its launch. It is started in the ordinary way if its container is
gone, sees other files than the launch wants, or is another process's: that one ended, and nobody can know how far what
waits has come.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Final

from clary.compute import places
from clary.compute.driver import Handle, Instance, Launch, Mount, Node, Spec, Usage
from clary.compute.local import Local

WORD: Final = "/opt/clary-word"  # what the container sees of the folder `word`, which it cannot write to
READY: Final = "/opt/clary-ready"  # a folder of its own, where it makes the file `yes`, and later TOOK
TOOK: Final = "took"  # also beside that folder, once we have seen it
PATIENCE: Final = 60.0  # seconds for a container to wake up
GLANCE: Final = 0.005  # seconds between two looks at that
HANDLE: Final = "handle.json"
COLD: Final = "cold"  # a file: the group is started in the ordinary way


class Parked:
    """A driver: another one, whose groups it parks."""

    def __init__(self, inner: Local) -> None:
        self.inner, self.name = inner, inner.name
        self._held: dict[str, int] = {}  # descriptors of the locks

    def park(self, spec: Spec, launch: Launch) -> Handle:
        """Starts it. Raises ClaryError, OSError."""
        place = Path(spec.folder)
        handle = self.inner.reserve(spec) | {"parked": [asdict(mount) for mount in launch.mounts]}
        (place / HANDLE).write_text(json.dumps(handle))
        for name in ("word", "ready"):
            (place / name).mkdir(exist_ok=True)
            (place / name).chmod(0o755)
        lock = place / "word" / "lock"
        lock.touch()
        lock.chmod(0o644)
        self._held[spec.id] = held = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mounts = (Mount(str(place / "word"), WORD), Mount(str(place / "ready"), READY, "rw"))
        self.inner.start(handle, [replace(launch, mounts=(*launch.mounts, *mounts))])
        return handle

    def waits(self, handle: Handle) -> bool:
        """Whether it is there, has no launch yet, and may still come to be ready, or is."""
        return handle["id"] in self._held and self._runs(handle)

    @staticmethod
    def ready(handle: Handle) -> bool:
        return Path(handle["folder"], "ready", "yes").exists()

    def nodes(self) -> list[Node]:
        return self.inner.nodes()

    def reserve(self, spec: Spec) -> Handle:
        return self.inner.reserve(spec)

    def start(self, handle: Handle, launches: list[Launch]) -> None:
        if (place := folder(handle)) is not None and not (place / COLD).exists():
            if self._begun(handle, place) or self._told(handle, launches[0]):
                return
            self.inner.again(handle)
            (place / COLD).touch()
        self.inner.start(handle, launches)

    def describe(self, handle: Handle) -> list[Instance]:
        found = self.inner.describe(handle)
        if (place := folder(handle)) is None or (place / COLD).exists():
            return found
        if not self._begun(handle, place):
            return [Instance("reserved") for _ in found]
        moment = _go(place).stat().st_mtime
        return [replace(instance, started=moment) for instance in found]

    def wait(self, handle: Handle, timeout: float) -> None:
        self.inner.wait(handle, timeout)

    def usage(self, handle: Handle) -> list[Usage]:
        return self.inner.usage(handle)

    def stop(self, handle: Handle, grace: float) -> None:
        self.inner.stop(handle, grace)

    def release(self, handle: Handle) -> None:
        self.inner.release(handle)
        if (held := self._held.pop(handle["id"], None)) is not None:
            os.close(held)

    def groups(self) -> list[str]:
        return self.inner.groups()

    def _runs(self, handle: Handle) -> bool:
        return all(instance.state == "running" for instance in self.inner.describe(handle))

    def _begun(self, handle: Handle, place: Path) -> bool:
        """Whether it has its launch. One that died without having seen it has not."""
        return _go(place).exists() and (_took(place) or self._runs(handle) or _took(place))

    def _told(self, handle: Handle, launch: Launch) -> bool:
        """Whether it has its launch now. It wakes when the lock is let go of."""
        place = Path(handle["folder"])
        held = self._held.pop(handle["id"], None)
        if held is None:
            return False
        try:
            brought = _brought(handle, launch)
            if brought is None or not self.ready(handle) or not self._runs(handle):
                return False
            told = {"argv": launch.argv, "env": launch.env, "cwd": launch.cwd, "brought": brought}
            _write(_go(place), json.dumps(told), handle)
        finally:
            fcntl.flock(held, fcntl.LOCK_UN)  # for a process, too, that is just being started and has a copy of it
            os.close(held)
        deadline = time.monotonic() + PATIENCE
        while not _took(place):
            if time.monotonic() > deadline or not (self._runs(handle) or _took(place)):
                _go(place).unlink()
                return False
            time.sleep(GLANCE)
        (place / TOOK).touch()
        return True


def folder(handle: Handle | None) -> Path | None:
    """Of a group that was parked: its files' place for good."""
    return Path(handle["folder"]) if handle is not None and "parked" in handle else None


def _go(place: Path) -> Path:
    return place / "word" / "go"


def _took(place: Path) -> bool:
    return (place / TOOK).exists() or (place / "ready" / TOOK).exists()


def _brought(handle: Handle, launch: Launch) -> list[tuple[str, str]] | None:
    """Files that the launch wants, as its container sees them, and where it wants them; None if it lacks some."""
    there = {Mount(**mount) for mount in handle["parked"]}
    found: list[tuple[str, str]] = []
    for mount in launch.mounts:
        if mount in there:
            continue
        seen = _seen(mount.source, there) if mount.how == "ro" and Path(mount.source).is_file() else None
        if seen is None:
            return None
        found.append((seen, mount.target))
    return found if there <= set(launch.mounts) else None


def _seen(source: str, there: set[Mount]) -> str | None:
    for mount in there:
        if mount.how == "ro" and source.startswith(f"{mount.source}/"):
            return str(PurePosixPath(mount.target, os.path.relpath(source, mount.source)))
    return None


def _write(file: Path, text: str, handle: Handle) -> None:
    """For the instance's user alone, since it has the job's token; whole or not at all."""
    made = file.parent.parent / "told"
    made.unlink(missing_ok=True)
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(descriptor)
        if places.is_root():
            user = places.private_user(handle["numbers"][0])
            os.fchown(descriptor, user, user)
    made.rename(file)
