"""Requests at a steady rate to one endpoint for ten minutes, while its instances are killed and it is updated.

python -m bench.soak           ten minutes
python -m bench.soak 1         fewer
"""

import contextlib
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field

from bench import wrk
from bench.hosting import Hosting, hosted
from bench.jobs import say
from bench.peers import Rows, pss
from bench.table import Section, goal, number, publish

RATE, KILL, UPDATE = 500, 20.0, 60.0  # requests a second, seconds between kills, and between updates
CONNECTIONS = 32  # each pauses between its requests, so that the load has the rate it should have
PART = 60.0  # seconds; each part is signed anew, and asks for ROWS rows in turn
ROWS = 1000
SPREAD = 0.1  # of memory: as much does one look differ from the next


@dataclass
class Soak:
    """What was done, and what came of it."""

    killed: int = 0
    updated: int = 0
    loads: list[wrk.Load] = field(default_factory=list)
    gateway: list[float] = field(default_factory=list)  # MiB at the start, and after each part
    plane: list[float] = field(default_factory=list)


def run(minutes: float = 10.0) -> list[Section]:
    wrk.program()
    with hosted(ROWS) as (hosting, asked, _):
        found = _soak(hosting, [[row] for row in asked], minutes)
    requests, failed = sum(load.requests for load in found.loads), sum(load.failed for load in found.loads)
    rate = sum(load.rate for load in found.loads) / len(found.loads)
    worst = max(load.p99 for load in found.loads)
    rows = [
        ("requests", f"{requests:,}, {number(rate)} a second", ""),
        ("of these failed", f"{failed:,}", goal(failed == 0, "0")),
        ("instances killed, updates", f"{found.killed}, {found.updated}", ""),
        ("p99, the worst of a minute", f"{number(worst)} ms", ""),
        ("memory of the gateway, MiB", *_grown(found.gateway)),
        ("memory of the data plane, MiB", *_grown(found.plane)),
    ]
    text = (
        f"{minutes:g} minutes at about {RATE} requests a second of one row to an endpoint of two instances; one of "
        f"them is killed every {KILL:.0f} s, and the endpoint goes over to another configuration every {UPDATE:.0f} s. "
        "Failed is what is no success, and what got no answer. Memory is the proportional set of the process after "
        f"the first minute and at the end; flat: no more than {SPREAD:.0%} above."
    )
    return [Section("serving_soak", "Endpoints that break", text, ("", "", "goal"), rows, f"soak {minutes:g}")]


def _soak(hosting: Hosting, asked: list[Rows], minutes: float) -> Soak:
    configs = [hosting.config(instances=2), hosting.config(instances=2)]
    hosting.create("soak", configs[0])
    found, chosen = Soak(), random.Random(0)
    began = time.monotonic()
    next_kill, next_update, ends = began + KILL, began + UPDATE, began + 60 * minutes
    while (left := ends - time.monotonic()) > 1:
        requests = hosting.requests("soak", asked)
        part = wrk.start(hosting.address, requests, CONNECTIONS, min(PART, left), round(1000 * CONNECTIONS / RATE))
        while part.running():
            now = time.monotonic()
            if now > next_kill and (instances := hosting.replicas()):
                next_kill += KILL
                with contextlib.suppress(ProcessLookupError):  # the update was quicker
                    os.kill(chosen.choice(instances), signal.SIGKILL)
                    found.killed += 1
            if now > next_update and hosting.status("soak") == "InService":
                next_update += UPDATE
                found.updated += 1
                hosting.sagemaker.update_endpoint(EndpointName="soak", EndpointConfigName=configs[found.updated % 2])
            time.sleep(0.1)
        found.loads.append(part.end())
        found.gateway.append(pss([hosting.server.process.pid]))
        found.plane.append(pss([hosting.plane()]))
        last = found.loads[-1]
        memory = f"gateway {found.gateway[-1]:.0f} MiB, data plane {found.plane[-1]:.0f} MiB"
        say(f"{last.requests} requests, {last.failed} failed, p99 {last.p99:.1f} ms; {memory}")
    hosting.until("soak")  # the last update, or a kill, may go on
    return found


def _grown(sizes: list[float]) -> tuple[str, str]:
    first, last = sizes[0], sizes[-1]
    if len(sizes) == 1:
        return number(last), "flat: not measured"
    return f"{number(first)}, {number(last)}", goal(last <= (1 + SPREAD) * first, "flat")


if __name__ == "__main__":
    publish(run(*map(float, sys.argv[1:])))
