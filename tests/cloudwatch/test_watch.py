"""When an alarm changes its state, and who hears of it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.services.cloudwatch import Metrics, Sample
from clary.services.cloudwatch.metrics import SQL
from clary.services.cloudwatch.watch import Watch, judge

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: what the points are
# (0 does not breach, X does, - is missing), and what the state is when missing data are missing, ignored, breaching,
# not breaching; "" stands for as it was.
THREE_OF_THREE = {
    "0-X-X": ("OK", "OK", "OK", "OK"),
    "0----": ("OK", "OK", "OK", "OK"),
    "-----": ("INSUFFICIENT_DATA", "", "ALARM", "OK"),
    "0XX-X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "--X--": ("ALARM", "", "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0-X-X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "00X0X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0-X--": ("OK", "OK", "ALARM", "OK"),
    "----0": ("OK", "OK", "ALARM", "OK"),
    "---X-": ("ALARM", "", "ALARM", "OK"),
}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
POINTS: dict[str, float | None] = {"0": 0.0, "X": 1.0, "-": None}


@pytest.mark.parametrize(("enough", "table"), [(3, THREE_OF_THREE), (2, TWO_OF_THREE)])
def test_missing_data_are_treated_as_in_awss_tables(enough: int, table: dict[str, tuple[str, ...]]) -> None:
    found = {
        row: tuple(judge([POINTS[x] for x in row], lambda x: x > 0.5, (enough, 3), treat).state for treat in TREATMENTS)
        for row in table
    }
    assert found == table


@given(st.lists(st.none() | st.floats(-1, 1), min_size=1, max_size=9), st.integers(1, 5), st.sampled_from(TREATMENTS))
def test_all_points_alike_say_one_thing(points: list[float | None], enough: int, treat: str) -> None:
    verdict = judge(points, lambda _: False, (enough, 5), treat)
    assert verdict.state != "ALARM" or treat == "breaching"
    whole = judge([1.0] * 7, lambda _: True, (enough, 5), treat)
    assert whole.state == "ALARM"


def keep(platform: Platform, name: str, **document: Any) -> None:
    row = {"region": "us-west-2", "name": name, "document": orjson.dumps(document).decode()}
    values = {**row, "now": platform.clock(), "reason": "new"}
    platform.store.write(lambda connection: connection.execute(SQL["alarm_put"], values).rowcount)


def alarm(**given: Any) -> dict[str, Any]:
    return {
        "AlarmDescription": "too hot",
        "Namespace": "N",
        "MetricName": "heat",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 10.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **given,
    }


def row(platform: Platform, name: str) -> Any:
    return platform.store.read().execute(SQL["alarm_find"], {"region": "us-west-2", "name": name}).fetchone()


def heat(metrics: Metrics, clock: Any, *values: float) -> None:
    """One a minute; afterwards it is the end of the last of them."""
    for value in values:
        metrics.put("N", [Sample("heat", {}, value, "None", clock.now)])
        clock.now += 60


def test_an_alarm_follows_its_metric_and_tells_the_bus(here: Platform, metrics: Metrics, clock: Any) -> None:
    events: list[Event] = []
    here.bus.subscribe(events.append)
    keep(here, "hot", **alarm())
    watch = Watch(here, metrics)
    watch.look()
    assert (row(here, "hot")["state"], events) == ("INSUFFICIENT_DATA", [])
    heat(metrics, clock, 5, 20)
    watch.look()
    assert row(here, "hot")["state"] == "OK"
    heat(metrics, clock, 30)
    watch.look()
    found = row(here, "hot")
    assert (found["state"], found["transitioned"]) == ("ALARM", clock.now)
    assert found["reason"].startswith("Threshold Crossed: 2 out of the last 2 datapoints [30.0 (")
    assert found["reason"].endswith("were greater than the threshold (10.0) (minimum 2 datapoints for OK -> ALARM "
                                    "transition).")  # fmt: skip
    watch.look()
    assert [event.detail["state"]["value"] for event in events] == ["OK", "ALARM"], "told once each"
    event = events[-1]
    assert (event.source, event.detail_type) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert event.resources == (f"arn:aws:cloudwatch:us-west-2:{here.config.account_id}:alarm:hot",)
    assert event.detail["previousState"]["value"] == "OK"
    assert event.detail["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "heat"
    assert orjson.loads(event.detail["state"]["reasonData"])["recentDatapoints"] == [20.0, 30.0]
    clock.now += 3600
    watch.look()
    assert row(here, "hot")["state"] == "INSUFFICIENT_DATA"
    assert row(here, "hot")["reason"] == "Insufficient Data: 2 datapoints were unknown."


def test_an_alarm_on_metric_math(here: Platform, metrics: Metrics, clock: Any) -> None:
    stat = {"Metric": {"Namespace": "N", "MetricName": "heat"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "m", "MetricStat": stat, "ReturnData": False}, {"Id": "e", "Expression": "m * 2"}]
    document = alarm(Metrics=queries, EvaluationPeriods=1)
    for name in ("Namespace", "MetricName", "Statistic", "Period"):
        del document[name]
    keep(here, "math", **document)
    heat(metrics, clock, 6)
    Watch(here, metrics).look()
    assert row(here, "math")["state"] == "ALARM"


def test_a_composite_alarm_follows_others(here: Platform, metrics: Metrics, clock: Any) -> None:
    keep(here, "hot", **alarm(EvaluationPeriods=1))
    keep(here, "both", AlarmRule='ALARM("hot") AND NOT (OK(hot) OR FALSE)')
    heat(metrics, clock, 20)
    watch = Watch(here, metrics)
    watch.look()
    assert row(here, "both")["state"] == "ALARM"
    heat(metrics, clock, 1)
    watch.look()
    assert row(here, "both")["state"] == "OK"


def test_one_alarm_that_fails_does_not_stop_the_others(here: Platform, metrics: Metrics, clock: Any) -> None:
    broken = [{"Id": "e", "Expression": "gone * 2"}]
    keep(here, "a", Metrics=broken, EvaluationPeriods=1, Threshold=1, ComparisonOperator="LessThanThreshold")
    keep(here, "hot", **alarm(EvaluationPeriods=1))
    heat(metrics, clock, 20)
    Watch(here, metrics).look()
    assert (row(here, "a")["state"], row(here, "hot")["state"]) == ("INSUFFICIENT_DATA", "ALARM")
