"""Metrics: put, listed, and read one at a time."""

import math
from typing import Any

import orjson

from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.cloudwatch import metrics, statistic, summary
from clary.services.cloudwatch.faults import combined, invalid, missing, opened
from clary.services.cloudwatch.metrics import DAY, HOUR, SQL, Datum, Metrics
from clary.services.cloudwatch.summary import Summary

Document = dict[str, Any]
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
MOST_DATA = 1000
MOST_VALUES = 150
LARGEST = 2.0**360
PAST, FUTURE = 14 * DAY, 2 * HOUR
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
PAGE = 500
RECENT = 3 * HOUR
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
MOST_POINTS = 1440
SHORT = (1, 5, 10, 20, 30)


@operation("PutMetricData")
def put(call: Call[Metrics], request: Document) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
    given = [(f"MetricData.member.{n}", one) for n, one in enumerate(request.get("MetricData") or (), 1)]
    for number, entity in enumerate(request.get("EntityMetricData") or (), 1):
        path = f"EntityMetricData.member.{number}.MetricData.member"
        given += [(f"{path}.{n}", one) for n, one in enumerate(entity.get("MetricData") or (), 1)]
    if not given:
        raise missing("The parameter MetricData is required.")
    if len(given) > MOST_DATA:
        raise invalid(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    now = call.platform.clock()
    call.state.add(call.region, request["Namespace"], [_datum(place, one, now) for place, one in given])


def _datum(place: str, given: Document, now: float) -> Datum:
    at = given.get("Timestamp", now)
    if at < now - PAST:
        raise invalid(f"The parameter {place}.Timestamp must specify a time within the past two weeks.")
    if at > now + FUTURE:
        raise invalid(f"The parameter {place}.Timestamp must specify a time no more than two hours in the future.")
    resolution = given.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise invalid(f"The value {resolution} for parameter {place}.StorageResolution is invalid.")
    return Datum(
        name=given["MetricName"],
        dimensions=metrics.written(dimensions(given)),
        unit=given.get("Unit", "None"),
        at=at,
        period=resolution,
        summary=_summary(place, given),
    )


def _summary(place: str, given: Document) -> Summary:
    """Of a value, of values and their counts, or of a statistic set: exactly one of these is given."""
    ways = [way for way in ("Value", "Values", "StatisticValues") if given.get(way) is not None]
    if not ways:
        raise missing(f"At least one of the parameters {place}.Value, {place}.Values and {place}.StatisticValues is "
                      "required.")  # fmt: skip
    if len(ways) > 1:
        raise combined(f"The parameters {place}.{ways[0]} and {place}.{ways[1]} are mutually exclusive and you have "
                       "specified both.")  # fmt: skip
    if ways == ["Value"]:
        return summary.of([(_number(f"{place}.Value", given["Value"]), 1.0)])
    if ways == ["StatisticValues"]:
        found = {name: _number(f"{place}.StatisticValues.{name}", x) for name, x in given["StatisticValues"].items()}
        if found["SampleCount"] <= 0 or found["Minimum"] > found["Maximum"]:
            raise invalid(f"The values of the parameter {place}.StatisticValues contradict each other.")
        return summary.of_set(found)
    values = [_number(f"{place}.Values.member.{n}", x) for n, x in enumerate(given["Values"], 1)]
    counts = [_number(f"{place}.Counts.member.{n}", x) for n, x in enumerate(given.get("Counts") or (), 1)]
    if not values or len(values) > MOST_VALUES:
        raise invalid(f"The collection {place}.Values must not have a size greater than {MOST_VALUES}, or of none.")
    if counts and len(counts) != len(values):
        raise invalid(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    if any(count <= 0 for count in counts):
        raise invalid(f"The counts of the parameter {place}.Counts must be greater than 0.")
    return summary.of(zip(values, counts or [1.0] * len(values), strict=True))


def _number(place: str, value: float) -> float:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise invalid(f"The value {value} for parameter {place} is invalid.")
    return float(value)


def dimensions(given: Document) -> dict[str, str]:
    found: dict[str, str] = {one["Name"]: one["Value"] for one in given.get("Dimensions") or ()}
    if len(found) != len(given.get("Dimensions") or ()):
        raise invalid("No two dimensions of a metric may have the same name.")
    return found


@operation("ListMetrics")
def listed(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html"""
    query = ["ListMetrics", call.region, {**request, "NextToken": None}]
    place = opened(request.get("NextToken"), query) or ["", "", ""]
    values = {
        "region": call.region,
        "namespace": request.get("Namespace"),
        "name": request.get("MetricName"),
        "since": call.platform.clock() - (RECENT if request.get("RecentlyActive") else PAST),
        "after_namespace": place[0],
        "after_name": place[1],
        "after_dimensions": place[2],
    }
    wanted = [(one["Name"], one.get("Value")) for one in request.get("Dimensions") or ()]
    found: list[Document] = []
    if request.get("OwningAccount", call.account) != call.account:
        return {"Metrics": found}
    for row in call.platform.store.read().execute(SQL["metric_page"], values):
        had = dict(orjson.loads(row["dimensions"]))
        if any(name not in had or value not in (None, had[name]) for name, value in wanted):
            continue
        if len(found) == PAGE:
            return {"Metrics": found, "NextToken": pages.sealed(place, query)}
        place = [row["namespace"], row["name"], row["dimensions"]]
        shown = metrics.shown(row["dimensions"])
        found.append({"Namespace": row["namespace"], "MetricName": row["name"], "Dimensions": shown})
    return {"Metrics": found}


@operation("GetMetricStatistics")
def statistics(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html"""
    simple, extended = request.get("Statistics") or [], request.get("ExtendedStatistics") or []
    if not simple and not extended:
        raise missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
    for name in extended:
        if name in statistic.SIMPLE or statistic.parse(name) is None:
            raise invalid(f"The value {name} for parameter ExtendedStatistics is not supported.")
    period = checked_period(request["Period"], "Period")
    start, end = span(call, request)
    if (end - start) / period > MOST_POINTS:
        raise combined(
            f"You have requested up to {math.ceil((end - start) / period):,} datapoints, which exceeds the limit of "
            f"{MOST_POINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time "
            "range."
        )
    metric = (request["Namespace"], request["MetricName"], metrics.written(dimensions(request)))
    found = call.state.read(call.region, metric, (start, end), period, request.get("Unit"))
    points = []
    for (at, unit), summed in sorted(found.items()):
        point: Document = {"Timestamp": at, "Unit": unit}
        point |= {name: statistic.SIMPLE[name](summed) for name in simple}
        more = {name: _known(name, summed) for name in extended}
        if more := {name: value for name, value in more.items() if value is not None}:
            point["ExtendedStatistics"] = more
        if simple or more:
            points.append(point)
    return {"Label": request["MetricName"], "Datapoints": points}


def _known(name: str, summed: Summary) -> float | None:
    parsed = statistic.parse(name)
    assert parsed is not None, "checked"
    return parsed(summed)


def checked_period(period: int, place: str) -> int:
    """1, 5, 10, 20, 30 or any multiple of 60 seconds."""
    if period not in SHORT and period % 60:
        raise invalid(f"The value {period} for parameter {place} is invalid: it must be 1, 5, 10, 20, 30 or a multiple "
                      "of 60.")  # fmt: skip
    return period


def span(call: Call[Any], request: Document) -> tuple[float, float]:
    """The time that is asked for, its start rounded down by its age as AWS does."""
    start, end = request["StartTime"], request["EndTime"]
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    age = call.platform.clock() - start
    period = request.get("Period") or 60
    step = min(60, period)
    step = 300 if age > 15 * DAY else step
    step = HOUR if age > 63 * DAY else step
    return start // step * step, end
