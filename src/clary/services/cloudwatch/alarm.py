"""Alarms: on a metric, on metric math, on other alarms."""

import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError, Invalid, NotImplementedHere
from clary.resource import pages, tags
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.cloudwatch import query, rule, state, statistic, watch
from clary.services.cloudwatch.faults import opened
from clary.services.cloudwatch.metric import checked_period
from clary.services.cloudwatch.metrics import DAY, SQL, Metrics

Document = dict[str, Any]
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
ABSENT = ("ThresholdMetricId", "EvaluationWindow", "EvaluationCriteria", "EvaluationInterval", "WarmUpConfiguration")
ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
PAGE = 100
ENDLESS = 1e12


@operation("PutMetricAlarm")
def put(call: Call[Metrics], request: Document) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    if absent := [name for name in ABSENT if request.get(name) is not None]:
        raise NotImplementedHere(f"Clary does not have alarms with {absent[0]}.")
    if request.get("TreatMissingData", "missing") not in TREATMENTS:
        raise Invalid(f"Option for Treating Missing Data must be one of {', '.join(TREATMENTS)}")
    for name in ("ComparisonOperator", "Threshold", "EvaluationPeriods"):
        if request.get(name) is None:
            raise Invalid(f"The parameter {name} is required.")
    if request["ComparisonOperator"] not in watch.COMPARE:
        raise Invalid(f"The ComparisonOperator {request['ComparisonOperator']} needs a ThresholdMetricId.")
    _check_watched(request)
    _check_length(request)
    if request.get("DatapointsToAlarm", 1) > request["EvaluationPeriods"]:
        raise Invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    _keep(call, request)


def _check_watched(request: Document) -> None:
    if "Metrics" in request:
        if "MetricName" in request or "Statistic" in request or "ExtendedStatistic" in request:
            raise Invalid("Metrics list must not be specified together with MetricName, Statistic or "
                          "ExtendedStatistic.")  # fmt: skip
        query.check(request["Metrics"], "Metrics")
        if sum(one.get("ReturnData", True) for one in request["Metrics"]) != 1:
            raise Invalid("Exactly one element of the metrics list should return data.")
        return
    if ("Statistic" in request) is ("ExtendedStatistic" in request):
        raise Invalid("Exactly one of Statistic and ExtendedStatistic must be specified.")
    if statistic.parse(request.get("Statistic") or request["ExtendedStatistic"]) is None:
        raise Invalid(f"The value {request['ExtendedStatistic']} for parameter ExtendedStatistic is not supported.")
    for name in ("Namespace", "MetricName", "Period"):
        if request.get(name) is None:
            raise Invalid(f"The parameter {name} is required.")
    checked_period(request["Period"], "Period")


def _check_length(request: Document) -> None:
    """How far back an alarm looks."""
    period = watch.period(request, state.queries(request))
    longest = 7 * DAY if period >= 3600 else DAY
    if period * request["EvaluationPeriods"] > longest:
        days = "seven days" if longest > DAY else "a day"
        raise Invalid(
            f"Metrics cannot be checked across more than {days} (EvaluationPeriods * Period must be <= {longest})."
        )


