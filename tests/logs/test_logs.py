"""CloudWatch Logs through boto3."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Platform


def now() -> int:
    return int(time.time() * 1000)


def group(platform: Platform) -> tuple[Any, str]:
    """A client and a group of its own, with the stream `s`."""
    client, name = platform.client("logs"), f"/test/{uuid.uuid4()}"
    client.create_log_group(logGroupName=name)
    client.create_log_stream(logGroupName=name, logStreamName="s")
    return client, name


def put(client: Any, name: str, *texts: str, stream: str = "s", at: int | None = None) -> Any:
    begin = now() - 1000 if at is None else at
    events = [{"timestamp": begin + number, "message": text} for number, text in enumerate(texts)]
    return client.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def texts(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_groups(platform: Platform) -> None:
    client, name = group(platform)
    assert refused(client.create_log_group, logGroupName=name) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    client.put_retention_policy(logGroupName=name, retentionInDays=7)
    code, message = refused(client.put_retention_policy, logGroupName=name, retentionInDays=8)
    assert code == "InvalidParameterException"
    assert "retentionInDays" in message
    answer = client.describe_log_groups(logGroupNamePrefix=name)
    (shown,) = answer["logGroups"]
    assert "nextToken" not in answer
    assert shown["retentionInDays"] == 7
    assert shown["arn"] == shown["logGroupArn"] + ":*"
    client.delete_retention_policy(logGroupName=name)
    assert "retentionInDays" not in client.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    assert [g["logGroupName"] for g in client.list_log_groups(logGroupNamePattern=name[6:20])["logGroups"]] == [name]
    client.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=True)
    assert refused(client.delete_log_group, logGroupName=name)[0] == "ValidationException"
    client.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=False)
    client.delete_log_group(logGroupName=name)
    assert refused(client.delete_log_group, logGroupName=name) == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )


def test_pages_of_groups(platform: Platform) -> None:
    client, prefix = platform.client("logs"), f"/pages/{uuid.uuid4()}/"
    for number in range(4):
        client.create_log_group(logGroupName=f"{prefix}{number}")
    pages = list(
        client.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=prefix, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["logGroups"]) for page in pages] == [2, 2]
    assert "nextToken" not in pages[-1]


def test_tags(platform: Platform) -> None:
    client, name = platform.client("logs"), f"/test/{uuid.uuid4()}"
    client.create_log_group(logGroupName=name, tags={"a": "1"})
    arn = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["logGroupArn"]
    client.tag_resource(resourceArn=arn, tags={"b": "2"})
    client.tag_log_group(logGroupName=name, tags={"c": "3"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}
    client.untag_log_group(logGroupName=name, tags=["b"])
    assert client.list_tags_log_group(logGroupName=name)["tags"] == {"c": "3"}


def test_streams(platform: Platform) -> None:
    client, name = group(platform)
    for number in range(3):
        client.create_log_stream(logGroupName=name, logStreamName=f"a/{number}")
    put(client, name, "x", stream="a/1")
    assert (
        refused(client.create_log_stream, logGroupName=name, logStreamName="s")[0] == "ResourceAlreadyExistsException"
    )
    pages = list(
        client.get_paginator("describe_log_streams").paginate(
            logGroupName=name, logStreamNamePrefix="a/", PaginationConfig={"PageSize": 2}
        )
    )
    assert [[s["logStreamName"] for s in page["logStreams"]] for page in pages] == [["a/0", "a/1"], ["a/2"]]
    assert "nextToken" not in pages[-1]
    first = client.describe_log_streams(logGroupName=name, orderBy="LastEventTime", descending=True, limit=1)
    assert first["logStreams"][0]["logStreamName"] == "a/1"
    assert first["logStreams"][0]["lastEventTimestamp"] <= now()
    client.delete_log_stream(logGroupName=name, logStreamName="a/1")
    assert refused(client.get_log_events, logGroupName=name, logStreamName="a/1") == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )


def test_reading_forwards_and_backwards(platform: Platform) -> None:
    client, name = group(platform)
    put(client, name, *map(str, range(25)))
    where = {"logGroupName": name, "logStreamName": "s", "limit": 10}
    first = client.get_log_events(**where, startFromHead=True)
    assert texts(first) == list(map(str, range(10)))
    second = client.get_log_events(**where, nextToken=first["nextForwardToken"])
    third = client.get_log_events(**where, nextToken=second["nextForwardToken"])
    assert texts(second) + texts(third) == list(map(str, range(10, 25)))
    end = client.get_log_events(**where, nextToken=third["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], third["nextForwardToken"])
    put(client, name, "late", at=now())
    assert texts(client.get_log_events(**where, nextToken=end["nextForwardToken"])) == ["late"]
    last = client.get_log_events(**where)
    assert texts(last) == [*map(str, range(16, 25)), "late"]
    before = client.get_log_events(**where, nextToken=last["nextBackwardToken"])
    assert texts(before) == list(map(str, range(6, 16)))
    assert refused(client.get_log_events, **where, nextToken="x") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_an_empty_stream_can_be_followed(platform: Platform) -> None:
    client, name = group(platform)
    where = {"logGroupName": name, "logStreamName": "s", "startFromHead": True}
    empty = client.get_log_events(**where)
    put(client, name, "a")
    assert texts(client.get_log_events(**where, nextToken=empty["nextForwardToken"])) == ["a"]


def test_times(platform: Platform) -> None:
    client, name = group(platform)
    at = now() - 60_000
    put(client, name, "b", at=at)
    put(client, name, "a", at=at - 1000)  # arrives later, with an earlier time
    where = {"logGroupName": name, "logStreamName": "s", "startFromHead": True}
    assert texts(client.get_log_events(**where)) == ["a", "b"]
    assert texts(client.get_log_events(**where, startTime=at)) == ["b"]
    assert texts(client.get_log_events(**where, endTime=at)) == ["a"]
    old, new = at - 20 * 86_400_000, at + 86_400_000
    answer = client.put_log_events(
        logGroupName=name,
        logStreamName="s",
        logEvents=[{"timestamp": t, "message": "m"} for t in (old, at + 5, new)],
    )
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    backwards = [{"timestamp": at + 1, "message": "m"}, {"timestamp": at, "message": "m"}]
    code, message = refused(client.put_log_events, logGroupName=name, logStreamName="s", logEvents=backwards)
    assert (code, "chronological" in message) == ("InvalidParameterException", True)


def test_filter(platform: Platform) -> None:
    client, name = group(platform)
    client.create_log_stream(logGroupName=name, logStreamName="t")
    at = now() - 1000
    put(client, name, "ERROR one", "fine", at=at)
    put(client, name, "ERROR two", stream="t", at=at + 1)
    put(client, name, "ERROR three", at=at + 2)
    found = client.filter_log_events(logGroupName=name, filterPattern="ERROR")
    assert texts(found) == ["ERROR one", "ERROR two", "ERROR three"]
    assert "nextToken" not in found
    assert len({event["eventId"] for event in found["events"]}) == 3
    paged = client.get_paginator("filter_log_events").paginate(
        logGroupName=name, filterPattern="ERROR", PaginationConfig={"PageSize": 1}
    )
    assert [text for page in paged for text in texts(page)] == texts(found)
    assert texts(client.filter_log_events(logGroupName=name, logStreamNames=["t"])) == ["ERROR two"]
    assert texts(client.filter_log_events(logGroupName=name, startTime=at + 2)) == ["ERROR three"]
    code, _ = refused(client.filter_log_events, logGroupName=name, filterPattern="{ $.a = ")
    assert code == "InvalidParameterException"
    record = client.get_log_record(logRecordPointer=found["events"][1]["eventId"])["logRecord"]
    assert (record["@message"], record["@logStream"]) == ("ERROR two", "t")
    tried = client.test_metric_filter(filterPattern="-a", logEventMessages=["a", "b"])
    assert [match["eventNumber"] for match in tried["matches"]] == [2]


def test_live_tail(platform: Platform) -> None:
    _, name = group(platform)
    # boto3 puts `stream-` before the host, an address too, unless told not to.
    client = platform.client("logs", config=Config(inject_host_prefix=False))
    arn = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["logGroupArn"]
    stream = client.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="yes")["responseStream"]
    updates = iter(stream)
    assert next(updates)["sessionStart"]["logGroupIdentifiers"] == [arn]
    threading.Timer(0.1, put, (client, name, "yes 1", "no", "yes 2")).start()
    found = until(lambda: [event["message"] for event in next(updates)["sessionUpdate"]["sessionResults"]])
    stream.close()
    assert found == ["yes 1", "yes 2"]


def test_an_open_live_tail_does_not_keep_clary_up(own_platform: Platform) -> None:
    _, name = group(own_platform)
    client = own_platform.client("logs", config=Config(inject_host_prefix=False))
    arn = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["logGroupArn"]
    stream = client.start_live_tail(logGroupIdentifiers=[arn])["responseStream"]
    assert "sessionStart" in next(iter(stream))
    own_platform.stop()
    stream.close()


def test_refused_by_name(platform: Platform) -> None:
    client, name = group(platform)
    metric = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    code, message = refused(
        client.put_metric_filter,
        logGroupName=name,
        filterName="f",
        filterPattern="",
        metricTransformations=metric,
    )
    assert (code, "metric filters" in message) == ("NotImplementedException", True)
    assert client.describe_metric_filters(logGroupName=name)["metricFilters"] == []
    code, _ = refused(
        client.put_subscription_filter, logGroupName=name, filterName="f", filterPattern="", destinationArn="a"
    )
    assert code == "NotImplementedException"
    assert client.describe_subscription_filters(logGroupName=name)["subscriptionFilters"] == []


def test_what_is_acknowledged_survives_a_kill(own_platform: Platform) -> None:
    client, name = group(own_platform)
    for number in range(20):
        put(client, name, f"line {number}")
    own_platform.kill()
    own_platform.start()
    client = own_platform.client("logs")
    answer = client.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True)
    assert sorted(texts(answer)) == sorted(f"line {number}" for number in range(20))
