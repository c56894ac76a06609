"""Two hundred endpoints of the same image on one machine: what each holds, and how long the next one takes.

python -m bench.many           two hundred
python -m bench.many 50        fewer, where the machine is too small
"""

import re
import statistics
import sys
import time
from pathlib import Path

from bench.hosting import hosted
from bench.jobs import say
from bench.peers import pss
from bench.table import Section, number, publish

FIRST = 10  # endpoints, of which is told whether there is room for the others
SPARE = 0.1  # of the memory that is available: it stays so
SETTLED = 2.0  # seconds after which a new process's memory is what it keeps


def run(count: int = 200) -> list[Section]:
    with hosted(1) as (hosting, _, _):
        config = hosting.config()
        took: list[float] = []
        while len(took) < count:
            if len(took) == FIRST:
                _check(count, statistics.median(hosting.sizes()))
            took.append(hosting.create(f"many-{len(took)}", config))
            if len(took) % FIRST == 0:
                say(f"{len(took)} endpoints, the last in {took[-1]:.2f} s; {_available():,.0f} MiB are available")
        time.sleep(SETTLED)
        sizes = hosting.sizes()
        if len(sizes) != count:
            raise RuntimeError(f"{len(sizes)} instances run, of {count} endpoints")
        gateway, plane = pss([hosting.server.process.pid]), pss([hosting.plane()])
        last = hosting.create("one-more", config)
    rows = [
        ("memory of each instance: median, most", f"{number(statistics.median(sizes))}, {number(max(sizes))} MiB"),
        ("memory of the gateway, of the data plane", f"{number(gateway)}, {number(plane)} MiB"),
        (
            "to InService, one after the other: median, worst",
            f"{number(statistics.median(took))}, {number(max(took))} s",
        ),
        (f"to InService, number {count + 1}", f"{number(last)} s"),
    ]
    text = (
        f"{count} endpoints of one instance each, all of the same image and model, none of them asked. Memory is the "
        "proportional set: an instance's is that of its server, sandbox and supervisor."
    )
    return [Section("serving_many", f"{count} endpoints", text, ("", ""), rows, f"many {count}")]


def _check(count: int, each: float) -> None:
    """Ends the process where the machine has no room for all."""
    need, free = each * (count + 1 - FIRST), _available() * (1 - SPARE)
    if need > free:
        fit = FIRST + int(free / each) - 1
        sys.exit(
            f"{count} endpoints are too many for this machine: each takes {each:.0f} MiB, so {count + 1 - FIRST} more "
            f"take {need:,.0f} MiB, and {free:,.0f} MiB can be had. There is room for: python -m bench.many {fit}"
        )


def _available() -> float:
    """MiB. https://docs.kernel.org/filesystems/proc.html#meminfo"""
    found = re.findall(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())
    return int(found[0]) / 1024


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
