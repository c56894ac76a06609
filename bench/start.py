"""How long `clary up` takes until it answers, and what it weighs idle, beside moto and SeaweedFS."""

import compileall
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bench import servers
from bench.servers import ROOT, Start
from bench.table import Section, number, publish


def run(rounds: int = 5) -> list[Section]:
    (ROOT / ".bench").mkdir(exist_ok=True)
    compileall.compile_dir(ROOT / "src", quiet=1)  # as pip does when it installs; the peers were installed so
    with tempfile.TemporaryDirectory(dir=ROOT / ".bench") as home:
        kinds: dict[str, Start] = {
            "Clary, first start": servers.clary,
            "Clary, again": partial(servers.clary, Path(home)),
            "moto": servers.moto,
            "SeaweedFS": servers.seaweedfs,
        }
        rows = [(name, *_measure(start, rounds)) for name, start in kinds.items()]
    text = (
        f"From the command to the first answer, the median and the worst of {rounds}; resident MiB of all its "
        "processes a second later. Goals: under 1 s, under 120 MiB."
    )
    return [Section("start", "Start", text, ("", "ready s", "worst s", "idle MiB"), rows)]


def _measure(start: Start, rounds: int) -> tuple[str, str, str]:
    took, idle = [], []
    for _ in range(rounds):
        with start() as server:
            took.append(server.ready_in)
            time.sleep(1)
            idle.append(server.memory())
    return number(statistics.median(took)), number(max(took)), number(statistics.median(idle))


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
