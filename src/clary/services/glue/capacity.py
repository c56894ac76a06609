"""How much a run asks for: workers of a type, or data processing units.
https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from clary.services.glue.state import invalid

Document = dict[str, Any]
GIB: Final = 1 << 30
SHELL: Final = "pythonshell"
DPU: Final = 10.0  # of a Spark job that does not say
SHELL_DPU: Final = 0.0625
DISK: Final = 64  # GB of a worker whose type does not say, and of a Python shell


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of them has, and what it counts as."""

    dpu: float
    cpus: int
    memory: int  # bytes
    disk: int  # GB


def worker(kind: str) -> Worker:
    """G.2X: 2 DPU, 8 vCPUs, 32 GiB. R.2X has twice the memory of that."""
    if kind == "G.025X":
        return Worker(0.25, 2, 4 * GIB, 84)
    found = re.fullmatch(r"([GRZ])\.(\d+)X", kind)
    times = int(found[2]) if found else 1
    memory = 32 if found and found[1] in "RZ" else 16
    return Worker(times, 4 * times, memory * times * GIB, {1: 94, 2: 138}.get(times, 64 * times))


def settle(document: Document) -> Document:
    """What a job's document has of capacity: what was asked for, and what follows. Raises InvalidInputException."""
    shell = document["Command"]["Name"] == SHELL
    typed = [member for member in ("WorkerType", "NumberOfWorkers") if document.get(member) is not None]
    units = [member for member in ("AllocatedCapacity", "MaxCapacity") if document.get(member) is not None]
    if shell and typed:
        raise invalid("Worker Type is not supported for Job Command pythonshell and Please set Max Capacity.")
    if typed and units:
        raise invalid("Please do not set Allocated Capacity or Max Capacity if using Worker Type and Number of Workers")
    if len(typed) == 1:
        raise invalid("Please set both Worker Type and Number of Workers.")
    if typed:
        return _workers(document)
    return _units(document, shell=shell)


def _workers(document: Document) -> Document:
    number, kind = document["NumberOfWorkers"], document["WorkerType"]
    if number < 2:
        raise invalid(f"Number of workers {number} is not valid: the minimum is 2.")
    total = number * worker(kind).dpu
    return {"WorkerType": kind, "NumberOfWorkers": number, "MaxCapacity": float(total), "AllocatedCapacity": int(total)}


def _units(document: Document, *, shell: bool) -> Document:
    given = document.get("MaxCapacity")
    if given is None:
        given = document.get("AllocatedCapacity") or (SHELL_DPU if shell else DPU)
    asked = float(given)
    if shell and asked not in (SHELL_DPU, 1.0):
        raise invalid(f"Invalid Max Capacity {asked:g} for Job Command pythonshell: it is 0.0625 or 1.")
    if not shell and asked < 2:
        raise invalid(f"Invalid Max Capacity {asked:g}: a Spark job has 2 DPUs at least.")
    return {"MaxCapacity": asked, "AllocatedCapacity": int(asked)}


def workers(document: Document) -> tuple[int, Worker]:
    """How many a run asks for, and what each is. A Python shell is one; else a DPU is one of 4 vCPUs and 16 GiB."""
    if document["Command"]["Name"] == SHELL:
        whole = document["MaxCapacity"] >= 1
        return 1, Worker(document["MaxCapacity"], 4 if whole else 1, (16 if whole else 1) * GIB, DISK)
    if "WorkerType" in document:
        return document["NumberOfWorkers"], worker(document["WorkerType"])
    return max(1, int(document["MaxCapacity"])), Worker(1, 4, 16 * GIB, DISK)
