"""What holds an instance to its share, and what tells how much it takes."""

import os
import resource
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from clary.compute import cgroup
from clary.compute.driver import Node, Usage
from clary.compute.group import Group
from clary.errors import ClaryError


def limits() -> str:
    """How memory, cpu and processes are limited here: "cgroup v2", "cgroup v1" or "rlimits"."""
    found = cgroup.available()
    if found is None:
        return "rlimits"
    return "cgroup v2" if isinstance(found, cgroup.Version2) else "cgroup v1"


def of(name: str, cpus: float, memory: int) -> dict[str, Any]:
    """The part of an instance's plan that limits it. Without control groups each of its processes may take `memory`, and
    nothing limits cpu.
    """
    found = cgroup.available()
    if found is not None:
        made = found.make(f"clary-{name}", cpus, memory)
        return made | {"rlimits": [[resource.RLIMIT_CORE, 0]]}
    rlimits = [[resource.RLIMIT_CORE, 0], [resource.RLIMIT_DATA, memory], [resource.RLIMIT_NPROC, cgroup.PROCESSES]]
    return {"cgroups": [], "memory": "", "counted": {"oom": None, "cpu": None, "unit": 0}, "rlimits": rlimits}


@cache
def machine() -> Node:
    gpus = [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Node(os.uname().nodename, len(os.sched_getaffinity(0)), memory, len(gpus))


def usage(group: Group) -> list[Usage]:
    return [Usage()] * group.instances


def check(bwrap: str) -> None:
    user = [] if os.geteuid() == 0 else ["--unshare-user"]
    command = [bwrap, *user, "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    if done.returncode:
        raise ClaryError(f"No sandbox can be made here: {done.stderr.strip()}. `clary doctor` says what to do.")
