"""What holds an instance to its share, and what tells how much it takes."""

import os
import resource
from functools import cache
from pathlib import Path
from typing import Any

from clary.compute import cgroup
from clary.compute.driver import Node, Usage
from clary.compute.group import Group
from clary.compute.supervisor import counted, written

NO_GAUGE: dict[str, Any] = {"memory": None, "oom": None, "cpu": None, "unit": 0}


def limits() -> str:
    """How memory, cpu and processes are limited here: "cgroup v2", "cgroup v1" or "rlimits"."""
    found = cgroup.available()
    if found is None:
        return "rlimits"
    return "cgroup v2" if isinstance(found, cgroup.Version2) else "cgroup v1"


def of(name: str, cpus: float, memory: int) -> dict[str, Any]:
    """The part of an instance's plan that limits it. Without control groups each of its processes may take `memory`,
    and nothing limits cpu.
    """
    found = cgroup.available()
    if found is not None:
        return found.make(f"clary-{name}", cpus, memory) | {"rlimits": [[resource.RLIMIT_CORE, 0]]}
    rlimits = [[resource.RLIMIT_CORE, 0], [resource.RLIMIT_DATA, memory], [resource.RLIMIT_NPROC, cgroup.PROCESSES]]
    return {"cgroups": [], "hurry": None, "gauge": NO_GAUGE, "rlimits": rlimits}


@cache
def machine() -> Node:
    gpus = [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Node(os.uname().nodename, len(os.sched_getaffinity(0)), memory, len(gpus))


def usage(group: Group) -> list[Usage]:
    """The note of a group's plan has each instance's `gauge` and `watched` under `usage`."""
    gauges = group.started().get("note", {}).get("usage", [])
    return [_usage(group.ended(index), **gauge) for index, gauge in enumerate(gauges)] or [Usage()] * group.instances


def _usage(ended: dict[str, Any], gauge: dict[str, Any], watched: list[str]) -> Usage:
    if ended:
        return Usage(cpu=ended["cpu"])
    return Usage(counted(gauge["cpu"]) * gauge["unit"], counted(gauge["memory"]), written(watched))
