"""Crawlers that run: started and stopped, by hand and by schedule, and what they did.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-scheduler.html
"""

import operator
import sqlite3
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.crawler.crawler import find
from clary.services.glue.crawler.crawls import CRAWLER, SQL, begin, due, idle
from clary.services.glue.state import Document, Glue, invalid

TARGETS = {
    **dict.fromkeys(("StartCrawler", "StopCrawler"), ("crawler/{Name}",)),
    **dict.fromkeys(
        ("StartCrawlerSchedule", "StopCrawlerSchedule", "UpdateCrawlerSchedule", "ListCrawls"),
        ("crawler/{CrawlerName}",),
    ),
}
NEWEST = 1 << 62
PAGE = 20
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
    "EQ": operator.eq,
    "NE": operator.ne,
}


@operation("StartCrawler")
def start(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["Name"])
        idle(connection, row)
        begin(connection, row, state.now(call.platform))

    call.platform.store.write(work)
    call.state.crawls.wake()
    return {}


@operation("StopCrawler")
def stop(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["Name"])
        going = connection.execute(SQL["crawl_open"], {"arn": row["arn"]}).fetchone()
        if going is None:
            raise AWSError("CrawlerNotRunningException", f"Crawler with name {row['name']} isn't running")
        if going["state"] == "STOPPING":
            raise AWSError("CrawlerStoppingException", f"Crawler with name {row['name']} is stopping")
        connection.execute(SQL["crawl_stop"], {"arn": row["arn"]})

    call.platform.store.write(work)
    call.state.crawls.wake()
    return {}


@operation("UpdateCrawlerSchedule")
def change_schedule(call: Call[Glue], request: Document) -> Document:
    if request.get("Schedule"):
        state.due(request["Schedule"])

    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["CrawlerName"])
        had = state.loaded(row)
        given = {"Schedule": request.get("Schedule", ""), "ScheduleState": "SCHEDULED"}
        _scheduled(call, connection, row, {**had, **given})

    call.platform.store.write(work)
    call.state.crawls.wake()
    return {}


@operation("StartCrawlerSchedule")
def start_schedule(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["CrawlerName"])
        had = state.loaded(row)
        if not had.get("Schedule"):
            raise AWSError("NoScheduleException", f"Crawler with name {row['name']} has no schedule")
        if had["ScheduleState"] == "SCHEDULED":
            raise AWSError("SchedulerRunningException", f"The schedule of crawler {row['name']} is already running")
        _scheduled(call, connection, row, {**had, "ScheduleState": "SCHEDULED"})

    call.platform.store.write(work)
    call.state.crawls.wake()
    return {}


@operation("StopCrawlerSchedule")
def stop_schedule(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["CrawlerName"])
        had = state.loaded(row)
        if had["ScheduleState"] != "SCHEDULED":
            raise AWSError("SchedulerNotRunningException", f"The schedule of crawler {row['name']} is not running")
        _scheduled(call, connection, row, {**had, "ScheduleState": "NOT_SCHEDULED"})

    call.platform.store.write(work)
    return {}


def _scheduled(call: Call[Glue], connection: sqlite3.Connection, row: Any, document: Document) -> None:
    now = state.now(call.platform)
    state.change(connection, row, document, now)
    due(connection, row["arn"], document, now, row["created"])


@operation("GetCrawlerMetrics")
def metrics(call: Call[Glue], request: Document) -> Document:
    wanted = set(request.get("CrawlerNameList", []))
    found, token = state.page(call, request, CRAWLER, lambda row: not wanted or row["name"] in wanted)
    return state.answer("CrawlerMetricsList", [_metrics(call, row) for row in found], token)


def _metrics(call: Call[Glue], row: Any) -> Document:
    connection = call.platform.store.read()
    crawls = connection.execute(SQL["crawl_page"], {"arn": row["arn"], "before": NEWEST}).fetchall()
    done = [crawl for crawl in crawls if crawl["state"] == "COMPLETED"]
    seconds = [crawl["ended"] - crawl["started"] for crawl in done]
    told = orjson.loads(done[0]["document"]) if done else {}
    return {
        "CrawlerName": row["name"],
        "TimeLeftSeconds": 0.0,
        "StillEstimating": bool(crawls) and crawls[0]["ended"] is None,
        "LastRuntimeSeconds": seconds[0] if seconds else 0.0,
        "MedianRuntimeSeconds": median(seconds) if seconds else 0.0,
        **{member: told.get(member, 0) for member in ("TablesCreated", "TablesUpdated", "TablesDeleted")},
    }


@operation("ListCrawls")
def crawls(call: Call[Glue], request: Document) -> Document:
    """Newest first."""
    connection = call.platform.store.read()
    row = find(call, connection, request["CrawlerName"])
    tests = [_filter(each) for each in request.get("Filters", [])]

    def rows(before: list[Any]) -> Iterable[Any]:
        values = {"arn": row["arn"], "before": before[0] if before else NEWEST}
        every = connection.execute(SQL["crawl_page"], values)
        return (crawl for crawl in every if all(test(crawl) for test in tests))

    found, token = state.paged(call, request, rows, lambda crawl: [crawl["number"]], PAGE)
    return state.answer("Crawls", map(_shown, found), token)


def _filter(given: Document) -> Any:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CrawlsFilter.html: times are in milliseconds."""
    member, value = given.get("FieldName"), given.get("FieldValue", "")
    compare = COMPARE[given.get("FilterOperator", "EQ")]
    if member in ("CRAWL_ID", "STATE"):
        text = {"CRAWL_ID": "id", "STATE": "state"}[member]
        return lambda crawl: compare(crawl[text], value)
    column = {"START_TIME": "started", "END_TIME": "ended"}.get(str(member))
    try:
        wanted = float(value) / 1000
    except ValueError as error:
        raise invalid(f"{value} is no time in milliseconds.") from error
    if column is None:
        raise invalid(f"Crawls cannot be filtered by {member}.")
    return lambda crawl: crawl[column] is not None and compare(crawl[column], wanted)


def _shown(crawl: Any) -> Document:
    """A CrawlerHistory."""
    told = orjson.loads(crawl["document"])
    return {
        "CrawlId": crawl["id"],
        "State": "RUNNING" if crawl["ended"] is None else crawl["state"],
        "StartTime": crawl["started"],
        **({"EndTime": crawl["ended"]} if crawl["ended"] is not None else {}),
        **{member: told[member] for member in ("Summary", "ErrorMessage") if told.get(member)},
        "LogGroup": "/aws-glue/crawlers",
        "LogStream": crawl["name"],
        "MessagePrefix": crawl["id"],
    }
