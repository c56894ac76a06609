"""Dashboards: kept for whoever draws them."""

import re
import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource import pages, tags
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.cloudwatch.faults import invalid, opened
from clary.services.cloudwatch.metrics import SQL, Metrics

Document = dict[str, Any]
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
PAGE = 1000  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListDashboards.html


def arn(account: str, name: str) -> str:
    """Dashboards are of no region."""
    return f"arn:aws:cloudwatch::{account}:dashboard/{name}"


def _missing(name: str) -> AWSError:
    return AWSError("DashboardNotFoundError", f"Dashboard {name} does not exist", 404)


@operation("PutDashboard")
def put(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html"""
    name, body = request["DashboardName"], request["DashboardBody"]
    if not NAME.fullmatch(name):
        raise _refused("/DashboardName", f"The value {name} does not match the pattern {NAME.pattern}")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refused("", "The field DashboardBody must be a valid JSON object") from error
    if not isinstance(parsed, dict):
        raise _refused("", "The field DashboardBody must be a valid JSON object")
    named = tags.checked(request.get("Tags") or ())
    values = {"name": name, "body": body, "modified": call.platform.clock()}

    def work(connection: sqlite3.Connection) -> None:
        new = connection.execute(SQL["dashboard_find"], values).fetchone() is None
        connection.execute(SQL["dashboard_put"], values)
        if new:  # tags of one that is there already are TagResource's
            tags.put(connection, arn(call.account, name), named)

    call.platform.store.write(work)
    return {"DashboardValidationMessages": []}


def _refused(path: str, said: str) -> AWSError:
    messages = [{"DataPath": path, "Message": said}]
    return AWSError("DashboardInvalidInputError", said, 400, dashboardValidationMessages=messages)


@operation("GetDashboard")
def get(call: Call[Metrics], request: Document) -> Document:
    name = request["DashboardName"]
    row = call.platform.store.read().execute(SQL["dashboard_find"], {"name": name}).fetchone()
    if row is None:
        raise _missing(name)
    return {"DashboardArn": arn(call.account, name), "DashboardBody": row["body"], "DashboardName": name}


@operation("ListDashboards")
def listed(call: Call[Metrics], request: Document) -> Document:
    token = ["ListDashboards", {**request, "NextToken": None}]
    after, prefix = (opened(request.get("NextToken"), token) or [""])[0], request.get("DashboardNamePrefix", "")
    found: list[Document] = []
    for row in call.platform.store.read().execute(SQL["dashboard_page"], {"after": after}):
        if not row["name"].startswith(prefix):
            continue
        if len(found) == PAGE:
            return {"DashboardEntries": found, "NextToken": pages.sealed([found[-1]["DashboardName"]], token)}
        entry = {"DashboardName": row["name"], "DashboardArn": arn(call.account, row["name"])}
        found.append({**entry, "LastModified": row["modified"], "Size": row["size"]})
    return {"DashboardEntries": found}


@operation("DeleteDashboards")
def delete(call: Call[Metrics], request: Document) -> Document:
    """All, or none where one is not there."""
    if not request["DashboardNames"]:
        raise invalid("The parameter DashboardNames must not be empty.")

    def work(connection: sqlite3.Connection) -> None:
        for name in request["DashboardNames"]:
            if not connection.execute(SQL["dashboard_remove"], {"name": name}).rowcount:
                raise _missing(name)
            connection.execute(tags.SQL["tag_clear"], {"arn": arn(call.account, name)})

    call.platform.store.write(work)
    return {}
