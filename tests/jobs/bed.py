"""A home with a job engine on it: the real store, journal and driver, and a recipe whose jobs are shell scripts.

As a program it is a host to be killed: `python -m jobs.bed HOME` runs the engine until then.
"""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from clary.compute.driver import Driver, Launch, Size, Usage
from clary.compute.null import Null
from clary.config import Config
from clary.jobs.recipe import Document, Ended, Job, JobFailed, Need, Outcome
from clary.jobs.worker import Worker
from clary.resource import crud
from clary.store.db import Store
from clary.store.journal import Journal
from clary.store.sql import queries
from waiting import until

SQL = queries("clary.store")
PATH = "/usr/bin:/bin"
GROUP = "/jobs"


class Scripts:
    """A job's document: `script` for sh, and what Need and Size have, and where it should fail. Before it runs and
    after, it waits for a file in the home that is named `preparing` and `finishing`.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, str]] = []
        self.said: list[tuple[int, str, str, str]] = []
        self.usage: list[tuple[int, list[Usage], float]] = []
        self.broken = False
        self.ended: dict[int, Ended] = {}

    def need(self, document: Document) -> Need:
        return Need(Size(**known(Size, document)), **known(Need, document))

    def prepare(self, job: Job) -> list[Launch]:
        job.report("Downloading", "")
        job.log(0, "prepared")
        while held(job, "preparing"):
            job.check()
            time.sleep(0.01)
        raised(job, "prepare")
        job.facts["made"] = "in prepare"
        (job.folder / "here").mkdir(exist_ok=True)
        return [
            Launch(
                name=f"algo-{index + 1}",
                argv=("/bin/sh", "-c", job.document["script"]),
                log=str(job.folder / f"algo-{index + 1}" / "log"),
                env={"PATH": PATH, "INDEX": str(index), "OUT": str(job.folder / "here"), "ATTEMPT": str(job.attempt)},
            )
            for index in range(job.document.get("instances", 1))
        ]

    def streams(self, job: Job) -> list[tuple[str, str]]:
        if job.document.get("streams") == "break once" and not self.broken:
            self.broken = True
            raise OSError("a full disk")
        name = job.arn.rsplit("/", 1)[-1]
        return [(GROUP, f"{name}/algo-{index + 1}") for index in range(job.document.get("instances", 1))]

    def lines(self, job: Job, instance: int, lines: list[str]) -> None:
        self.heard += [(job.id, instance, line) for line in lines]

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        self.usage.append((job.id, usage, seconds))

    def finish(self, job: Job, ended: Ended) -> Outcome:
        self.ended[job.id] = ended
        while held(job, "finishing"):
            time.sleep(0.01)
        raised(job, "finish")
        assert job.facts["made"] == "in prepare"
        codes = [instance.code for instance in ended.instances]
        detail = {"codes": codes, "why": ended.why, "left": sorted(p.name for p in (job.folder / "here").iterdir())}
        if ended.why != "exited":
            return Outcome("stopped", detail=detail)
        return Outcome("failed", f"AlgorithmError: {codes}", detail) if any(codes) else Outcome("completed", "", detail)

    def published(self, job: Job, state: str, status: str, message: str) -> None:
        self.said.append((job.id, state, status, message))


def known(kind: Any, document: Document) -> dict[str, Any]:
    """What of a document is a field of `kind`."""
    return {field.name: document[field.name] for field in dataclasses.fields(kind) if field.name in document}


def held(job: Job, where: str) -> bool:
    name = job.document.get(where)
    return name is not None and not (job.folder.parent.parent / name).exists()


def raised(job: Job, where: str) -> None:
    if (kind := job.document.get(where)) == "fails":
        raise JobFailed(f"ClientError: {where}")
    if kind == "breaks" or (kind == "breaks once" and job.attempt == 1):
        raise RuntimeError(where)


class Bed:
    def __init__(
        self, home: Path, driver: Driver | None = None, journal: type[Journal] = Journal, **settings: Any
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.store = Store(home / "state.db")
        self.journal = journal(home / "journal")
        self.recipe = Scripts()
        self.config = dataclasses.replace(Config(), home=home, **settings)
        self.driver = driver or Null(home)
        self.worker = Worker(self.store, self.driver, {"test.Script": self.recipe}, self.journal, self.config)

    def add(self, name: str, script: str = "true", **document: Any) -> str:
        """The ARN."""
        arn = f"arn:aws:test:us-west-2:123456789012:script/{name}"
        text = orjson.dumps({"script": script, **document}).decode()
        values = {"arn": arn, "service": "test", "type": "Script", "account": "1", "region": "us-west-2", "name": name}

        def work(connection: Any) -> None:
            now = time.time()
            connection.execute(SQL["resource_add"], {**values, "document": text, "created": now})
            connection.execute(SQL["job_add"], {"arn": arn, "recipe": "test.Script", "state": "pending", "due": now})

        self.store.write(work)
        self.worker.wake()
        return arn

    def stop(self, arn: str) -> None:
        self.store.write(lambda connection: crud.halt(connection, self.row(arn), time.time()))
        self.worker.wake()

    def row(self, arn: str) -> Any:
        return self.store.read().execute(SQL["job_find"], {"arn": arn}).fetchone()

    def state(self, arn: str) -> str:
        return str(self.row(arn)["state"])

    def events(self, arn: str) -> list[Any]:
        return self.store.read().execute(SQL["event_all"], {"arn": arn}).fetchall()

    def statuses(self, arn: str) -> list[str]:
        details = [orjson.loads(event["detail"]) for event in self.events(arn) if event["detail"]]
        return [detail["status"] for detail in details if "status" in detail]

    def last(self, arn: str) -> tuple[str, str, Document]:
        """State, message and detail of the last event."""
        event = self.events(arn)[-1]
        return event["state"], event["message"], orjson.loads(event["detail"])

    def over(self, *arns: str) -> list[str]:
        """The states in which they end."""

        def states() -> list[str]:
            return [self.state(arn) for arn in arns]

        until(lambda: all(state in crud.ENDED for state in states()), states)
        return states()

    def said(self, name: str, instance: int = 1) -> list[str]:
        group = self.journal.group("", GROUP)
        entry = group.stream(f"{name}/algo-{instance}") if group else None
        return [line.text for line in entry.lines.read()] if entry else []

    def close(self) -> None:
        self.worker.close()
        self.store.close()


if __name__ == "__main__":
    bed = Bed(Path(sys.argv[1]))
    bed.worker.start()
    (bed.home / "ready").touch()
    time.sleep(600)
