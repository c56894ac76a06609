"""Scheduled actions: at their time, a target gets other bounds.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
"""

import sqlite3

import orjson

from clary.errors import Invalid
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.application_autoscaling import schedule
from clary.services.application_autoscaling.state import (
    SQL,
    Document,
    Scaling,
    answer,
    existing,
    made_arn,
    named,
    page,
    registered,
    shown,
)

MOMENT = 0.001  # seconds: what is due at the very start is due
KEPT = ("ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


@operation("PutScheduledAction")
def put(call: Call[Scaling], request: Document) -> Document:
    place = {**named(call, request), "name": request["ScheduledActionName"]}

    def work(connection: sqlite3.Connection) -> None:
        registered(call, connection, request)
        row = connection.execute(SQL["action_find"], place).fetchone()
        had = orjson.loads(row["document"]) if row else {}
        document = {**had, **{name: request[name] for name in KEPT if request.get(name) is not None}}
        now = call.platform.clock()
        _check(document, request, now)
        arn = row["arn"] if row else made_arn(call, request, "scheduledAction", "scheduledActionName")
        moment = due(document, now, row["created"] if row else now)
        stored = {**place, "arn": arn, "document": orjson.dumps(document), "now": now, "due": moment}
        connection.execute(SQL["action_put"], stored)

    call.platform.store.write(work)
    call.state.clock.wake()
    return {}


def due(document: Document, after: float, created: float) -> float | None:
    """When it is next to be carried out; None: never again. Raises Invalid."""
    begun = document.get("StartTime", created)
    next_one = schedule.parse(document["Schedule"], document.get("Timezone", "UTC"))
    if "StartTime" in document:
        after = max(after, begun - MOMENT)
    moment = next_one(after, begun)
    ends = document.get("EndTime")
    return None if moment is None or (ends is not None and moment > ends) else moment


def _check(document: Document, request: Document, now: float) -> None:
    if not document.get("Schedule"):
        raise Invalid("A schedule is required for a new scheduled action.")
    action = document.get("ScalableTargetAction") or {}
    least, most = action.get("MinCapacity"), action.get("MaxCapacity")
    if least is None and most is None:
        raise Invalid("At least one of MinCapacity and MaxCapacity is required in ScalableTargetAction.")
    if least is not None and most is not None and most < least:
        raise Invalid("Maximum capacity cannot be less than minimum capacity")
    if any(each is not None and each < 0 for each in (least, most)):
        raise Invalid("Capacities must not be less than 0.")
    start, ends = document.get("StartTime"), document.get("EndTime")
    if start is not None and ends is not None and start >= ends:
        raise Invalid("StartTime must be before EndTime.")
    if "Schedule" in request and due(document, now, now) is None:
        raise Invalid(f"The schedule {request['Schedule']} has no time that is still to come.")


@operation("DescribeScheduledActions")
def described(call: Call[Scaling], request: Document) -> Document:
    key = ("resource", "dimension", "name")
    rows, token = page(call, request, "action_page", key, ("ScheduledActionNames", "name"))
    found = [{**shown(row), "ScheduledActionARN": row["arn"], "CreationTime": row["created"]} for row in rows]
    return answer("ScheduledActions", found, token)


@operation("DeleteScheduledAction")
def delete(call: Call[Scaling], request: Document) -> Document:
    place = {**named(call, request), "name": request["ScheduledActionName"]}

    def work(connection: sqlite3.Connection) -> None:
        row = existing(connection, "action_find", place, request, "scheduled action")
        connection.execute(SQL["action_remove"], {"arn": row["arn"]})

    call.platform.store.write(work)
    return {}
