"""A group as its supervisor keeps it on the disk, seen from any process: by the folder alone, nothing is remembered.

Drivers that run on this machine have this in common; what they differ in is the plan that they make for the supervisor.
"""

import errno
import fcntl
import json
import marshal
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

from clary.compute.driver import Instance
from clary.errors import ClaryError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
# Python keeps no compiled form of a program it starts with, and compiling takes as long as all else there: so the code
# comes first on standard input. The last argument is for who reads `ps`.
PARTS = ("kernel", "stage", "network")  # what it imports of ours
RUN = (
    "import marshal, sys\n"
    f"for name in {PARTS}:\n"
    "    part = sys.modules['clary.compute.' + name] = type(sys)(name)\n"
    "    exec(marshal.load(sys.stdin.buffer), part.__dict__)\n"
    "exec(marshal.load(sys.stdin.buffer))"
)
RELEASE = 10.0  # seconds that a killed group may take to be gone


class Group:
    def __init__(self, folder: str | Path, instances: int) -> None:
        self.folder = Path(folder) / "supervisor"
        self.instances = instances

    def start(self, plan: dict[str, Any]) -> None:
        """Raises ClaryError with what the supervisor says. Does nothing if the group has been started before.

        `plan`: `instances` (what supervisor.py takes of each), `network` and `user` (whether the group gets a network
        namespace, and a user namespace for it), `ways` (out of that, as network.py has them), `note` (JSON, found in
        `started` later).
        """
        plan = plan | {"folder": str(self.folder), "note": json.dumps(plan["note"])}
        self.run([sys.executable, "-I", "-S", "-c", RUN, str(SUPERVISOR)], _code() + marshal.dumps(plan))

    def run(self, supervisor: list[str], told: bytes) -> None:
        """Returns once it has let go of its standard output. Raises ClaryError with what it says there."""
        with (self.folder / "log").open("ab") as log:
            done = subprocess.run(
                supervisor,
                input=told,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={},
                cwd="/",
                check=False,
            )
        if done.stdout:
            raise ClaryError(done.stdout.decode(errors="replace"))
        if not self.started():
            trouble = (self.folder / "log").read_text(errors="replace").strip() or f"exit code {done.returncode}"
            raise ClaryError(f"the supervisor of {self.folder.parent} ended before it began: {trouble[-2000:]}")

    def started(self) -> dict[str, Any]:
        return _json(self.folder / "started")

    def supervisor(self) -> int | None:
        """The process that holds the group's lock: the kernel knows, and forgets it when that process ends."""
        try:
            with (self.folder / "lock").open("rb") as file:
                asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, asked))
        except FileNotFoundError:
            return None
        return None if kind == fcntl.F_UNLCK else int(pid)

    def describe(self) -> list[Instance]:
        alive = self.supervisor() is not None  # asked first: what it writes before it ends is read after
        started = self.started()
        if not started:
            return [Instance("reserved")] * self.instances
        return [self._instance(index, started["moments"][index], alive=alive) for index in range(self.instances)]

    def _instance(self, index: int, moment: float, *, alive: bool) -> Instance:
        ended = _json(self.folder / f"ended-{index}")
        if not ended:
            return Instance("running" if alive else "lost", started=moment)
        return Instance(
            "exited",
            ended["code"],
            ended["out_of_memory"],
            ended["out_of_disk"],
            ended["started"],
            ended["ended"],
            ended["dismissed"],
        )

    def ended(self, index: int) -> dict[str, Any]:
        return _json(self.folder / f"ended-{index}")

    def wait(self, timeout: float) -> None:
        if not self.started():
            time.sleep(timeout)  # nothing runs that could end
            return
        steady = os.open(self.folder / "steady", os.O_RDONLY | os.O_NONBLOCK)
        try:
            # Looked at only now: had it failed before, this descriptor would never tell.
            instances = self.describe()
            if any(each.state != "running" and each.code != 0 and not each.dismissed for each in instances):
                return
            if all(each.state != "running" for each in instances):
                return
            waits = select.poll()
            waits.register(steady, select.POLLIN)
            waits.poll(timeout * 1000)
        finally:
            os.close(steady)

    def stop(self, grace: float) -> None:
        try:
            control = os.open(self.folder / "control", os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(control, f"stop {grace}\n".encode())
            finally:
                os.close(control)
        except OSError as error:
            if error.errno not in {errno.ENXIO, errno.ENOENT, errno.EPIPE}:
                raise  # else nobody is there who could be stopped

    def end(self) -> None:
        """Kills what runs, and waits until it is gone."""
        deadline = time.monotonic() + RELEASE
        while (pid := self.supervisor()) is not None:
            self.stop(0)
            _gone(pid, 0.2)
            if time.monotonic() > deadline:
                raise ClaryError(f"process {pid}, the supervisor of {self.folder.parent}, does not end: kill it")

    def forget(self) -> None:
        """All that is kept of a group that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def _code() -> bytes:
    files = (*(SUPERVISOR.with_name(f"{name}.py") for name in PARTS), SUPERVISOR)
    return b"".join(marshal.dumps(compile(path.read_bytes(), path, "exec")) for path in files)


def _gone(pid: int, timeout: float) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        waits = select.poll()
        waits.register(descriptor, select.POLLIN)
        waits.poll(timeout * 1000)
    finally:
        os.close(descriptor)


def _json(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return document
