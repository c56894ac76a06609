"""Logs Insights through boto3, and its language by itself."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from clary.errors import AWSError
from clary.services.logs.insights.language import carry_out, plan
from clary.services.logs.insights.values import Row, Time, shown
from waiting import until

if TYPE_CHECKING:
    from conftest import Platform

LINES = [
    '{"level": "INFO", "took": 5, "who": {"name": "ann"}}',
    '{"level": "ERROR", "took": 20, "who": {"name": "bob"}}',
    "user=carl, took 7 ms",
    '{"level": "INFO", "took": 15, "who": {"name": "ann"}}',
]


def ask(text: str) -> list[list[str]]:
    made = plan(text)
    rows = (Row({"@timestamp": Time(1_700_000_000_000 + 60_000 * n), "@message": line}) for n, line in enumerate(LINES))
    return [[shown(row[name]) for name in made.columns] for row in carry_out(made, rows)[0]]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("fields took | filter level = 'INFO' | sort took desc", [["15"], ["5"]]),
        ("fields who.name as name | filter ispresent(took) and took between_", None),
        ("filter took >= 15 | fields level, took * 2 as twice", [["INFO", "30"], ["ERROR", "40"]]),
        ("filter @message like /took \\d+/ | fields strlen(@message)", [["20"]]),
        ("filter not ispresent(level) | parse @message 'user=*, took * ms' as u, t | display u, t", [["carl", "7"]]),
        ("parse @message /user=(?<u>\\w+)/ | filter ispresent(u) | display toupper(u)", [["CARL"]]),
        ("filter level in ['ERROR', 'WARN'] | display who.name", [["bob"]]),
        ("stats count(*), avg(took) as mean, max(took), min(took), sum(took)", [["4", "13.3333", "20", "5", "40"]]),
        ("filter ispresent(level) | stats count() as n by level | sort n desc", [["INFO", "2"], ["ERROR", "1"]]),
        ("stats count(*) by bin(2m) | sort bin(2m) asc", [["2023-11-14 22:12:00.000", "1"],
                                                          ["2023-11-14 22:14:00.000", "2"],
                                                          ["2023-11-14 22:16:00.000", "1"]]),
        ("stats count_distinct(level), pct(took, 50), latest(took)", [["2", "15", "15"]]),
        ("display took | limit 1", [["15"]]),
        ("filter ispresent(level) | dedup level | display took", [["15"], ["20"]]),
        ("fields @timestamp | sort @timestamp asc | limit 1 # the first", [["2023-11-14 22:13:20.000"]]),
        ("unnest a", None),
        ("display took | limit 10001", None),
        ("display took | limit 1.5", None),
        ("filter (a = 1", None),
        ("stats nonsense(a)", None),
        ("filter a like /(/", None),
    ],
)  # fmt: skip
def test_language(text: str, answer: list[list[str]] | None) -> None:
    if answer is None:
        with pytest.raises(AWSError) as caught:
            ask(text)
        assert caught.value.code("json") == "MalformedQueryException"
    else:
        assert ask(text) == answer


def finished(client: Any, query: str) -> Any:
    def answer() -> Any:
        found = client.get_query_results(queryId=query)
        return found if found["status"] not in {"Scheduled", "Running"} else None

    return until(answer)


def test_queries(platform: Platform) -> None:
    client, name = platform.client("logs"), f"/insights/{uuid.uuid4()}"
    client.create_log_group(logGroupName=name)
    client.create_log_stream(logGroupName=name, logStreamName="s")
    at = int(time.time())
    events = [{"timestamp": at * 1000 + n, "message": line} for n, line in enumerate(LINES)]
    client.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    asked = {"logGroupName": name, "startTime": at - 60, "endTime": at + 60}
    query = client.start_query(**asked, queryString="filter took > 5 | fields who.name, @logStream")["queryId"]
    answer = finished(client, query)
    assert answer["status"] == "Complete"
    rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
    assert [row["who.name"] for row in rows] == ["ann", "bob"]
    assert answer["statistics"]["recordsScanned"] == 4
    assert answer["statistics"]["recordsMatched"] == 2
    record = client.get_log_record(logRecordPointer=rows[0]["@ptr"])["logRecord"]
    assert record["@message"] == LINES[3]
    found = client.describe_queries(logGroupName=name)["queries"]
    assert [(one["queryId"], one["status"]) for one in found] == [(query, "Complete")]
    fields = client.get_log_group_fields(logGroupName=name)["logGroupFields"]
    assert {"name": "took", "percent": 75} in fields
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.stop_query(queryId=query)
    with pytest.raises(ClientError, match="MalformedQueryException"):
        client.start_query(**asked, queryString="filtre a")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_query_results(queryId="none")


def test_lines_of_several_groups_come_in_the_order_of_time(platform: Platform) -> None:
    client, names = platform.client("logs"), [f"both-{uuid.uuid4().hex}" for _ in range(2)]
    now = int(time.time() * 1000)
    for first, name in enumerate(names):
        client.create_log_group(logGroupName=name)
        client.create_log_stream(logGroupName=name, logStreamName="s")
        events = [{"timestamp": now - 60_000 + 1000 * n, "message": f"line {n}"} for n in range(first, 10, 2)]
        client.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    asked = {"logGroupNames": names, "startTime": now // 1000 - 600, "endTime": now // 1000 + 1}
    query = client.start_query(**asked, queryString="display @message, @log")["queryId"]
    answer = finished(client, query)
    rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
    assert [row["@message"] for row in rows] == [f"line {n}" for n in reversed(range(10))]
    assert [row["@log"].partition(":")[2] for row in rows] == names[::-1] * 5
