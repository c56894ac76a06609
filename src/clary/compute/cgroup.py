"""Limits on memory, cpu and the number of processes by control groups, of version 2 or 1, where this process may make
them.

https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/admin-guide/cgroup-v1/
"""

import contextlib
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clary.errors import ClaryError

ROOT = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds in which an instance may use its share of cpu
PROCESSES = 4096  # enough for any real program, too few for a fork bomb to matter
NEEDED = ("memory", "cpu", "pids")
LAST, GLANCE = 10.0, 0.01  # seconds that the last of a group may take to be gone; between two looks
# `hurry` is what to write into which file when all is to end.


@dataclass(frozen=True, slots=True)
class Version2:
    parent: Path

    def folders(self, name: str) -> list[Path]:
        return [self.parent / name]

    def make(self, name: str, cpus: float, memory: int) -> dict[str, Any]:
        (folder,) = self.folders(name)
        folder.mkdir(exist_ok=True)
        (folder / "memory.max").write_text(str(memory))
        _maybe(folder / "memory.swap.max", "0")
        (folder / "cpu.max").write_text(f"{max(1000, int(cpus * PERIOD))} {PERIOD}")
        (folder / "pids.max").write_text(str(PROCESSES))
        return {
            "cgroups": [str(folder / "cgroup.procs")],
            "hurry": [
                [str(folder / "pids.max"), "0"],
                [str(folder / "cpu.max"), "max"],
                [str(folder / "memory.max"), "max"],
            ],
            "gauge": self.gauge(folder),
        }

    @staticmethod
    def gauge(folder: Path) -> dict[str, Any]:
        return {
            "memory": [str(folder / "memory.current"), ""],
            "oom": [str(folder / "memory.events"), "oom_kill"],
            "cpu": [str(folder / "cpu.stat"), "usage_usec"],
            "unit": 1e-6,
        }


@dataclass(frozen=True, slots=True)
class Version1:
    parents: dict[str, Path]

    def folders(self, name: str) -> list[Path]:
        return sorted({parent / name for parent in self.parents.values()})

    def make(self, name: str, cpus: float, memory: int) -> dict[str, Any]:
        folders = self.folders(name)
        for folder in folders:
            folder.mkdir(exist_ok=True)
        of = {controller: parent / name for controller, parent in self.parents.items()}
        (of["memory"] / "memory.limit_in_bytes").write_text(str(memory))
        _maybe(of["memory"] / "memory.memsw.limit_in_bytes", str(memory))
        (of["cpu"] / "cpu.cfs_period_us").write_text(str(PERIOD))
        (of["cpu"] / "cpu.cfs_quota_us").write_text(str(max(1000, int(cpus * PERIOD))))
        (of["pids"] / "pids.max").write_text(str(PROCESSES))
        return {
            "cgroups": [str(folder / "cgroup.procs") for folder in folders],
            "hurry": [
                [str(of["pids"] / "pids.max"), "0"],
                [str(of["cpu"] / "cpu.cfs_quota_us"), "-1"],
                [str(of["memory"] / "memory.memsw.limit_in_bytes"), "-1"],
                [str(of["memory"] / "memory.limit_in_bytes"), "-1"],
            ],
            "gauge": self.gauge(of),
        }

    @staticmethod
    def gauge(of: dict[str, Path]) -> dict[str, Any]:
        return {
            "memory": [str(of["memory"] / "memory.usage_in_bytes"), ""],
            "oom": [str(of["memory"] / "memory.oom_control"), "oom_kill"],
            "cpu": [str(of["cpuacct"] / "cpuacct.usage"), ""] if "cpuacct" in of else None,
            "unit": 1e-9,
        }


@cache
def available() -> Version2 | Version1 | None:
    """None where there is none that this process may use."""
    own = _of("self")
    if all(controller in own for controller in NEEDED):
        parents = {name: own[name] for name in (*NEEDED, "cpuacct") if name in own}
        return Version1(parents) if all(_makes(folder) for folder in parents.values()) else None
    if "" not in own:
        return None
    for folder in dict.fromkeys((own[""], own[""].parent, ROOT)):
        if folder.is_relative_to(ROOT) and _delegates(folder):
            return Version2(folder)
    return None


def gauge(pid: int) -> dict[str, Any] | None:
    """What tells how much the control group of a process takes, if it has one of its own."""
    try:
        found, mine = _of(str(pid)), _of("self")
    except OSError:
        return None  # it has ended
    if "memory" in found:
        return Version1.gauge(found) if found["memory"] != mine.get("memory") else None
    return Version2.gauge(found[""]) if "" in found and found[""] != mine.get("") else None


def remove(folders: list[str]) -> None:
    """Those that are there. What still runs in them has been killed, or its supervisor has: its end is waited for."""
    deadline = time.monotonic() + LAST
    for folder in map(Path, folders):
        while folder.exists():
            try:
                folder.rmdir()
            except FileNotFoundError:
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ClaryError(f"the control group {folder} cannot be removed: {error}") from error
                time.sleep(GLANCE)


def memory_given() -> list[int]:
    """What this process itself may take, where a control group says so: no more can be given out."""
    own = _of("self")
    files = [
        own[name] / file for name, file in (("", "memory.max"), ("memory", "memory.limit_in_bytes")) if name in own
    ]
    texts = [file.read_text().strip() for file in files if file.exists()]
    return [int(text) for text in texts if text.isdigit()]


def _of(process: str) -> dict[str, Path]:
    """A process's group in each hierarchy; version 2's is under ""."""
    found = {}
    for line in Path("/proc", process, "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            mounted = ROOT / controller if controller else ROOT
            if controller and not mounted.is_dir():
                continue
            if not controller and not (ROOT / "cgroup.controllers").exists():
                continue
            inside = mounted / path.lstrip("/")
            found[controller] = inside if inside.is_dir() else mounted  # a container sees its own group as the top
    return found


def _makes(folder: Path) -> bool:
    probe = folder / f"clary-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True


def _delegates(folder: Path) -> bool:
    """Whether a group below this one would have the controllers, and could be entered."""
    probe = folder / f"clary-probe-{os.getpid()}"
    try:
        missing = set(NEEDED) - set((folder / "cgroup.subtree_control").read_text().split())
        if missing:
            (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(missing)))
        probe.mkdir()
    except OSError:
        return False
    try:
        return os.access(probe / "cgroup.procs", os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
    finally:
        probe.rmdir()


def _maybe(path: Path, text: str) -> None:
    """A file that a kernel without swap accounting does not have."""
    with contextlib.suppress(OSError):
        path.write_text(text)
