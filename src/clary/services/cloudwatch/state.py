"""An alarm's state, and what follows when it changes: a line of its history, and an event on the bus."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import orjson

from clary.resource import tags
from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.services.cloudwatch.metrics import SQL

Document = dict[str, Any]
CREATED = "Unchecked: Initial alarm creation"


def stamp(at: float) -> str:
    """As alarms write times: 2026-01-02T03:04:05.678+0000."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


def arn(region: str, account: str, name: str) -> str:
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


def kind(document: Document) -> str:
    """What AWS calls an alarm's type."""
    return "CompositeAlarm" if "AlarmRule" in document else "MetricAlarm"


def note(connection: sqlite3.Connection, row: Document, what: str, summary: str, data: Document) -> None:
    """Within a transaction: a line of the history. `row` has region, name, kind and now."""
    values = {"region": row["region"], "alarm": row["name"], "kind": row["kind"], "at": row["now"], "type": what}
    connection.execute(SQL["history_add"], {**values, "summary": summary, "data": orjson.dumps(data).decode()})


def keep(connection: sqlite3.Connection, row: Document, document: Document, *, new: bool) -> None:
    """Within a transaction: an alarm as it is to be from now on. `row` as above."""
    stored = {**row, "document": orjson.dumps(document).decode(), "reason": CREATED}
    connection.execute(SQL["alarm_put"], stored)
    _configured(connection, row, "Create" if new else "Update")


def drop(connection: sqlite3.Connection, row: Document, account: str) -> None:
    """Within a transaction: an alarm goes. `row` as above."""
    connection.execute(SQL["alarm_remove"], row)
    connection.execute(tags.SQL["tag_clear"], {"arn": arn(row["region"], account, row["name"])})
    _configured(connection, row, "Delete")


def _configured(connection: sqlite3.Connection, row: Document, how: str) -> None:
    summary = f'Alarm "{row["name"]}" {how.lower()}d'[:255]
    note(connection, row, "ConfigurationUpdate", summary, {"version": "1.0", "type": how})


def change(platform: Platform, row: Any, state: str, reason: str, data: str) -> None:
    """The alarm of that row is in this state now."""
    now = platform.clock()
    values = {
        "region": row["region"],
        "name": row["name"],
        "configured": row["configured"],
        "kind": kind(orjson.loads(row["document"])),
        "state": state,
        "reason": reason[:1023],
        "data": data[:4000],
        "now": now,
    }
    old, new = said(row), said({**values, "transitioned": now, "updated": now})
    moved: bool = row["state"] != state

    def work(connection: sqlite3.Connection) -> bool:
        if not connection.execute(SQL["alarm_state"], values).rowcount:
            return False  # it is gone, or another one by now
        if moved:
            summary = f"Alarm updated from {row['state']} to {state}"
            note(connection, values, "StateUpdate", summary, {"version": "1.0", "oldState": old, "newState": new})
        return moved

    if platform.store.write(work):
        platform.bus.publish(_event(platform, row, values))


def said(row: Any) -> Document:
    """A state as history has it."""
    found: Document = {"stateValue": row["state"], "stateReason": row["reason"]}
    if row["data"]:
        found["stateReasonData"] = _read(row["data"])
    return found


def _read(data: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:  # SetAlarmState takes any text
        return data


def _event(platform: Platform, row: Any, values: Document) -> Event:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    document, account = orjson.loads(row["document"]), platform.config.account_id
    detail = {
        "alarmName": row["name"],
        "state": _shown(values["state"], values["reason"], values["data"], values["now"]),
        "previousState": _shown(row["state"], row["reason"], row["data"], row["updated"]),
        "configuration": {"description": document.get("AlarmDescription", ""), **_watched(document)},
    }
    return Event(
        source="aws.cloudwatch",
        detail_type="CloudWatch Alarm State Change",
        detail=detail,
        resources=(arn(row["region"], account, row["name"]),),
        account=account,
        region=row["region"],
        time=values["now"],
    )


def _shown(state: str, reason: str, data: str, at: float) -> Document:
    found = {"value": state, "reason": reason, "timestamp": stamp(at)}
    return {**found, "reasonData": data} if data else found


def _watched(document: Document) -> Document:
    """The metrics of an alarm, as its events tell them."""
    if "AlarmRule" in document:
        return {"alarmRule": document["AlarmRule"]}
    return {"metrics": [_metric(query) for query in queries(document)]}


def _metric(query: Document) -> Document:
    found: Document = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "Expression" in query:
        return {**found, "expression": query["Expression"], "label": query.get("Label", "")}
    asked = query["MetricStat"]
    metric = asked["Metric"]
    return {
        **found,
        "metricStat": {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions", ())},
            },
            "period": asked["Period"],
            "stat": asked["Stat"],
        },
    }


def queries(document: Document) -> list[Document]:
    """What an alarm watches, as GetMetricData is asked for it."""
    if "Metrics" in document:
        return list(document["Metrics"])
    metric = {name: document[name] for name in ("Namespace", "MetricName", "Dimensions") if name in document}
    stat = document.get("Statistic") or document.get("ExtendedStatistic")
    asked = {"Metric": metric, "Period": document["Period"], "Stat": stat, "Unit": document.get("Unit")}
    return [{"Id": "m1", "MetricStat": {name: value for name, value in asked.items() if value is not None}}]
