"""What a bucket tells others, on the in-process bus."""

import time
from pathlib import Path
from typing import Any

import pytest

from s3.settings.buckets import bucket, refused
from s3.settings.inside import Inside

QUEUE = "arn:aws:sqs:us-west-2:123456789012:jobs"
TOPIC = "arn:aws:sns:us-west-2:123456789012:news"


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture
def inside(tmp_path: Path) -> Any:
    made = Inside(tmp_path)
    yield made
    made.close()


def test_comes_back(s3: Any) -> None:
    name = bucket(s3)
    found = s3.get_bucket_notification_configuration(Bucket=name)
    assert not found.keys() & {"QueueConfigurations", "EventBridgeConfiguration"}
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".csv"}]
    queue = {"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
    given = {"QueueConfigurations": [queue], "EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=given)
    found = s3.get_bucket_notification_configuration(Bucket=name)
    assert found["EventBridgeConfiguration"] == {}
    (got,) = found["QueueConfigurations"]
    assert got.pop("Id")
    assert got == queue
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=name)


@pytest.mark.parametrize(
    ("parts", "code", "sentence"),
    [
        ([{"QueueArn": "queue", "Events": ["s3:ObjectCreated:*"]}], "InvalidArgument", "The ARN could not be parsed"),
        ([{"QueueArn": QUEUE, "Events": ["s3:ObjectMade:*"]}], "MalformedXML", ""),
        (
            [
                {
                    "QueueArn": QUEUE,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "infix", "Value": "x"}]}},
                }
            ],
            "MalformedXML",
            "",
        ),
        (
            [
                {
                    "QueueArn": QUEUE,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": 2 * [{"Name": "prefix", "Value": "x"}]}},
                }
            ],
            "InvalidArgument",
            "Cannot specify more than one prefix rule in a filter.",
        ),
        (
            [{"QueueArn": QUEUE, "Events": [event]} for event in ("s3:ObjectCreated:*", "s3:ObjectCreated:Put")],
            "InvalidArgument",
            "Configurations overlap",
        ),
    ],
)
def test_bad_ones_are_refused(s3: Any, parts: list[dict[str, Any]], code: str, sentence: str) -> None:
    with refused(code, sentence):
        s3.put_bucket_notification_configuration(
            Bucket=bucket(s3), NotificationConfiguration={"QueueConfigurations": parts}
        )


def test_events_of_a_bucket(inside: Inside) -> None:
    inside.create("inside")
    rules = [{"Name": "Prefix", "Value": "in/"}]
    inside.call(
        "PutBucketNotificationConfiguration",
        Bucket="inside",
        NotificationConfiguration={
            "EventBridgeConfiguration": {},
            "QueueConfigurations": [
                {
                    "Id": "q",
                    "QueueArn": QUEUE,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": rules}},
                }
            ],
            "TopicConfigurations": [{"Id": "t", "TopicArn": TOPIC, "Events": ["s3:ObjectRemoved:Delete"]}],
        },
    )
    assert [(event.resources, event.detail["Event"]) for event in inside.events] == [
        ((TOPIC,), "s3:TestEvent"),
        ((QUEUE,), "s3:TestEvent"),
    ]
    inside.events.clear()
    inside.put("inside", "in/a b", b"hello")
    inside.put("inside", "out/c", b"")
    inside.call("DeleteObject", Bucket="inside", Key="out/c")

    bridge = [event for event in inside.events if event.detail_type != "S3 Notification"]
    assert [(event.detail_type, event.detail["object"]["key"]) for event in bridge] == [
        ("Object Created", "in/a b"),
        ("Object Created", "out/c"),
        ("Object Deleted", "out/c"),
    ]
    created, _, deleted = bridge
    assert created.source == "aws.s3"
    assert created.resources == ("arn:aws:s3:::inside",)
    assert created.detail["reason"] == "PutObject"
    assert created.detail["object"]["size"] == 5
    assert created.detail["object"]["etag"] == "5d41402abc4b2a76b9719d911017c592"
    assert deleted.detail["deletion-type"] == "Permanently Deleted"

    queued, removed = (event for event in inside.events if event.detail_type == "S3 Notification")
    (record,) = queued.detail["Records"]
    assert queued.resources == (QUEUE,)
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["configurationId"] == "q"
    assert record["s3"]["object"]["key"] == "in/a+b"
    assert record["s3"]["object"]["size"] == 5
    assert removed.resources == (TOPIC,)
    assert removed.detail["Records"][0]["eventName"] == "ObjectRemoved:Delete"
    assert abs(created.time - time.time()) < 60
