"""Crawls as they go on: each in a thread, begun by whoever starts its crawler, by the clock, or, where Clary ended
meanwhile, anew.
"""

import logging
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from clary.errors import AWSError
from clary.jobs.objects import Objects
from clary.resource import crud
from clary.resource.call import Caller, Platform
from clary.resource.rounds import Rounds
from clary.services.glue import state
from clary.services.glue.conductor import Conductor
from clary.services.glue.crawler.crawl import Crawl, Stopped
from clary.services.glue.starting import Cause
from clary.services.glue.state import Document, Place, missing
from clary.store.journal import Journal
from clary.store.sql import queries

SQL = queries("clary.services.glue.crawler")
CRAWLER: Final = "crawler"
GROUP: Final = "/aws-glue/crawlers"
LONGEST: Final = 60.0  # seconds between two looks at the clock: it may be set
AT_ONCE: Final = 2
STATUSES: Final = {"COMPLETED": "SUCCEEDED", "STOPPED": "CANCELLED"}  # of a LastCrawl
STATES: Final = {"RUNNING": "RUNNING", "STOPPING": "CANCELLING", "FAILED": "FAILED", **STATUSES}  # of a Crawl

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Crawls:
    """`assume` gives the caller that a role's session is; it raises KeyError where the role is gone. Implements
    firing.Crawlers.
    """

    platform: Platform
    objects: Objects
    assume: Callable[[str], Caller]
    journal: Journal
    conductor: Conductor
    _rounds: Rounds = field(init=False)
    _going: dict[str, threading.Event] = field(init=False, default_factory=dict)  # by the crawl's id: it is to stop
    _threads: list[threading.Thread] = field(init=False, default_factory=list)
    _closing: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._rounds = Rounds("crawlers", self._round)

    def begin(self) -> None:
        """To be called once, when everything is built."""
        self._rounds.start()

    def start(self, connection: sqlite3.Connection, place: Place, name: str, cause: Cause, at: float) -> None:
        row = state.find(connection, place, CRAWLER, name)
        if row is None:
            raise missing(f"Crawler with name {name} does not exist")
        idle(connection, row)
        begin(connection, row, at, cause)
        self._later()

    def _later(self) -> None:
        """The rows can be seen once this transaction is over, and what is submitted now comes after it."""
        self.platform.store.submit(lambda _connection: None).add_done_callback(lambda _done: self._rounds.wake())

    def wake(self) -> None:
        """A crawler was started or stopped, or has another schedule."""
        self._rounds.wake()

    def close(self) -> None:
        """Crawls that go on are left as they are, to be begun anew."""
        self._closing = True
        for stop in self._going.values():
            stop.set()
        self._rounds.close()
        for thread in self._threads:
            thread.join()

    def known(self, connection: sqlite3.Connection, place: Place, name: str) -> bool:
        return state.find(connection, place, CRAWLER, name) is not None

    def running(self, connection: sqlite3.Connection, workflow_run: str) -> bool:
        return connection.execute(SQL["crawl_of_workflow"], {"of": workflow_run}).fetchone() is not None

    def part_of(self, connection: sqlite3.Connection, workflow_run: str) -> list[tuple[str, Document]]:
        found = connection.execute(SQL["crawl_part_of"], {"of": workflow_run}).fetchall()
        return [(row["name"], _part(row)) for row in found]

    def stop_all(self, connection: sqlite3.Connection, workflow_run: str) -> None:
        connection.execute(SQL["crawl_stop_of_workflow"], {"of": workflow_run})
        self._later()

    def _round(self) -> float:
        """Begins and stops what is to be. Returns in how many seconds there is more."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        waiting = 0
        for row in self.platform.store.read().execute(SQL["crawl_every_open"]).fetchall():
            if row["id"] in self._going:
                if row["state"] == "STOPPING":
                    self._going[row["id"]].set()
            elif len(self._going) < AT_ONCE and not self._closing:
                self._going[row["id"]] = threading.Event()
                thread = threading.Thread(target=self._run, args=(row,), name=f"crawl-{row['name']}", daemon=True)
                self._threads.append(thread)
                thread.start()
            else:
                waiting += 1
        row = self.platform.store.read().execute(SQL["due_first"]).fetchone()
        now = self.platform.clock()
        if row is not None and row["at"] <= now:
            self.platform.store.write(lambda connection: self._due(connection, row["arn"], now))
            return 0.0
        return min(LONGEST, row["at"] - now) if row is not None else LONGEST

    def _due(self, connection: sqlite3.Connection, arn: str, now: float) -> None:
        """Once, also if Clary ends meanwhile; a crawler that goes on is not begun a second time."""
        row = crud.find(connection, arn)
        if row is None:
            connection.execute(SQL["due_remove"], {"arn": arn})
            return
        due(connection, arn, state.loaded(row), now, row["created"])
        if connection.execute(SQL["crawl_open"], {"arn": arn}).fetchone() is None:
            begin(connection, row, now)

    def _run(self, row: Any) -> None:
        ended, told = "FAILED", Document()
        try:
            crawler = crud.find(self.platform.store.read(), row["crawler"])
            if row["state"] == "STOPPING":
                ended = "STOPPED"
            else:
                told = self._crawl(row, crawler)
                ended = "COMPLETED"
        except Stopped:
            ended = "STOPPED"
        except KeyError as error:
            told = {"ErrorMessage": f"Service is unable to assume provided role {error}."}
        except AWSError as error:
            bucket = error.members.get("BucketName")
            told = {"ErrorMessage": f"{error.message}: s3://{bucket}" if bucket else error.message}
        except Exception:
            log.exception("crawler %s", row["name"])
            told = {"ErrorMessage": "Internal Service Exception"}
        if not self._closing:
            self._end(row, ended, told)
        del self._going[row["id"]]
        self._rounds.wake()

    def _crawl(self, row: Any, crawler: Any) -> Document:
        document = state.loaded(crawler)
        crawl = Crawl(
            platform=self.platform,
            objects=self.objects,
            caller=self.assume(document["RoleArn"]),
            place=Place.of(row["crawler"]),
            crawler=document,
            stopped=self._going[row["id"]].is_set,
            say=lambda text: self._say(row, text),
        )
        return crawl.run()

    def _end(self, row: Any, ended: str, told: Document) -> None:
        if told.get("ErrorMessage"):
            self._say(row, f"ERROR : {told['ErrorMessage']}")
        self._say(row, "BENCHMARK : Crawler has finished running and is in state READY")
        values = {"id": row["id"], "state": ended, "now": state.now(self.platform), "document": orjson.dumps(told)}
        heard = {"CrawlerName": row["name"], "State": STATUSES.get(ended, ended), "Id": row["id"]}
        heard |= {"WorkflowName": row["workflow"], "WorkflowRunId": row["of"]} if row["of"] else {}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(SQL["crawl_end"], values)
            if row["trigger"]:  # what users start themselves, triggers do not hear of
                self.conductor.crawled(connection, Place.of(row["crawler"]), heard)

        self.platform.store.write(work)
        self.platform.wake()

    def _say(self, row: Any, text: str) -> None:
        now = int(self.platform.clock() * 1000)
        self.journal.append(f"{row['region']}:{GROUP}", row["name"], [(now, f"[{row['id']}] {text}")])


def _part(row: Any) -> Document:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_Crawl.html"""
    found = {"State": STATES[row["state"]], "StartedOn": row["started"], "LogGroup": GROUP, "LogStream": row["name"]}
    if row["ended"] is not None:
        found["CompletedOn"] = row["ended"]
    if said := orjson.loads(row["document"]).get("ErrorMessage"):
        found["ErrorMessage"] = said
    return found


