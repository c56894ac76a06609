"""Crawlers: they look at what lies in S3, and write tables of it into the Data Catalog.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html
"""

import sqlite3
from typing import Any, Final

import orjson

from clary.errors import NotImplementedHere
from clary.resource import crud
from clary.resource.call import Call, Platform
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.crawler import classifier
from clary.services.glue.crawler.crawls import CRAWLER, SQL, STATUSES, due, idle
from clary.services.glue.job import tagged
from clary.services.glue.job_check import passed
from clary.services.glue.state import Document, Glue, exists, here, invalid, missing

_ONE = ("crawler/{Name}",)
TARGETS = {
    **dict.fromkeys(("CreateCrawler", "GetCrawler", "UpdateCrawler", "DeleteCrawler"), _ONE),
    "BatchGetCrawlers": ("crawler/{CrawlerNames}",),
}
KEPT: Final = ("LineageConfiguration", "LakeFormationConfiguration", "CrawlerSecurityConfiguration")
UNUSED = {"CreateCrawler": {*KEPT}, "UpdateCrawler": {*KEPT}}
OTHERS: Final = (
    *("JdbcTargets", "MongoDBTargets", "DynamoDBTargets", "CatalogTargets"),
    *("DeltaTargets", "IcebergTargets", "HudiTargets"),
)
EVENTS: Final = ("ConnectionName", "EventQueueArn", "DlqEventQueueArn")
CHANGES: Final = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"}
MOST_SAMPLES: Final = 249
ROLE: Final = "Service is unable to assume provided role {}. Please verify role's TrustPolicy"


@operation("CreateCrawler")
def create(call: Call[Glue], request: Document) -> Document:
    document = _checked(call, {name: value for name, value in request.items() if name != "Tags"})
    platform, name = call.platform, request["Name"]

    def work(connection: sqlite3.Connection) -> None:
        now, place = state.now(platform), here(call)
        _known(call, connection, document)
        if state.find(connection, place, CRAWLER, name) is not None:
            raise exists(f"Crawler with name {name} already exists")
        made = {**document, "Version": 1, "ScheduleState": "SCHEDULED" if document.get("Schedule") else ""}
        arn = state.add(connection, place, CRAWLER, f"crawler/{name}", name, made, now)
        state.tag(connection, arn, request.get("Tags", {}))
        due(connection, arn, made, now, now)

    platform.store.write(work)
    call.state.crawls.wake()
    return {}


@operation("GetCrawler", inline=True)
def get(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    return {"Crawler": shown(connection, find(call, connection, request["Name"]), call.platform)}


@operation("GetCrawlers")
def get_all(call: Call[Glue], request: Document) -> Document:
    found, token = state.page(call, request, CRAWLER)
    connection = call.platform.store.read()
    return state.answer("Crawlers", [shown(connection, row, call.platform) for row in found], token)


@operation("BatchGetCrawlers")
def get_batch(call: Call[Glue], request: Document) -> Document:
    connection = call.platform.store.read()
    rows = {name: state.find(connection, here(call), CRAWLER, name) for name in request["CrawlerNames"]}
    return {
        "Crawlers": [shown(connection, row, call.platform) for row in rows.values() if row is not None],
        "CrawlersNotFound": [name for name, row in rows.items() if row is None],
    }


@operation("ListCrawlers")
def list_names(call: Call[Glue], request: Document) -> Document:
    found, token = state.page(call, request, CRAWLER, tagged(call, request))
    return state.answer("CrawlerNames", [row["name"] for row in found], token)


@operation("UpdateCrawler")
def update(call: Call[Glue], request: Document) -> Document:
    """What is not said stays."""
    platform = call.platform
    with platform.store.moment() as connection:
        had = state.loaded(find(call, connection, request["Name"]))
    document = _checked(call, {**had, **request})

    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["Name"])
        idle(connection, row)
        _known(call, connection, document)
        had = state.loaded(row)
        now = state.now(platform)
        changed = {**document, "Version": had["Version"] + 1, "ScheduleState": had["ScheduleState"]}
        if request.get("Schedule") and not had.get("Schedule"):
            changed["ScheduleState"] = "SCHEDULED"
        state.change(connection, row, changed, now)
        due(connection, row["arn"], changed, now, row["created"])

    platform.store.write(work)
    call.state.crawls.wake()
    return {}


