"""The metrics of trial components: every value, and what they come to.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrialComponentMetricSummary.html
"""

import logging
import math
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from clary.resource import crud
from clary.resource.call import Platform
from clary.resource.service import Document
from clary.services.sagemaker import training_metrics
from clary.store.sql import queries

log = logging.getLogger(__name__)

SQL: Final = queries("clary.services.sagemaker")


class Value(NamedTuple):
    """`at`: seconds since the epoch."""

    metric: str
    value: float
    at: float
    step: int | None = None


def add(connection: sqlite3.Connection, arn: str, source: str, values: Iterable[Value], *, series: bool = True) -> None:
    """Within a transaction: these were measured, in this order, by `source`. `series`: each one is kept, too."""
    totals: dict[str, dict[str, Any]] = {}
    for one in values:
        if series:
            row = {"arn": arn, "metric": one.metric, "at": one.at, "step": one.step, "value": one.value}
            connection.execute(SQL["value_add"], row)
        total = totals.get(one.metric)
        if total is None:
            key = {"arn": arn, "metric": one.metric, "source": source}
            found = connection.execute(SQL["metric_find"], key).fetchone()
            total = dict(found) if found else {**key, "count": 0, "mean": 0.0, "squares": 0.0}
            totals[one.metric] = total
        _take(total, one)
    for total in totals.values():
        connection.execute(SQL["metric_put"], total)


def _take(total: dict[str, Any], one: Value) -> None:
    """Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4 (1962)."""
    total["count"] += 1
    off = one.value - total["mean"]
    total["mean"] += off / total["count"]
    total["squares"] += off * (one.value - total["mean"])
    total["least"] = min(total.get("least", one.value), one.value)
    total["most"] = max(total.get("most", one.value), one.value)
    if one.at >= total.get("at", one.at):
        total["last"], total["at"] = one.value, one.at


def summaries(connection: sqlite3.Connection, arn: str) -> list[Document]:
    """Metrics, as DescribeTrialComponent and Search have them."""
    return [
        {
            "MetricName": row["metric"],
            "SourceArn": row["source"],
            "TimeStamp": row["at"],
            "Max": row["most"],
            "Min": row["least"],
            "Last": row["last"],
            "Count": row["count"],
            "Avg": row["mean"],
            "StdDev": math.sqrt(max(0.0, row["squares"]) / row["count"]),
        }
        for row in connection.execute(SQL["metric_all"], {"arn": arn})
    ]


def clear(connection: sqlite3.Connection, arn: str) -> None:
    """Within a transaction: the component is gone."""
    connection.execute(SQL["value_clear"], {"arn": arn})
    connection.execute(SQL["metric_clear"], {"arn": arn})


def told(future: "Future[None]") -> "Future[None]":
    """Nobody waits for it, so the log says if it fails."""

    def look(done: "Future[None]") -> None:
        if error := done.exception():
            log.error("trial component: %s", error, exc_info=error)

    future.add_done_callback(look)
    return future


@dataclass(frozen=True, slots=True)
class Both:
    """The metrics of jobs, for CloudWatch and for the components of training jobs, which have what their logs say."""

    platform: Platform
    metrics: training_metrics.Metrics

    def put(self, namespace: str, samples: Sequence[Any], region: str) -> None:
        self.metrics.put(namespace, samples, region)
        found: dict[str, list[Value]] = {}
        for name, dimensions, value, _, at in samples:
            job = dimensions.get("TrainingJobName") if namespace == training_metrics.NAMESPACE else None
            if job is not None:
                found.setdefault(job, []).append(Value(name, value, at))
        for job, values in found.items():
            prefix = f"arn:aws:sagemaker:{region}:{self.platform.config.account_id}"
            self._keep(
                f"{prefix}:training-job/{job}", f"{prefix}:experiment-trial-component/{job}-aws-training-job", values
            )

    def _keep(self, job: str, arn: str, values: list[Value]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            row, component = crud.find(connection, job), crud.find(connection, arn)
            if row is None or component is None:
                return  # one of them was deleted
            # Metrics that are defined, as all that come here are, have a time series unless the job asks for none.
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AlgorithmSpecification.html
            algorithm = crud.loaded(row).get("AlgorithmSpecification", {})
            add(connection, arn, job, values, series=algorithm.get("EnableSageMakerMetricsTimeSeries", True))

        told(self.platform.store.submit(work))

    def alarm(self, region: str, name: str) -> bool:
        return self.metrics.alarm(region, name)