def idle(connection: sqlite3.Connection, row: Any) -> None:
    """Raises CrawlerRunningException."""
    if connection.execute(SQL["crawl_open"], {"arn": row["arn"]}).fetchone() is not None:
        raise AWSError("CrawlerRunningException", f"Crawler with name {row['name']} has already started")


def begin(connection: sqlite3.Connection, row: Any, now: float, cause: Cause | None = None) -> None:
    """Within a transaction: a crawler, by its row, is to run. Wake the crawls afterwards."""
    cause = cause or Cause()
    region = Place.of(row["arn"]).region
    values = {"id": str(uuid.uuid4()), "arn": row["arn"], "name": row["name"], "region": region, "now": now}
    values |= {"trigger": cause.trigger, "workflow": cause.workflow, "of": cause.workflow_run}
    connection.execute(SQL["crawl_add"], values)


def due(connection: sqlite3.Connection, arn: str, document: Document, now: float, begun: float) -> None:
    """Within a transaction: when a crawler runs by its schedule, from now on."""
    at = None
    if document.get("Schedule") and document["ScheduleState"] == "SCHEDULED":
        at = state.due(document["Schedule"])(now, begun)
    if at is None:
        connection.execute(SQL["due_remove"], {"arn": arn})
    else:
        connection.execute(SQL["due_put"], {"arn": arn, "at": at})
