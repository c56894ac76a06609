"""What ListTrainingJobs and DescribeTrainingJob cost where ten thousand jobs are over.

One job is run; the others are its rows in the store, written again under other names while Clary is down. So they are
what the engine writes, but nobody waits for an hour.
"""

import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bench import servers
from bench.jobs import IMAGES, Jobs, say
from bench.servers import ROOT
from bench.table import Section, number, publish

MODEL = "warm-up"


def run(count: int = 10_000, calls: int = 200) -> list[Section]:
    os.environ.setdefault("CLARY_IMAGES_HOME", str(IMAGES))
    (ROOT / ".bench").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".bench") as folder:
        with servers.clary(Path(folder)) as server:
            say("the one job that runs")
            Jobs(server).one(MODEL, seconds=600)
        with closing(sqlite3.connect(Path(folder, "home", "state.db"))) as store, store:
            _copy(store, [f"finished-{n:05d}" for n in range(count - 1)])
        say(f"{count} finished jobs are in the store")
        with servers.clary(Path(folder)) as server:
            client = server.client("sagemaker")
            rows = [(name, *_measure(call, calls)) for name, call in _calls(client, count).items()]
    text = (
        f"Milliseconds of a call by boto3, {count:,} training jobs being over; {calls} calls each. Goal: under 20 ms."
    )
    return [Section("jobs_list", "Ten thousand finished jobs", text, ("", "p50", "p99"), rows)]


def _copy(store: sqlite3.Connection, names: list[str]) -> None:
    for table in ("resource", "job", "event"):  # the order in which the engine writes them: a trigger looks back
        rows = store.execute(f"SELECT * FROM {table} WHERE arn LIKE '%/{MODEL}'")  # noqa: S608 - names of ours
        columns = [each[0] for each in rows.description]
        kept = [row[1] for row in store.execute(f"PRAGMA table_info({table})") if row[1] != "id"]  # no computed ones
        marks = ", ".join("?" * len(kept))
        models = [dict(zip(columns, row, strict=True)) for row in rows.fetchall()]
        store.executemany(
            f"INSERT INTO {table} ({', '.join(kept)}) VALUES ({marks})",  # noqa: S608 - names of ours
            [[_named(model[column], name) for column in kept] for name in names for model in models],
        )


def _named(value: Any, name: str) -> Any:
    if isinstance(value, bytes):
        return value.replace(MODEL.encode(), name.encode())
    return value.replace(MODEL, name) if isinstance(value, str) else value


def _calls(client: Any, count: int) -> dict[str, Callable[[int], Any]]:
    def name(n: int) -> str:
        return f"finished-{n * 7919 % (count - 1):05d}"

    def completed(_n: int) -> None:
        found = client.list_training_jobs(StatusEquals="Completed", MaxResults=100, SortBy="Name")
        assert len(found["TrainingJobSummaries"]) == min(count, 100)

    return {
        "ListTrainingJobs, a page of 10": lambda _n: client.list_training_jobs(),
        "ListTrainingJobs, a page of 100": lambda _n: client.list_training_jobs(MaxResults=100),
        "ListTrainingJobs, completed ones by name": completed,
        "ListTrainingJobs, one by NameContains": lambda n: client.list_training_jobs(NameContains=name(n)),
        "DescribeTrainingJob": lambda n: client.describe_training_job(TrainingJobName=name(n)),
    }


def _measure(call: Callable[[int], Any], calls: int) -> tuple[str, str]:
    call(0)
    took = []
    for n in range(calls):
        before = time.perf_counter()
        call(n)
        took.append((time.perf_counter() - before) * 1000)
    return number(statistics.median(took)), number(statistics.quantiles(took, n=100, method="inclusive")[98])


if __name__ == "__main__":
    publish(run(*map(int, sys.argv[1:])))
