"""What a tree of processes takes, from /proc: where no control group counts it.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def taken(roots: list[int]) -> list[tuple[float, int]]:
    """Seconds of cpu and bytes of memory of each root and all below it. Memory that several share counts for each."""
    parents: dict[int, int] = {}
    own: dict[int, tuple[float, int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):
                # After the name, which may hold anything: state, parent, ...
                fields = (path / "stat").read_text().rpartition(")")[2].split()
                parents[int(path.name)] = int(fields[1])
                own[int(path.name)] = sum(map(int, fields[11:15])) / TICKS, int(fields[21]) * PAGE
    totals = dict.fromkeys(roots, (0.0, 0))
    for pid, (cpu, memory) in own.items():
        root = pid
        while root not in totals and root in parents:
            root = parents[root]
        if root in totals:
            totals[root] = totals[root][0] + cpu, totals[root][1] + memory
    return [totals[root] for root in roots]
