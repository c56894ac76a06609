"""Tags of alarms and dashboards."""

import sqlite3
from typing import Any

from clary.errors import AWSError
from clary.resource import tags
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.cloudwatch import dashboard, state
from clary.services.cloudwatch.metrics import SQL, Metrics

Document = dict[str, Any]


def _known(call: Call[Metrics], connection: sqlite3.Connection, request: Document) -> str:
    """The ARN of an alarm or a dashboard that is there. Raises ResourceNotFoundException."""
    arn = str(request["ResourceARN"])
    start = dashboard.arn(call.account, "")
    if arn.startswith(start):
        row = connection.execute(SQL["dashboard_find"], {"name": arn.removeprefix(start)}).fetchone()
    else:
        name = arn.partition(":alarm:")[2]
        row = connection.execute(SQL["alarm_find"], {"region": call.region, "name": name}).fetchone()
        row = row if arn == state.arn(call.region, call.account, name) else None
    if row is None:
        raise AWSError("ResourceNotFoundException", f"Unknown resource: {arn}", 404)
    return arn


@operation("TagResource")
def add(call: Call[Metrics], request: Document) -> Document:
    named = tags.checked(request["Tags"])
    call.platform.store.write(lambda connection: tags.put(connection, _known(call, connection, request), named))
    return {}


@operation("UntagResource")
def remove(call: Call[Metrics], request: Document) -> Document:
    keys = request["TagKeys"]
    call.platform.store.write(lambda connection: tags.drop(connection, _known(call, connection, request), keys))
    return {}


@operation("ListTagsForResource")
def listed(call: Call[Metrics], request: Document) -> Document:
    connection = call.platform.store.read()
    had = tags.read(connection, _known(call, connection, request))
    return {"Tags": [{"Key": key, "Value": value} for key, value in had.items()]}
