"""Alarms are looked at once a minute: what the metric says, and what that means for the state.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import logging
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Platform
from clary.services.cloudwatch import query, rule, state
from clary.services.cloudwatch.metrics import DAY, SQL, Metrics
from clary.services.cloudwatch.series import Series
from clary.services.cloudwatch.state import stamp

log = logging.getLogger(__name__)
Document = dict[str, Any]
MORE = 2  # periods that are looked at beyond those evaluated, since data come late
HISTORY = 30 * DAY  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
COMPARE: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    state: str  # "" where the alarm stays as it is
    breaching: int  # of the points
    filled: int  # periods without a point, of which the alarm's treatment of missing data said what they are


def judge(
    points: list[float | None], breaches: Callable[[float], bool], wanted: tuple[int, int], treat: str
) -> Verdict:
    """Of the points, oldest first, None where there is none, that many of so many (M of N, `wanted`) must breach.

    The two tables of the AWS page above are its tests.
    """
    enough, looked_at = wanted
    real = [(age, x) for age, x in enumerate(reversed(points), 1) if x is not None][:looked_at]
    breaching = sum(breaches(x) for _, x in real)
    filled = looked_at - len(real)
    if breaching >= enough:
        return Verdict("ALARM", breaching, filled)
    if not filled or treat == "notBreaching":
        return Verdict("OK", breaching, filled)
    if treat == "breaching":
        return Verdict("ALARM" if breaching + filled >= enough else "OK", breaching, filled)
    if not real:
        return Verdict("" if treat == "ignore" else "INSUFFICIENT_DATA", 0, filled)
    if breaching == len(real) and real[-1][0] >= enough:  # no point says OK, and the oldest is old enough
        return Verdict("" if treat == "ignore" else "ALARM", breaching, filled)
    return Verdict("OK", breaching, filled)


class Watch:
    """Looks at every alarm."""

    def __init__(self, platform: Platform, metrics: Metrics) -> None:
        self._platform = platform
        self._metrics = metrics

    def look(self) -> None:
        """At all alarms; those upon others after these."""
        store, states = self._platform.store, {}
        for row in store.read().execute(SQL["alarm_every"]).fetchall():
            document = orjson.loads(row["document"])
            states[row["region"], row["name"]] = row["state"]
            if "AlarmRule" in document:
                continue
            try:
                found = self._look(row, document)
            except AWSError as error:
                log.warning("alarm %s of %s cannot be evaluated: %s", row["name"], row["region"], error)
                continue
            if found:
                states[row["region"], row["name"]] = found
        for row in store.read().execute(SQL["alarm_every"]).fetchall():
            document = orjson.loads(row["document"])
            if "AlarmRule" in document:
                self._look_at_rule(row, document, states)
        oldest = self._platform.clock() - HISTORY
        store.write(lambda connection: connection.execute(SQL["history_expire"], {"before": oldest}).rowcount)

    def _look(self, row: Any, document: Document) -> str:
        """The new state, or "" where it stays."""
        now, queries = self._platform.clock(), state.queries(document)
        length = period(document, queries)
        looked_at = int(document["EvaluationPeriods"])
        step = min(60, length)
        end = now // step * step
        start = end - (looked_at + MORE) * length
        shown = next(one["Id"] for one in queries if one.get("ReturnData", True))
        value = query.values(self._metrics, row["region"], queries, (start, end))[shown]
        if not isinstance(value, Series):
            raise query.wrong(shown, "an alarm watches one time series")
        times = [start + n * length for n in range(looked_at + MORE)]
        compare, words = COMPARE[document["ComparisonOperator"]]
        threshold = document["Threshold"]
        wanted = (int(document.get("DatapointsToAlarm", looked_at)), looked_at)
        points = [value.values.get(at) for at in times]
        treat = document.get("TreatMissingData", "missing")
        verdict = judge(points, lambda x: compare(x, threshold), wanted, treat)
        if verdict.state in ("", row["state"]):
            return ""
        seen = [(at, x) for at, x in zip(times, points, strict=True) if x is not None][-looked_at:]
        reason = _reason(verdict, seen, f"{words} the threshold ({threshold})", wanted, treat, row["state"])
        data = {
            "version": "1.0",
            "queryDate": stamp(now),
            "startDate": stamp(start),
            "statistic": document.get("Statistic") or document.get("ExtendedStatistic"),
            "period": length,
            "recentDatapoints": [x for _, x in seen],
            "threshold": threshold,
            "evaluatedDatapoints": [{"timestamp": stamp(at), "value": x} for at, x in seen],
        }
        state.change(self._platform, row, verdict.state, reason, orjson.dumps(data).decode())
        return verdict.state

    def _look_at_rule(self, row: Any, document: Document, states: dict[tuple[str, str], str]) -> None:
        region = row["region"]
        known = {name: now for (where, name), now in states.items() if where == region}
        holds = rule.holds(rule.parse(document["AlarmRule"]), known)
        new = "ALARM" if holds else "OK"
        states[region, row["name"]] = new
        if new != row["state"]:
            verb = "is" if holds else "is not"
            reason = f"The rule {document['AlarmRule']} {verb} true"
            state.change(self._platform, row, new, reason, "")


def period(document: Document, queries: list[Document]) -> int:
    """Seconds: of math, the longest of its metrics'."""
    found = [one["MetricStat"]["Period"] for one in queries if "MetricStat" in one]
    found += [one["Period"] for one in queries if one.get("Period")]
    return int(document.get("Period") or max(found, default=60))


def _reason(
    verdict: Verdict, seen: list[tuple[float, float]], words: str, wanted: tuple[int, int], treat: str, before: str
) -> str:
    enough, looked_at = wanted
    if verdict.state == "INSUFFICIENT_DATA":
        s = "s were" if looked_at > 1 else " was"
        return f"Insufficient Data: {looked_at} datapoint{s} unknown."
    if not seen:
        many = verdict.filled > 1
        periods, were = ("periods", "datapoints were") if many else ("period", "datapoint was")
        return (
            f"no datapoints were received for {verdict.filled} {periods} and {verdict.filled} missing {were} treated "
            f"as [{_treated(treat)}]."
        )
    listed = ", ".join(f"{x} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for at, x in reversed(seen))
    if verdict.state == "OK":
        s = "s" if len(seen) > 1 else ""
        were = "were" if s else "was"
        return f"Threshold Crossed: {len(seen)} datapoint{s} [{listed}] {were} not {words}."
    were = "were" if verdict.breaching > 1 else "was"
    return (
        f"Threshold Crossed: {verdict.breaching} out of the last {len(seen)} datapoints [{listed}] {were} {words} "
        f"(minimum {enough} datapoint{'s' if enough > 1 else ''} for {before} -> ALARM transition)."
    )


def _treated(treat: str) -> str:
    return {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(treat, "Missing")