@operation("DeleteCrawler")
def delete(call: Call[Glue], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        row = find(call, connection, request["Name"])
        idle(connection, row)
        crud.forget(connection, row["arn"])
        for statement in ("crawl_clear", "due_remove"):
            connection.execute(SQL[statement], {"arn": row["arn"]})

    call.platform.store.write(work)
    return {}


def find(call: Call[Glue], connection: sqlite3.Connection, name: str) -> Any:
    """Its row. Raises EntityNotFoundException."""
    row = state.find(connection, here(call), CRAWLER, name)
    if row is None:
        raise missing(f"Crawler with name {name} does not exist")
    return row


def _checked(call: Call[Glue], given: Document) -> Document:
    """What a crawler is asked to be, with what it has by default. Raises InvalidInputException and
    NotImplementedHere for what is not here.
    """
    targets = given["Targets"]
    for member in OTHERS:
        if targets.get(member):
            raise NotImplementedHere(f"Clary's crawlers look at S3 alone, and have no {member}.")
    if not targets.get("S3Targets"):
        raise invalid("At least one target must be given.")
    for each in targets["S3Targets"]:
        _check_target(each)
    arn = passed(call, given["Role"], ROLE)
    if given.get("Schedule"):
        state.due(given["Schedule"])
    _check_configuration(given.get("Configuration"))
    if given.get("RecrawlPolicy", {}).get("RecrawlBehavior") == "CRAWL_EVENT_MODE":
        raise NotImplementedHere("Clary's crawlers are not told of events: there is no CRAWL_EVENT_MODE.")
    return {
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
        **given,
        "SchemaChangePolicy": {**CHANGES, **given.get("SchemaChangePolicy", {})},
        "RoleArn": arn,
    }


def _check_target(target: Document) -> None:
    path = target.get("Path", "")
    if not path.removeprefix("s3://").strip("/") or ("://" in path and not path.startswith("s3://")):
        raise invalid(f"The S3 path {path!r} is not of the form s3://bucket/prefix.")
    if member := next((each for each in EVENTS if target.get(each)), ""):
        raise NotImplementedHere(f"Clary's crawlers do not have {member}.")
    if not 1 <= target.get("SampleSize", 1) <= MOST_SAMPLES:
        raise invalid(f"SampleSize is from 1 to {MOST_SAMPLES}.")


def _check_configuration(text: str | None) -> None:
    try:
        found = orjson.loads(text) if text else {}
    except ValueError as error:
        raise invalid("The crawler's Configuration is not JSON.") from error
    if not isinstance(found, dict):
        raise invalid("The crawler's Configuration is no JSON object.")


def _known(call: Call[Glue], connection: sqlite3.Connection, document: Document) -> None:
    for name in document.get("Classifiers", []):
        classifier.find(call, connection, name)


def shown(connection: sqlite3.Connection, row: Any, platform: Platform) -> Document:
    """A Crawler."""
    document = state.loaded(row)
    values = {"arn": row["arn"]}
    going = connection.execute(SQL["crawl_open"], values).fetchone()
    last = connection.execute(SQL["crawl_last"], values).fetchone()
    made = {
        "Classifiers": [],
        **{name: value for name, value in document.items() if name not in ("Schedule", "ScheduleState", "RoleArn")},
        "State": going["state"] if going is not None else "READY",
        "CrawlElapsedTime": int((platform.clock() - going["started"]) * 1000) if going is not None else 0,
        "CreationTime": row["created"],
        "LastUpdated": row["modified"],
    }
    made["Role"] = made["Role"].rpartition("role/")[2]
    if document.get("Schedule"):
        made["Schedule"] = {"ScheduleExpression": document["Schedule"], "State": document["ScheduleState"]}
    if last is not None:
        made["LastCrawl"] = ended(last)
    return made


def ended(crawl: Any) -> Document:
    """A LastCrawlInfo."""
    told = orjson.loads(crawl["document"])
    status = STATUSES.get(crawl["state"], crawl["state"])
    return {
        "Status": status,
        **({"ErrorMessage": told["ErrorMessage"]} if told.get("ErrorMessage") else {}),
        "LogGroup": "/aws-glue/crawlers",
        "LogStream": crawl["name"],
        "MessagePrefix": crawl["id"],
        "StartTime": crawl["started"],
    }
