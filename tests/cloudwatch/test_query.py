"""GetMetricData by the front door: many metrics, and what is calculated from them."""

import math
import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from clary.services.cloudwatch import expression
from clary.services.cloudwatch.series import MathError, Series
from conftest import Platform

START = time.time() // 60 * 60 - 3600


@pytest.fixture(scope="module")
def client(platform: Platform) -> Any:
    return platform.client("cloudwatch")


@pytest.fixture(scope="module")
def namespace(client: Any) -> str:
    """`a` is 1, 2, 3, 4; `b` is 10, 20, nothing, 40; a minute each."""
    namespace = f"Query/{uuid4().hex[:8]}"
    data = [{"MetricName": "a", "Timestamp": START + 60 * n, "Value": n + 1.0} for n in range(4)]
    data += [{"MetricName": "b", "Timestamp": START + 60 * n, "Value": 10 * (n + 1.0)} for n in (0, 1, 3)]
    client.put_metric_data(Namespace=namespace, MetricData=data)
    return namespace


def metric(namespace: str, name: str, stat: str = "Average", **given: Any) -> dict[str, Any]:
    asked = {"Metric": {"Namespace": namespace, "MetricName": name}, "Period": 60, "Stat": stat}
    return {"Id": name, "MetricStat": asked, **given}


def ask(client: Any, queries: list[dict[str, Any]], **given: Any) -> Any:
    given = {"ScanBy": "TimestampAscending", **given}
    return client.get_metric_data(MetricDataQueries=queries, StartTime=START, EndTime=START + 240, **given)


def test_metrics_come_newest_first_unless_told(client: Any, namespace: str) -> None:
    queries = [metric(namespace, "a"), metric(namespace, "b", "p99", Label="latency"), metric(namespace, "none")]
    found = client.get_metric_data(MetricDataQueries=queries, StartTime=START, EndTime=START + 240)
    a, b, none = found["MetricDataResults"]
    assert (a["Id"], a["Label"], a["Values"], a["StatusCode"]) == ("a", "a", [4, 3, 2, 1], "Complete")
    assert [at.timestamp() - START for at in a["Timestamps"]] == [180, 120, 60, 0]
    assert (b["Label"], b["Values"]) == ("latency", [40, 20, 10])
    assert (none["Id"], none["Timestamps"], none["Values"]) == ("none", [], [])
    assert ask(client, queries)["MetricDataResults"][0]["Values"] == [1, 2, 3, 4]


EXPRESSIONS = {
    "a + b": [11, 22, 44],
    "b / a * 2 - 1": [19, 19, 19],
    "-(a - 5)": [4, 3, 2, 1],
    "a ^ 2": [1, 4, 9, 16],
    "1 / (a - 1)": [1, 0.5, 1 / 3],
    "SUM([a, b])": [11, 22, 3, 44],
    "SUM(METRICS())": [11, 22, 3, 44],
    'AVG(METRICS("a"))': [1, 2, 3, 4],
    "MAX([a, b]) - MIN([a, b])": [9, 18, 0, 36],
    "a / SUM(a)": [0.1, 0.2, 0.3, 0.4],
    "a / PERIOD(a)": [1 / 60, 2 / 60, 3 / 60, 4 / 60],
    "DIFF(a)": [1, 1, 1],
    "RATE(b)": [10 / 60, 20 / 120],
    "RUNNING_SUM(a)": [1, 3, 6, 10],
    "FILL(b, 0)": [10, 20, 0, 40],
    "FILL(b, REPEAT)": [10, 20, 20, 40],
    "FILL(b, LINEAR)": [10, 20, 30, 40],
    "IF(a > 2, a, 0)": [0, 0, 3, 4],
    "IF(a > 2 AND a < 4, b)": [],
    "a >= 2 || a == 1": [1, 1, 1, 1],
    "CEIL(a / 2)": [1, 1, 2, 2],
    "STDDEV([a, a])": [0, 0, 0, 0],
    "TIME_SERIES(DATAPOINT_COUNT(b))": [3, 3, 3, 3],
    "a" + " + 0" * 400: [1, 2, 3, 4],
}


