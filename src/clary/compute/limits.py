"""What holds an instance to its share, and what tells how much it takes."""

import os
import resource
from functools import cache
from pathlib import Path
from typing import Any

from clary.compute import cgroup, processes
from clary.compute.driver import Node, Usage
from clary.compute.group import Group
from clary.compute.kernel import counted, written

NO_GAUGE: dict[str, Any] = {"memory": None, "oom": None, "cpu": None, "unit": 0}


def limits() -> str:
    """How memory, cpu and processes are limited here: "cgroup v2", "cgroup v1" or "rlimits"."""
    found = cgroup.available()
    if found is None:
        return "rlimits"
    return "cgroup v2" if isinstance(found, cgroup.Version2) else "cgroup v1"


def folders(name: str) -> list[str]:
    """The control groups that `of` makes."""
    found = cgroup.available()
    return [str(folder) for folder in found.folders(_group(name))] if found is not None else []


def of(name: str, cpus: float, memory: int) -> dict[str, Any]:
    """The part of an instance's plan that limits it. Without control groups each of its processes may take `memory`,
    and nothing limits cpu.
    """
    found = cgroup.available()
    if found is not None:
        return found.make(_group(name), cpus, memory) | {"rlimits": [[resource.RLIMIT_CORE, 0]]}
    rlimits = [[resource.RLIMIT_CORE, 0], [resource.RLIMIT_DATA, memory], [resource.RLIMIT_NPROC, cgroup.PROCESSES]]
    return {"cgroups": [], "hurry": [], "gauge": NO_GAUGE, "rlimits": rlimits}


def _group(name: str) -> str:
    return f"clary-{name}"


@cache
def machine() -> Node:
    gpus = [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    memory = min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *cgroup.memory_given())
    return Node(os.uname().nodename, len(os.sched_getaffinity(0)), memory, len(gpus))


def usage(group: Group) -> list[Usage]:
    """The note of a group's plan has each instance's `gauge` and `watched` under `usage`."""
    started = group.started()
    if not started:
        return [Usage()] * group.instances
    gauges = started["note"]["usage"]
    counts = all(gauge["gauge"]["cpu"] for gauge in gauges)
    trees = [(0.0, 0)] * len(gauges) if counts else processes.taken(started["pids"])
    return [_usage(group.ended(index), trees[index], **gauge) for index, gauge in enumerate(gauges)]


def _usage(ended: dict[str, Any], tree: tuple[float, int], gauge: dict[str, Any], watched: list[str]) -> Usage:
    if ended:
        return Usage(cpu=ended["cpu"])
    cpu = counted(gauge["cpu"]) * gauge["unit"] if gauge["cpu"] else tree[0]
    memory = counted(gauge["memory"]) if gauge["memory"] else tree[1]
    return Usage(cpu, memory, written(watched))
