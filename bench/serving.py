"""Endpoints of Clary's against servers of models: the same XGBoost model, wrk on kept connections, distinct rows.

python -m bench.serving                           two rounds of 8 seconds each, about half an hour
python -m bench.serving --seconds 4 --rounds 2    half of that
python -m bench.serving --quick                   a minute; prints, and leaves docs/benchmarks.md as it is

Each number is told on stderr as it is measured.
"""

import argparse
import contextlib
import itertools
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import serving_life, wrk
from bench.hosting import Hosting, ask, hosted
from bench.jobs import say
from bench.peers import PEERS, Peer, Rows, pss
from bench.table import Section, number, publish

ROWS = 4000  # that requests are made of
KINDS = ("csv", "json")
CLOSE = 1e-5  # of a prediction to xgboost's own
GOALS = {(1, 1): 3000, (1, 8): 10_000, (1, 64): 12_000, (100, 8): 1500}  # (rows, clients): req/s, of either kind
P99 = {(1, 8): 2.0}


@dataclass(frozen=True)
class Shape:
    kind: str
    rows: int

    def batches(self, asked: Sequence[Sequence[float]]) -> list[Rows]:
        return [asked[at : at + self.rows] for at in range(0, len(asked) - self.rows + 1, self.rows)]


@dataclass(frozen=True)
class Plan:
    seconds: int = 8  # of each load
    rounds: int = 2
    clients: tuple[int, ...] = (1, 8, 64)
    rows: tuple[int, ...] = (1, 100)

    @property
    def command(self) -> str:
        return f"serving --seconds {self.seconds} --rounds {self.rounds}"


QUICK = Plan(seconds=1, rounds=1, clients=(8,), rows=(1,))


def run(plan: Plan = Plan()) -> list[Section]:
    wrk.program()
    with hosted(ROWS) as (hosting, asked, truth):
        hosting.create("bench", hosting.config())
        throughput = _throughput(hosting, asked, truth, plan)
        return [throughput, serving_life.run(hosting, asked, plan.seconds, plan.command)]


def _throughput(hosting: Hosting, asked: list[list[float]], truth: list[float], plan: Plan) -> Section:
    found: dict[tuple[Shape, int, str], list[wrk.Load]] = {}
    memory: dict[str, float] = {}
    shapes = [Shape(kind, rows) for rows in plan.rows for kind in KINDS]
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-peers-")))
        peers = [stack.enter_context(start(place, hosting.model)) for start in PEERS]
        for shape in shapes:
            _check(hosting, peers, shape, asked, truth)
        for round_, shape in itertools.product(range(plan.rounds), shapes):
            ours = hosting.requests("bench", shape.batches(asked), ACCEPT[shape.kind])
            servers = {"Clary": (hosting.address, ours)}
            for peer in peers:
                if shape.kind in peer.paths:
                    servers[peer.name] = peer.address, peer.requests(shape.kind, shape.batches(asked))
            for clients, (name, (address, requests)) in itertools.product(plan.clients, servers.items()):
                load = wrk.drive(address, requests, clients, plan.seconds)
                if load.failed:
                    raise RuntimeError(f"{name}: {load.failed} of {load.requests} requests failed")
                found.setdefault((shape, clients, name), []).append(load)
                what = f"round {round_ + 1}: {shape.rows} as {shape.kind}, {clients} clients, {name}"
                say(f"{what}: {number(load.rate)} req/s, p50 {number(load.p50)} ms, p99 {number(load.p99)}")
        memory = {"Clary": pss(hosting.pids()), **{peer.name: pss(peer.pids()) for peer in peers}}
    rows = [_row(shape, clients, name, loads, found, memory) for (shape, clients, name), loads in found.items()]
    text = (
        "XGBoost, 100 trees, 50 features; wrk on the same cores, kept connections, distinct rows, "
        f"rounds by turns: {plan.rounds} of {plan.seconds} s; {CHECKED} requests of each kind are asked before, and "
        "their predictions compared with xgboost's own. Latency in milliseconds; memory is the proportional set of "
        "all the server's processes after the load, in MiB: Clary's is that of the whole Clary. Clary's requests are "
        "signed, authorized, routed and metered; the peers have no such thing. Each peer has one worker and one thread "
        "for xgboost. AWS's XGBoost container reads no JSON, so Clary's `json` is CSV answered by JSON; MLServer, "
        "BentoML and LitServe read no CSV."
    )
    head = ("rows", "as", "clients", "server", "req/s", "p50", "p99", "MiB", "Clary is", "goal")
    return Section("serving", "Endpoints", text, head, rows, plan.command)


ACCEPT = {"csv": "text/csv", "json": "application/json"}
CHECKED = 20


def _row(
    shape: Shape,
    clients: int,
    name: str,
    loads: list[wrk.Load],
    found: dict[tuple[Shape, int, str], list[wrk.Load]],
    memory: dict[str, float],
) -> tuple[str, ...]:
    rate, p99 = statistics.mean(load.rate for load in loads), statistics.mean(load.p99 for load in loads)
    ours = statistics.mean(load.rate for load in found[shape, clients, "Clary"])
    wanted = GOALS.get((shape.rows, clients)) if name == "Clary" else None
    slow = P99.get((shape.rows, clients), float("inf"))
    aim = ""
    if wanted:
        within = f", p99 {slow:.0f}" if slow < float("inf") else ""
        aim = f"{wanted:,}{within}: {'met' if rate >= wanted and p99 <= slow else 'missed'}"
    p50 = number(statistics.mean(load.p50 for load in loads))
    what = (str(shape.rows), shape.kind, str(clients), name)
    return (*what, number(rate), p50, number(p99), number(memory[name]), f"{number(ours / rate)} x", aim)


def _check(hosting: Hosting, peers: list[Peer], shape: Shape, asked: list[list[float]], truth: list[float]) -> None:
    """Raises RuntimeError at the first prediction that is not xgboost's."""
    batches = shape.batches(asked)[:CHECKED]
    for number_, request in enumerate(hosting.requests("bench", batches, ACCEPT[shape.kind])):
        answer = ask(hosting.address, request).decode()
        said = [float(word) for word in answer.translate(WORDS).split() if word[0].isdigit()]
        _compare("Clary", said, truth, number_ * shape.rows, shape.rows)
    for peer in peers:
        if shape.kind in peer.paths:
            for number_, request in enumerate(peer.requests(shape.kind, batches)):
                said = peer.read(shape.kind, ask(peer.address, request))
                _compare(peer.name, said, truth, number_ * shape.rows, shape.rows)


WORDS = str.maketrans(dict.fromkeys('{}[]":,', " "))


def _compare(name: str, said: list[float], truth: list[float], at: int, rows: int) -> None:
    wanted = truth[at : at + rows]
    if len(said) != rows or any(abs(one - other) > CLOSE for one, other in zip(said, wanted, strict=True)):
        raise RuntimeError(f"{name} says {said[:5]} of rows that xgboost says {wanted[:5]} of")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small settings, to see that it runs")
    parser.add_argument("--seconds", type=int, metavar="N", help="of each load")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each load is repeated")
    given = parser.parse_args()
    said = {name: value for name in ("seconds", "rounds") if (value := getattr(given, name)) is not None}
    sections = run(replace(QUICK if given.quick else Plan(), **said))
    if given.quick:
        print("\n".join(map(str, sections)))
    else:
        publish(sections)


if __name__ == "__main__":
    main()