@operation("PutCompositeAlarm")
def put_composite(call: Call[Metrics], request: Document) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html"""
    tree = rule.parse(request["AlarmRule"])
    connection = call.platform.store.read()
    for name in rule.children(tree):
        if name == request["AlarmName"]:
            raise Invalid("AlarmRule must not contain the alarm itself.")
        if _find(call, connection, name) is None:
            raise Invalid(f"AlarmRule references alarms that do not exist: {name}")
    _keep(call, request)


def _keep(call: Call[Metrics], request: Document) -> None:
    named = tags.checked(request.get("Tags") or ())
    document = {"ActionsEnabled": True, **{name: [] for name in ACTIONS}, **request}
    document.pop("Tags", None)
    row: Document = {"region": call.region, "name": request["AlarmName"], "now": call.platform.clock()}
    row["kind"] = state.kind(document)

    def work(connection: sqlite3.Connection) -> None:
        had = _find(call, connection, row["name"])
        if had is not None and state.kind(orjson.loads(had["document"])) != row["kind"]:
            raise Invalid(f"An alarm of another type has the name {row['name']} already.")
        state.keep(connection, row, document, new=had is None)
        if had is None:  # tags of an alarm that is there already are TagResource's
            tags.put(connection, state.arn(call.region, call.account, row["name"]), named)

    call.platform.store.write(work)


def _find(call: Call[Metrics], connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(SQL["alarm_find"], {"region": call.region, "name": name}).fetchone()


def _shown(call: Call[Metrics], row: Any) -> Document:
    found: Document = {
        **orjson.loads(row["document"]),
        "AlarmArn": state.arn(call.region, call.account, row["name"]),
        "AlarmConfigurationUpdatedTimestamp": row["configured"],
        "StateValue": row["state"],
        "StateReason": row["reason"],
        "StateUpdatedTimestamp": row["updated"],
        "StateTransitionedTimestamp": row["transitioned"],
    }
    if row["data"]:
        found["StateReasonData"] = row["data"]
    if "MetricName" in found:
        found.setdefault("Dimensions", [])
    return found


@operation("DescribeAlarms")
def describe(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""
    token = ["DescribeAlarms", call.region, {**request, "NextToken": None}]
    after = (opened(request.get("NextToken"), token) or [""])[0]
    values = {"region": call.region, "after": after, "state": request.get("StateValue")}
    keep = _wanted(call, request)
    found: list[Document] = []
    answer: Document = {}
    for row in call.platform.store.read().execute(SQL["alarm_page"], values):
        shown = _shown(call, row)
        if not keep(shown):
            continue
        if len(found) == request.get("MaxRecords", PAGE):
            answer["NextToken"] = pages.sealed([found[-1]["AlarmName"]], token)
            break
        found.append(shown)
    answer["MetricAlarms"] = [alarm for alarm in found if "AlarmRule" not in alarm]
    answer["CompositeAlarms"] = [alarm for alarm in found if "AlarmRule" in alarm]
    return answer


def _wanted(call: Call[Metrics], request: Document) -> pages.Keep:
    if request.get("AlarmNames") and request.get("AlarmNamePrefix"):
        raise AWSError("InvalidParameterCombination", "AlarmNames and AlarmNamePrefix exclude each other.", 400)
    tests: list[pages.Keep] = []
    if names := set(request.get("AlarmNames") or ()):
        tests.append(lambda alarm: alarm["AlarmName"] in names)
    if prefix := request.get("AlarmNamePrefix"):
        tests.append(lambda alarm: alarm["AlarmName"].startswith(prefix))
    if action := request.get("ActionPrefix"):
        tests.append(lambda alarm: any(one.startswith(action) for name in ACTIONS for one in alarm.get(name) or ()))
    if parent := request.get("ChildrenOfAlarmName"):
        row = _find(call, call.platform.store.read(), parent)
        text = orjson.loads(row["document"]).get("AlarmRule") if row else None
        below = set(rule.children(rule.parse(text))) if text else set()
        tests.append(lambda alarm: alarm["AlarmName"] in below)
    if child := request.get("ParentsOfAlarmName"):
        tests.append(lambda alarm: "AlarmRule" in alarm and child in rule.children(rule.parse(alarm["AlarmRule"])))
    # Without types, and where no relation is asked for, metric alarms alone are given.
    related = "ChildrenOfAlarmName" in request or "ParentsOfAlarmName" in request
    kinds = request.get("AlarmTypes") or (["MetricAlarm", "CompositeAlarm"] if related else ["MetricAlarm"])
    tests.append(lambda alarm: state.kind(alarm) in kinds)
    return lambda alarm: all(test(alarm) for test in tests)


@operation("DescribeAlarmsForMetric")
def for_metric(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmsForMetric.html"""
    wanted = {name: value for name, value in request.items() if name != "Dimensions"}
    dimensions = {one["Name"]: one["Value"] for one in request.get("Dimensions") or ()}
    values = {"region": call.region, "after": "", "state": None}
    found = [_shown(call, row) for row in call.platform.store.read().execute(SQL["alarm_page"], values)]
    return {
        "MetricAlarms": [
            alarm
            for alarm in found
            if all(alarm.get(name) == value for name, value in wanted.items())
            and {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or ()} == dimensions
        ]
    }


@operation("DeleteAlarms")
def delete(call: Call[Metrics], request: Document) -> None:
    """Names that are not there are passed over, as AWS does."""

    def work(connection: sqlite3.Connection) -> None:
        for name in request["AlarmNames"]:
            had = _find(call, connection, name)
            if had is None:
                continue
            row = {"region": call.region, "name": name, "now": call.platform.clock()}
            row["kind"] = state.kind(orjson.loads(had["document"]))
            state.drop(connection, row, call.account)

    call.platform.store.write(work)


@operation("SetAlarmState")
def set_state(call: Call[Metrics], request: Document) -> None:
    """Until the alarm is looked at next. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html"""
    row = _find(call, call.platform.store.read(), request["AlarmName"])
    if row is None:
        raise AWSError("ResourceNotFound", "", 404)
    data = request.get("StateReasonData", "")
    state.change(call.platform, row, request["StateValue"], request["StateReason"], data)


@operation("EnableAlarmActions")
def enable(call: Call[Metrics], request: Document) -> None:
    _switch(call, request, enabled=True)


@operation("DisableAlarmActions")
def disable(call: Call[Metrics], request: Document) -> None:
    _switch(call, request, enabled=False)


def _switch(call: Call[Metrics], request: Document, *, enabled: bool) -> None:
    def work(connection: sqlite3.Connection) -> None:
        for name in request["AlarmNames"]:
            if (row := _find(call, connection, name)) is not None:
                document = {**orjson.loads(row["document"]), "ActionsEnabled": enabled}
                values = {"region": call.region, "name": name, "now": call.platform.clock()}
                connection.execute(SQL["alarm_change"], {**values, "document": orjson.dumps(document).decode()})

    call.platform.store.write(work)


@operation("DescribeAlarmHistory")
def history(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html"""
    token = ["DescribeAlarmHistory", call.region, {**request, "NextToken": None}]
    after = opened(request.get("NextToken"), token) or [None, None]
    size = request.get("MaxRecords", PAGE)
    down = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    values = {
        "region": call.region,
        "alarm": request.get("AlarmName"),
        "type": request.get("HistoryItemType"),
        "kinds": ",".join(request.get("AlarmTypes") or ["MetricAlarm"]),
        "start": request.get("StartDate", 0.0),
        "end": request.get("EndDate", ENDLESS),
        "after": after[0],
        "after_id": after[1],
        "limit": size + 1,
    }
    statement = SQL["history_page"].format(way="DESC" if down else "ASC", beyond="<" if down else ">")
    rows = call.platform.store.read().execute(statement, values).fetchall()
    answer: Document = {"AlarmHistoryItems": [_item(row) for row in rows[:size]]}
    if len(rows) > size:
        answer["NextToken"] = pages.sealed([rows[size - 1]["at"], rows[size - 1]["id"]], token)
    return answer


def _item(row: Any) -> Document:
    return {
        "AlarmName": row["alarm"],
        "AlarmType": row["kind"],
        "Timestamp": row["at"],
        "HistoryItemType": row["type"],
        "HistorySummary": row["summary"],
        "HistoryData": row["data"],
    }
