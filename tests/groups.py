"""Groups of a compute driver, for its tests."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import engines
from clary.compute import drivers, limits
from clary.compute.driver import Driver, Handle, Instance, Launch, Mount, Size, Spec
from clary.config import Config
from waiting import until

MiB = 1 << 20
NAMES = ("sandbox", "null", "container")
SECRET = "a-secret-of-the-hosts-own"
BOMB = "f() { f | f & }; f; wait"


class Home:
    """Groups of one driver, released at the end."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.driver: Driver = drivers.open_driver(Config.load(home=folder, driver=name))
        self.handles: list[Handle] = []
        self.counter = itertools.count(1)

    def limited(self) -> bool:
        """Whether control groups are made for it."""
        return self.name == "sandbox" and limits.limits() != "rlimits"

    def reserve(self, **given: object) -> Handle:
        folder = self.folder / "jobs" / f"{next(self.counter)}-1"
        folder.mkdir(parents=True)
        size = Size(**({"memory": 256 * MiB} | given))  # type: ignore[arg-type]  # any field of it
        handle = self.driver.reserve(Spec(folder.name, str(folder), size))
        self.handles.append(handle)
        return handle

    def start(self, *scripts: str, mounts: tuple[Mount, ...] = (), **given: object) -> Handle:
        handle = self.reserve(instances=len(scripts), **given)
        self.driver.start(handle, self.launches(handle, *scripts, mounts=mounts))
        return handle

    def launches(self, handle: Handle, *scripts: str, mounts: tuple[Mount, ...] = ()) -> list[Launch]:
        return [
            Launch(
                f"algo-{index}",
                ("/bin/sh", "-c", script),
                self.log_path(handle, index),
                mounts=mounts if index == 1 else (),
            )
            for index, script in enumerate(scripts, 1)
        ]

    def log_path(self, handle: Handle, index: int) -> str:
        return f"{handle['folder']}/log-{index}"

    def log(self, handle: Handle, index: int = 1) -> str:
        return Path(self.log_path(handle, index)).read_text()

    def ended(self, handle: Handle) -> list[Instance]:
        def over() -> bool:
            return all(each.state != "running" for each in self.driver.describe(handle))

        until(over, lambda: self.log(handle))
        return self.driver.describe(handle)

    def run(self, script: str, mounts: tuple[Mount, ...] = (), **given: object) -> tuple[Instance, str]:
        handle = self.start(script, mounts=mounts, **given)
        (instance,) = self.ended(handle)
        return instance, self.log(handle)


def running(name: str, engine: str = "dockerd") -> Iterator[Home]:
    """`engine`: of containers."""
    if name == "container":
        os.environ["CLARY_ENGINE"] = engines.address(engine)
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    folder.chmod(0o700)
    opened = Home(name, folder)
    yield opened
    for handle in opened.handles:
        opened.driver.release(handle)
        opened.driver.release(handle)
    assert opened.driver.groups() == []
    shutil.rmtree(folder)


def commands() -> Iterator[tuple[int, list[str]]]:
    """All processes, with their arguments."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            yield int(path.parent.name), path.read_bytes().decode(errors="replace").split("\0")


def processes(marker: str) -> list[int]:
    return [pid for pid, command in commands() if marker in command]
