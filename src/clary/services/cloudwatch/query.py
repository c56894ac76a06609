"""GetMetricData: many metrics at once, and what is calculated from them."""

import re
from collections.abc import Iterator
from typing import Any

from clary.errors import Invalid
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.cloudwatch import expression, metrics, statistic
from clary.services.cloudwatch.expression import MOST_POINTS
from clary.services.cloudwatch.faults import opened
from clary.services.cloudwatch.metric import checked_period, dimensions, span
from clary.services.cloudwatch.metrics import Metrics
from clary.services.cloudwatch.series import MathError, Series, Value
from clary.services.cloudwatch.summary import Summary

Document = dict[str, Any]
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
MOST_QUERIES = 500
ID = re.compile(r"[a-z]\w*", re.ASCII)


@operation("GetMetricData")
def data(call: Call[Metrics], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
    queries = request["MetricDataQueries"]
    check(queries, "MetricDataQueries")
    periods = [one["MetricStat"]["Period"] for one in queries if "MetricStat" in one]
    between = span(call, {**request, "Period": min(periods, default=60)})
    found = values(call.state, call.region, queries, between)
    token = ["GetMetricData", call.region, {**request, "NextToken": None}]
    skip: int = (opened(request.get("NextToken"), token) or [0])[0]
    most = min(request.get("MaxDatapoints", MOST_POINTS), MOST_POINTS)
    descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results, seen = [], 0
    for result in _results(queries, found, descending=descending):
        count = len(result["Values"])
        start, end = max(0, skip - seen), max(0, min(count, skip + most - seen))
        if (start < end or (not count and seen >= skip)) and seen <= skip + most:
            cut = {key: result[key][start:end] for key in ("Timestamps", "Values")}
            results.append({**result, **cut, "StatusCode": "PartialData" if end < count else "Complete"})
        seen += count
    answer: Document = {"MetricDataResults": results, "Messages": []}
    if seen > skip + most:
        answer["NextToken"] = pages.sealed([skip + most], token)
    return answer


def _results(queries: list[Document], found: dict[str, Value], *, descending: bool) -> Iterator[Document]:
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        value = found[query["Id"]]
        if isinstance(value, str | float | int):
            raise wrong(query["Id"], "it must return a time series, and not a number")
        several = isinstance(value, list)
        for one in value if isinstance(value, list) else [value]:
            times = sorted(one.values, reverse=descending)
            label = query.get("Label") or (one.label if several or "MetricStat" in query else "") or query["Id"]
            yield {
                "Id": query["Id"],
                "Label": label,
                "Timestamps": times,
                "Values": [one.values[at] for at in times],
            }


def check(queries: list[Document], name: str) -> None:
    """Raises Invalid for queries that contradict each other or themselves."""
    if len(queries) > MOST_QUERIES:
        raise Invalid(f"The collection {name} must not have a size greater than {MOST_QUERIES}.")
    ids = [query["Id"] for query in queries]
    if len({*ids}) != len(ids):
        raise Invalid(f"The values for parameter id in {name} are not unique.")
    for number, query in enumerate(queries, 1):
        place = f"{name}.member.{number}"
        if not ID.fullmatch(query["Id"]):
            raise Invalid(f"The value {query['Id']} for parameter {place}.Id is not matching the expected pattern "
                          "^[a-z][a-zA-Z0-9_]*$.")  # fmt: skip
        if ("MetricStat" in query) is ("Expression" in query):
            raise Invalid(f"Exactly one of the parameters {place}.MetricStat and {place}.Expression is required.")
        if "Expression" in query:
            parsed(query)
            continue
        checked_period(query["MetricStat"]["Period"], f"{place}.MetricStat.Period")
        if statistic.parse(query["MetricStat"]["Stat"]) is None:
            raise Invalid(f"The value {query['MetricStat']['Stat']} for parameter {place}.MetricStat.Stat is not "
                          "supported.")  # fmt: skip


def parsed(query: Document) -> expression.Tree:
    try:
        return expression.parse(query["Expression"])
    except MathError as error:
        raise wrong(query["Id"], str(error)) from error


def wrong(name: str, why: str) -> Invalid:
    return Invalid(f"Error in expression '{name}': {why}")


def values(state: Metrics, region: str, queries: list[Document], between: tuple[float, float]) -> dict[str, Value]:
    """What each query comes to, by its id. Raises Invalid."""
    measured = {one["Id"]: read(state, region, one, between) for one in queries if "MetricStat" in one}
    waiting = {one["Id"]: parsed(one) for one in queries if "Expression" in one}
    found: dict[str, Value] = {**measured}
    scope = expression.Scope(found, measured, between)
    while waiting:
        ready = [name for name, tree in waiting.items() if not expression.names(tree) & waiting.keys()]
        if not ready:
            raise wrong(next(iter(waiting)), "it refers to itself")
        for name in ready:
            try:
                found[name] = expression.evaluate(waiting.pop(name), scope)
            except MathError as error:
                raise wrong(name, str(error)) from error
    return found


def read(state: Metrics, region: str, query: Document, between: tuple[float, float]) -> Series:
    """A MetricStat. Without a unit all units are taken together."""
    asked = query["MetricStat"]
    metric = asked["Metric"]
    place = (metric.get("Namespace", ""), metric.get("MetricName", ""), metrics.written(dimensions(metric)))
    joined: dict[float, Summary] = {}
    for (at, _), summed in state.read(region, place, between, asked["Period"], asked.get("Unit")).items():
        if at in joined:
            joined[at].add(summed)
        else:
            joined[at] = summed
    calculate = statistic.parse(asked["Stat"])
    assert calculate is not None, "checked"
    points = {at: value for at, summed in joined.items() if (value := calculate(summed)) is not None}
    return Series(points, asked["Period"], metric.get("MetricName", ""))
