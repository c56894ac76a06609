"""Alarms by the front door."""

import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from clary.errors import Invalid
from clary.services.cloudwatch import rule
from conftest import Platform
from waiting import until


@pytest.fixture
def client(platform: Platform) -> Any:
    return platform.client("cloudwatch")


@pytest.fixture
def name() -> str:
    return f"alarm-{uuid4().hex[:8]}"


def alarm(name: str, **given: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "N",
        "MetricName": name,
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",  # so that the state stays as a test set it, also when the alarm is looked at
        **given,
    }


def described(client: Any, name: str) -> Any:
    (found,) = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found


def refused(operation: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        operation(**given)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_alarm_from_put_to_delete(platform: Platform, client: Any, name: str) -> None:
    client.put_metric_alarm(
        **alarm(name, AlarmActions=["arn:aws:sns:us-west-2:1:t"], Tags=[{"Key": "a", "Value": "1"}])
    )
    found = described(client, name)
    assert found["AlarmArn"].endswith(f":alarm:{name}")
    assert (found["StateValue"], found["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert (found["ActionsEnabled"], found["OKActions"], found["Dimensions"]) == (True, [], [])
    assert client.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"] == [{"Key": "a", "Value": "1"}]
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    client.put_metric_alarm(**alarm(name, Threshold=0.9))
    found = described(client, name)
    assert (found["StateValue"], found["Threshold"]) == ("ALARM", 0.9), "an update leaves the state"
    client.disable_alarm_actions(AlarmNames=[name, "none"])
    assert described(client, name)["ActionsEnabled"] is False
    client.enable_alarm_actions(AlarmNames=[name])
    assert described(client, name)["ActionsEnabled"] is True
    client.delete_alarms(AlarmNames=[name, "none"])
    assert client.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
    history = client.describe_alarm_history(AlarmName=name, ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == [
        f'Alarm "{name}" created',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        f'Alarm "{name}" updated',
        f'Alarm "{name}" deleted',
    ]
    assert {item["AlarmType"] for item in history} == {"MetricAlarm"}
    pages = client.get_paginator("describe_alarm_history").paginate(AlarmName=name, PaginationConfig={"PageSize": 3})
    sizes = [len(page["AlarmHistoryItems"]) for page in pages]
    assert sizes == [3, 1]


def test_an_alarm_is_looked_at(own_platform: Platform, name: str) -> None:
    """Once a minute, and when Clary starts."""
    client = own_platform.client("cloudwatch")
    data = [{"MetricName": name, "Timestamp": time.time() - 60 * n, "Value": 1} for n in range(-10, 3)]
    client.put_metric_data(Namespace="N", MetricData=data)
    client.put_metric_alarm(**alarm(name))
    own_platform.kill()
    own_platform.start()
    until(lambda: described(client, name)["StateValue"] == "ALARM", lambda: described(client, name))
    assert described(client, name)["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (")


def test_alarms_are_found_by_what_they_are(client: Any, name: str) -> None:
    names = [f"{name}-{n}" for n in range(3)]
    for one in names:
        client.put_metric_alarm(**alarm(one, AlarmActions=[f"arn:aws:sns:us-west-2:1:{name}"]))
    client.set_alarm_state(AlarmName=names[1], StateValue="OK", StateReason="")
    client.put_composite_alarm(AlarmName=f"{name}-all", AlarmRule=f"ALARM({names[0]}) OR OK({names[1]})")

    def found(**given: Any) -> list[str]:
        pages = client.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2}, **given)
        return [
            one["AlarmName"] for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for one in page[kind]
        ]

    assert found(AlarmNamePrefix=name) == names
    assert found(AlarmNamePrefix=name, StateValue="OK") == [names[1]]
    assert found(ActionPrefix=f"arn:aws:sns:us-west-2:1:{name}") == names
    assert found(AlarmNamePrefix=name, AlarmTypes=["CompositeAlarm"]) == [f"{name}-all"]
    assert found(ChildrenOfAlarmName=f"{name}-all") == names[:2]
    assert found(ParentsOfAlarmName=names[1]) == [f"{name}-all"]
    (one,) = client.describe_alarms_for_metric(Namespace="N", MetricName=names[2])["MetricAlarms"]
    assert one["AlarmName"] == names[2]
    assert client.describe_alarms_for_metric(Namespace="N", MetricName=names[2], Period=120)["MetricAlarms"] == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"TreatMissingData": "maybe"}, "Option for Treating Missing Data"),
    ({"Period": 45}, "for parameter Period is invalid"),
    ({"EvaluationPeriods": 1441}, "Metrics cannot be checked across more than a day"),
    ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be less than or equal to EvaluationPeriods."),
    ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
    ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ThresholdMetricId"),
    ({"Metrics": [{"Id": "e", "Expression": "1"}]}, "must not be specified together"),
    ({"ThresholdMetricId": "a"}, "Clary does not have alarms with ThresholdMetricId"),
    ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "reserved"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_wrong_alarms_are_refused(client: Any, name: str, given: dict[str, Any], said: str) -> None:
    assert said in refused(client.put_metric_alarm, **alarm(name, **given))[1]
    assert client.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_an_alarm_on_math_looks_back_a_day_at_most(client: Any, name: str) -> None:
    stat = {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    math = {"AlarmName": name, "Metrics": [{"Id": "m", "MetricStat": stat}], "Threshold": 1.0,
            "ComparisonOperator": "LessThanThreshold"}  # fmt: skip
    said = refused(client.put_metric_alarm, **math, EvaluationPeriods=2_000_000_000)[1]
    assert said.startswith("Metrics cannot be checked across more than a day")
    client.put_metric_alarm(**math, EvaluationPeriods=3)
    assert described(client, name)["Metrics"] == [{"Id": "m", "MetricStat": stat}]


def test_what_is_not_there_is_said_so(client: Any, name: str) -> None:
    assert refused(client.set_alarm_state, AlarmName=name, StateValue="OK", StateReason="")[0] == "ResourceNotFound"
    assert "do not exist" in refused(client.put_composite_alarm, AlarmName=name, AlarmRule="ALARM(none)")[1]
    assert "not a valid" in refused(client.put_composite_alarm, AlarmName=name, AlarmRule="ALARM(")[1]


@given(
    st.from_regex(r'(ALARM\(a\)|OK\("b"\)|INSUFFICIENT_DATA\(c\)|AND|OR|NOT|TRUE|FALSE|[()]| ){0,30}', fullmatch=True)
)
def test_any_rule_holds_or_is_refused(text: str) -> None:
    try:
        tree = rule.parse(text)
    except Invalid:
        return
    assert rule.holds(tree, {"a": "ALARM", "b": "ALARM"}) in (True, False)
    assert set(rule.children(tree)) <= {"a", "b", "c"}


def test_and_binds_tighter_than_or() -> None:
    assert rule.holds(rule.parse("TRUE OR FALSE AND FALSE"), {})
    assert not rule.holds(rule.parse("(TRUE OR FALSE) AND FALSE"), {})
    assert rule.holds(rule.parse('ALARM("arn:aws:cloudwatch:us-west-2:1:alarm:x y")'), {"x y": "ALARM"})
