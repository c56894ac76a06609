"""Where measurements are kept: summed up by period, coarser with age.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from clary.resource.call import Platform
from clary.services.cloudwatch import summary
from clary.services.cloudwatch.summary import Summary
from clary.store.sql import queries

SQL = queries("clary.services.cloudwatch")
HOUR, DAY = 3600, 86400
# Points of so many seconds are kept so long; then they become points of the next line.
KEPT = {1: 3 * HOUR, 60: 15 * DAY, 300: 63 * DAY, HOUR: 455 * DAY}
ROWS = 2000  # that are summed up in one transaction: bounds how long others wait for the writer


class Sample(NamedTuple):
    """One measurement of ours. `at`: seconds since the epoch."""

    name: str
    dimensions: Mapping[str, str]
    value: float
    unit: str
    at: float


@dataclass(frozen=True, slots=True)
class Datum:
    """What is added to a metric."""

    name: str
    dimensions: str  # written()
    unit: str
    at: float
    period: int  # 1 or 60
    summary: Summary


def written(dimensions: Mapping[str, str]) -> str:
    """Dimensions as the table has them."""
    return orjson.dumps(sorted(dimensions.items())).decode()


def shown(text: str) -> list[dict[str, str]]:
    """Dimensions as AWS shows them."""
    return [{"Name": name, "Value": value} for name, value in orjson.loads(text)]


class Metrics:
    """The metrics of all regions; also for what in this process measures."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._store = platform.store

    def put(self, namespace: str, samples: Iterable[tuple[Any, ...]], region: str = "") -> None:
        """Each sample is a Sample, or a tuple of the same. What is no number is left out: a model's loss may be NaN.
        Returns when they are on the disk.
        """
        data = [
            Datum(sample.name, written(sample.dimensions), sample.unit, sample.at, 60, summary.of([(sample.value, 1)]))
            for sample in (Sample(*given) for given in samples)
            if math.isfinite(sample.value)
        ]
        if data:
            self.add(region or self._platform.config.region, namespace, data)

    def alarm(self, region: str, name: str) -> bool:
        """Whether there is such an alarm, in ALARM state."""
        row = self._store.read().execute(SQL["alarm_find"], {"region": region, "name": name}).fetchone()
        return row is not None and row["state"] == "ALARM"

    def add(self, region: str, namespace: str, data: list[Datum]) -> None:
        """Returns when they are on the disk."""
        self._store.write(lambda connection: _add(connection, region, namespace, data))

    def read(
        self, region: str, metric: tuple[str, str, str], span: tuple[float, float], period: int, unit: str | None = None
    ) -> dict[tuple[float, str], Summary]:
        """Namespace, name and dimensions -> the periods from the span's start on, by their begin and unit. Points that
        are coarser than the period by now are not given, as AWS does.
        """
        connection, (start, end) = self._store.read(), span
        namespace, name, dimensions = metric
        values = {"region": region, "namespace": namespace, "name": name, "dimensions": dimensions}
        row = connection.execute(SQL["metric_find"], values).fetchone()
        found: dict[tuple[float, str], Summary] = {}
        if row is None:
            return found
        asked = {"metric": row["id"], "start": start, "end": end, "period": period, "unit": unit}
        for point in connection.execute(SQL["point_range"], asked):
            place = (start + (point["at"] - start) // period * period, point["unit"])
            _merge(found, place, summary.of_row(point))
        return found

    def tidy(self) -> None:
        """Sums up what is old, and forgets what is too old."""
        now = self._platform.clock()
        steps = list(KEPT)
        for period, coarser in pairwise(steps):
            work = partial(_coarsen, period=period, coarser=coarser, before=now - KEPT[period])
            while self._store.write(work) == ROWS:
                pass
        oldest = {"period": steps[-1], "before": now - KEPT[steps[-1]]}
        self._store.write(lambda connection: connection.execute(SQL["point_expire"], oldest).rowcount)
        self._store.write(lambda connection: connection.execute(SQL["metric_forget"], oldest).rowcount)


def _merge(found: dict[Any, Summary], place: Any, more: Summary) -> None:
    if place in found:
        found[place].add(more)
    else:
        found[place] = more


def _add(connection: sqlite3.Connection, region: str, namespace: str, data: list[Datum]) -> None:
    """In the writer's transaction."""
    ids: dict[tuple[str, str], int] = {}
    latest: dict[tuple[str, str], float] = {}
    points: dict[tuple[tuple[str, str], int, int, str], Summary] = {}
    for datum in data:
        metric = (datum.name, datum.dimensions)
        latest[metric] = max(latest.get(metric, 0.0), datum.at)
        _merge(points, (metric, int(datum.at // datum.period) * datum.period, datum.period, datum.unit), datum.summary)
    for (name, dimensions), at in latest.items():
        values = {"region": region, "namespace": namespace, "name": name, "dimensions": dimensions, "latest": at}
        ids[name, dimensions] = connection.execute(SQL["metric_add"], values).fetchone()["id"]
    for (metric, at, period, unit), more in points.items():
        _put(connection, {"metric": ids[metric], "at": at, "period": period, "unit": unit}, more)


def _put(connection: sqlite3.Connection, place: dict[str, Any], more: Summary) -> None:
    row = connection.execute(SQL["point_find"], place).fetchone()
    if row is not None:
        had = summary.of_row(row)
        had.add(more)
        more = had
    connection.execute(SQL["point_put"], {**place, **more.columns()})


def _coarsen(connection: sqlite3.Connection, period: int, coarser: int, before: float) -> int:
    """How many points were summed up."""
    whole = int(before // coarser) * coarser
    rows = connection.execute(SQL["point_old"], {"period": period, "before": whole, "limit": ROWS}).fetchall()
    points: dict[tuple[int, int, str], Summary] = {}
    for row in rows:
        _merge(points, (row["metric"], row["at"] // coarser * coarser, row["unit"]), summary.of_row(row))
        place = {"metric": row["metric"], "at": row["at"], "period": period, "unit": row["unit"]}
        connection.execute(SQL["point_remove"], place)
    for (metric, at, unit), more in points.items():
        _put(connection, {"metric": metric, "at": at, "period": coarser, "unit": unit}, more)
    return len(rows)
