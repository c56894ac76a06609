"""Metrics of trial components: put one by one, and got as series."""

import math
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from clary.errors import AWSError
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation
from clary.services.sagemaker import component_metric
from clary.services.sagemaker.component_metric import SQL, Value

# "Timestamps must be between two weeks before and two hours from now": sagemaker/experiments/_metrics.py
PAST, FUTURE = 14 * 86400, 7200
PERIODS: Final = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}


def _deviation(values: list[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


STATISTICS: Final[dict[str, Callable[[list[float]], float]]] = {
    "Min": min,
    "Max": max,
    "Avg": lambda values: math.fsum(values) / len(values),
    "Count": lambda values: float(len(values)),
    "StdDev": _deviation,
    "Last": lambda values: values[-1],
}


@operation("BatchPutMetrics")
def put(call: Call[Nouns], request: Document) -> Document:
    """What is no metric is named by its place, and the others are kept."""
    wrong: list[Document] = []
    values: list[Value] = []
    now = call.platform.clock()
    for index, one in enumerate(request["MetricData"]):
        if not now - PAST <= one["Timestamp"] <= now + FUTURE or not math.isfinite(one["Value"]):
            wrong.append({"Code": "VALIDATION_ERROR", "MetricIndex": index})
        else:
            values.append(Value(one["MetricName"], float(one["Value"]), one["Timestamp"], one.get("Step")))

    def work(connection: sqlite3.Connection) -> None:
        where = {"account": call.account, "region": call.region, "name": request["TrialComponentName"]}
        row = crud.find(connection, call.arn(f"experiment-trial-component/{where['name']}"))
        row = row or connection.execute(SQL["component_folded"], where).fetchone()
        if row is None:
            raise AWSError("ResourceNotFound", f"TrialComponent '{where['name']}' does not exist.", 404)
        component_metric.add(connection, row["arn"], row["arn"], values)

    call.platform.store.write(work)
    return {"Errors": wrong} if wrong else {}


@operation("BatchGetMetrics")
def get(call: Call[Nouns], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        return {"MetricQueryResults": [_answer(call, connection, query) for query in request["MetricQueries"]]}


def _answer(call: Call[Nouns], connection: sqlite3.Connection, query: Document) -> Document:
    """The arrays go together: at each place of the axis, the statistic of what was measured there."""
    by_step = query["XAxisType"] == "IterationNumber"
    if by_step != (query["Period"] == "IterationNumber"):
        return _refused(f"Period {query['Period']} does not go with XAxisType {query['XAxisType']}.")
    arn = _component(call, connection, query["ResourceArn"])
    if arn is None:
        return _refused(f"Resource '{query['ResourceArn']}' does not exist.")
    low, high = query.get("Start", -math.inf), query.get("End", math.inf)
    places: dict[int, list[float]] = {}
    for row in connection.execute(SQL["value_all"], {"arn": arn, "metric": query["MetricName"]}):
        at = row["step"] if by_step else row["at"]
        if at is not None and low <= at <= high:
            place = at if by_step else int(at // PERIODS[query["Period"]]) * PERIODS[query["Period"]]
            places.setdefault(place, []).append(row["value"])
    statistic = STATISTICS[query["MetricStat"]]
    axis = sorted(places)
    return {"Status": "Complete", "XAxisValues": axis, "MetricValues": [statistic(places[place]) for place in axis]}


def _component(call: Call[Nouns], connection: sqlite3.Connection, arn: str) -> str | None:
    """The component that a resource is, or a job has."""
    row: Any = crud.find(connection, arn) if arn.startswith(call.arn("")) else None
    if row is None:
        return None
    if row["type"] == "TrainingJob":
        return call.arn(f"experiment-trial-component/{row['name']}-aws-training-job")
    return arn if row["type"] == "TrialComponent" else None


def _refused(why: str) -> Document:
    return {"Status": "ValidationError", "Message": why, "XAxisValues": [], "MetricValues": []}