@pytest.mark.parametrize("text", EXPRESSIONS, ids=lambda text: text[:30])
def test_metric_math(client: Any, namespace: str, text: str) -> None:
    hidden = [metric(namespace, name, ReturnData=False) for name in ("a", "b")]
    (found,) = ask(client, [*hidden, {"Id": "e1", "Expression": text}])["MetricDataResults"]
    assert found["Values"] == pytest.approx(EXPRESSIONS[text])


def test_an_expression_may_return_several_and_use_another(client: Any, namespace: str) -> None:
    queries: list[dict[str, Any]] = [
        {"Id": "half", "Expression": "both / 2", "Label": "half"},
        {"Id": "both", "Expression": "[a, b]", "ReturnData": False},
        *(metric(namespace, name, ReturnData=False) for name in ("a", "b")),
    ]
    found = ask(client, queries)["MetricDataResults"]
    assert [(one["Id"], one["Values"]) for one in found] == [("half", [0.5, 1, 1.5, 2]), ("half", [5, 10, 20])]


def test_pages_cut_by_points(client: Any, namespace: str) -> None:
    queries, points = [metric(namespace, "a"), metric(namespace, "b")], []
    token: dict[str, str] = {}
    for _ in range(4):
        page = ask(client, queries, MaxDatapoints=2, **token)
        points += [(one["Id"], value) for one in page["MetricDataResults"] for value in one["Values"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert points == [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 10), ("b", 20), ("b", 40)]


WRONG = [
    ([{"Id": "e1", "Expression": "a +"}], "Error in expression 'e1': Unexpected end"),
    ([{"Id": "e1", "Expression": "x * 2"}], "There is no metric or expression with the id x"),
    ([{"Id": "e1", "Expression": "e1 * 2"}], "refers to itself"),
    ([{"Id": "e1", "Expression": "1 + 1"}], "must return a time series"),
    ([{"Id": "e1", "Expression": "1 / 0"}], "is no number"),
    ([{"Id": "e1", "Expression": "(" * 900 + "1" + ")" * 900}], "nests too deep"),
    ([{"Id": "e1", "Expression": "-" * 2000 + "1"}], "nests too deep"),
    ([{"Id": "e1", "Expression": "SEARCH('{N} m', 'Sum', 60)"}], "Clary does not have the function SEARCH"),
    ([{"Id": "e1", "Expression": "SELECT AVG(a) FROM b"}], "Unexpected 'AVG'"),
    ([{"Id": "e1", "Expression": "TIME_SERIES(1e999)"}], "is no number"),
    ([{"Id": "E1", "Expression": "1"}], "is not matching the expected pattern"),
    ([{"Id": "e1"}], "Exactly one of the parameters"),
    ([metric("N", "m"), metric("N", "m")], "not unique"),
    ([metric("N", "m", "p101")], "is not supported"),
]


@pytest.mark.parametrize(("queries", "said"), WRONG, ids=range(len(WRONG)))
def test_wrong_queries_are_refused(client: Any, queries: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ClientError) as refusal:
        ask(client, queries)
    error = refusal.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert said in error["Message"]


def test_nobody_fills_for_ever(client: Any, namespace: str) -> None:
    queries = [metric(namespace, "a"), {"Id": "e1", "Expression": "FILL(a, 0)"}]
    with pytest.raises(ClientError, match="it would fill more than 100800 data points"):
        client.get_metric_data(MetricDataQueries=queries, StartTime=0, EndTime=START)


@given(st.from_regex(r"([a-c0-9+*/^()\[\],<>=-]|SUM|IF|FILL|METRICS|DIFF|LOG| ){0,40}", fullmatch=True))
def test_any_text_is_evaluated_or_refused(text: str) -> None:
    some = {"a": Series({0.0: 1.0, 60.0: -2.0}, 60), "b": Series({}, 60)}
    try:
        value = expression.evaluate(expression.parse(text), expression.Scope(some, some, (0.0, 120.0)))
    except MathError:
        return
    listed = value if isinstance(value, list) else [value]
    for one in listed:
        numbers = list(one.values.values()) if isinstance(one, Series) else [one]
        assert all(math.isfinite(x) for x in numbers if not isinstance(x, str))
