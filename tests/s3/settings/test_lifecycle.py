"""Lifecycle: the rules that AWS takes, and what goes when."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.services.s3.settings import lifecycle
from clary.services.s3.settings.book import Settings
from clary.services.s3.settings.rules import DAY, of
from s3.settings.buckets import bucket, refused
from s3.settings.inside import Inside

ALL = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}}


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
    with refused("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)
    rules = [
        {**ALL, "ID": "old", "Expiration": {"Days": 30}, "Transitions": [{"Days": 7, "StorageClass": "GLACIER"}]},
        {**ALL, "ID": "date", "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)}},
        {**ALL, "ID": "parts", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    found = s3.get_bucket_lifecycle_configuration(Bucket=name)
    assert [{**rule, "Filter": ALL["Filter"]} for rule in found["Rules"]] == rules
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=name)
    with refused("NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)


@pytest.mark.parametrize(
    ("rule", "code", "sentence"),
    [
        ({}, "InvalidRequest", "At least one action needs to be specified in a rule"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML", ""),
        (
            {"Expiration": {"Date": datetime(2030, 1, 1, 1, tzinfo=UTC)}},
            "InvalidArgument",
            "'Date' must be at midnight GMT",
        ),
        ({"Prefix": "also", "Expiration": {"Days": 1}}, "MalformedXML", ""),
        ({"Status": "On", "Expiration": {"Days": 1}}, "MalformedXML", ""),
        (
            {"Filter": {"Tag": {"Key": "a", "Value": "inside"}}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
            "InvalidRequest",
            "ExpiredObjectDeleteMarker cannot be specified with tags",
        ),
        (
            {
                "Filter": {"Tag": {"Key": "a", "Value": "inside"}},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
            "InvalidRequest",
            "AbortIncompleteMultipartUpload cannot be specified with Tags",
        ),
        (
            {"Transitions": [{"Days": 3, "StorageClass": "STANDARD_IA"}]},
            "InvalidArgument",
            "greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
        (
            {"Expiration": {"Days": 5}, "Transitions": [{"Days": 5, "StorageClass": "GLACIER"}]},
            "InvalidArgument",
            "'Days' in the Expiration action",
        ),
    ],
)
def test_bad_rules_are_refused(s3: Any, rule: dict[str, Any], code: str, sentence: str) -> None:
    with refused(code, sentence):
        s3.put_bucket_lifecycle_configuration(Bucket=bucket(s3), LifecycleConfiguration={"Rules": [{**ALL, **rule}]})


def test_ids_are_unique_and_given_where_there_is_none(s3: Any) -> None:
    name, rule = bucket(s3), {**ALL, "Expiration": {"Days": 1}}
    with refused("InvalidArgument", "Rule ID must be unique"):
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule, rule]})
    del rule["ID"]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    (found,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert found["ID"]


def test_clients_hear_when_an_object_expires(s3: Any) -> None:
    name = bucket(s3)
    rule = {**ALL, "ID": "a day", "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=name, Key="k", Body=b"x")
    got = s3.head_object(Bucket=name, Key="k")
    due = (math.ceil(got["LastModified"].timestamp() / DAY) + 1) * DAY
    when = datetime.fromtimestamp(due, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert got["Expiration"] == f'expiry-date="{when}", rule-id="a%20day"'
    assert put["Expiration"] == got["Expiration"]


@given(st.integers(0, 10**10), st.integers(1, 4000), st.integers(0, 10**10))
def test_the_date_and_the_cutoff_say_the_same(modified: int, days: int, now: int) -> None:
    rule = {**ALL, "Expiration": {"Days": days}}
    (made,) = of(Settings("inside", {("lifecycle", ""): {"Rules": [rule]}}))
    due = made.due(modified)
    assert due is not None
    assert due % DAY == 0
    assert days * DAY <= due - modified < (days + 1) * DAY
    assert (due <= now) == (modified <= made.cutoff(days, now))


def begin(inside: Inside, *rules: dict[str, Any], versions: bool = False) -> None:
    inside.create("inside")
    if versions:
        inside.call("PutBucketVersioning", Bucket="inside", VersioningConfiguration={"Status": "Enabled"})
    given = [{**ALL, "ID": str(n), **rule} for n, rule in enumerate(rules)]
    inside.call("PutBucketLifecycleConfiguration", Bucket="inside", LifecycleConfiguration={"Rules": given})


def run(inside: Inside) -> None:
    lifecycle.run(inside.state, inside.now)


def test_expiration_by_days_prefix_tag_and_size(inside: Inside) -> None:
    begin(
        inside,
        {"Filter": {"Prefix": "log/"}, "Expiration": {"Days": 1}},
        {"Filter": {"Tag": {"Key": "keep", "Value": "no"}}, "Expiration": {"Days": 3}},
        {"Filter": {"ObjectSizeGreaterThan": 9}, "Expiration": {"Days": 6}},
        {"Filter": {"Prefix": ""}, "Status": "Disabled", "Expiration": {"Days": 1}},
    )
    inside.put("inside", "log/a", b"x")
    inside.put("inside", "log", b"x")
    inside.put("inside", "tagged", b"x", Tagging="keep=no&more=1")
    inside.put("inside", "large", 10 * b"x")
    run(inside)
    assert inside.keys("inside") == ["large", "log", "log/a", "tagged"]
    inside.pass_days(2)
    run(inside)
    assert inside.keys("inside") == ["large", "log", "tagged"]
    inside.pass_days(2)
    run(inside)
    assert inside.keys("inside") == ["large", "log"]
    inside.pass_days(3)
    run(inside)
    assert inside.keys("inside") == ["log"]


def test_expiration_by_date_and_many_keys(inside: Inside) -> None:
    midnight = math.ceil(inside.now / DAY) * DAY
    begin(inside, {"Expiration": {"Date": float(midnight)}})
    for n in range(450):
        inside.put("inside", f"{n:03}", b"")
    run(inside)
    assert len(inside.keys("inside")) == 450
    inside.now = midnight + 1
    run(inside)
    assert inside.keys("inside") == []


def test_one_run_a_day_but_at_once_for_new_rules(inside: Inside) -> None:
    begin(inside, {"Expiration": {"Days": 100}})
    inside.put("inside", "k", b"")
    inside.pass_days(2)
    run(inside)
    assert inside.keys("inside") == ["k"]
    rule = {**ALL, "Expiration": {"Days": 1}}
    inside.call("PutBucketLifecycleConfiguration", Bucket="inside", LifecycleConfiguration={"Rules": [rule]})
    run(inside)
    assert inside.keys("inside") == []


def versions(inside: Inside) -> list[tuple[str, str]]:
    found = inside.call("ListObjectVersions", Bucket="inside")
    kinds = (("Versions", "version"), ("DeleteMarkers", "marker"))
    return sorted((each["Key"], kind) for member, kind in kinds for each in found.get(member, []))


def test_versions_expire_behind_a_marker_and_the_marker_after_them(inside: Inside) -> None:
    begin(inside, {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}}, versions=True)
    inside.call(
        "PutBucketNotificationConfiguration",
        Bucket="inside",
        NotificationConfiguration={"EventBridgeConfiguration": {}},
    )
    inside.put("inside", "k", b"1")
    inside.pass_days(2)
    run(inside)
    assert inside.keys("inside") == []
    assert versions(inside) == [("k", "marker"), ("k", "version")]
    assert inside.events[-1].detail["reason"] == "Lifecycle Expiration"
    assert inside.events[-1].detail["deletion-type"] == "Delete Marker Created"
    inside.pass_days(2)
    run(inside)
    assert versions(inside) == [("k", "marker"), ("k", "version")]
    inside.pass_days(2)
    run(inside)
    assert versions(inside) == []
    assert inside.events[-1].detail["deletion-type"] == "Permanently Deleted"


def test_the_newest_noncurrent_versions_may_be_kept(inside: Inside) -> None:
    kept = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    begin(inside, {"NoncurrentVersionExpiration": kept}, versions=True)
    for body in (b"1", b"2", b"3", b"4", b"5"):
        inside.put("inside", "k", body)
        inside.now += 1
    inside.pass_days(3)
    run(inside)
    assert len(versions(inside)) == 3
    assert inside.keys("inside") == ["k"]


def test_lone_markers_go(inside: Inside) -> None:
    begin(inside, {"Expiration": {"ExpiredObjectDeleteMarker": True}}, versions=True)
    inside.put("inside", "behind", b"")
    for key in ("behind", "lone"):
        inside.call("DeleteObject", Bucket="inside", Key=key)
    run(inside)
    assert versions(inside) == [("behind", "marker"), ("behind", "version")]


def test_what_was_written_anew_stays(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(inside, {"Expiration": {"Days": 1}})
    inside.put("inside", "k", b"old")
    inside.pass_days(3)
    delete = lifecycle._delete

    def late(*given: Any) -> None:
        inside.put("inside", "k", b"new")
        delete(*given)

    monkeypatch.setattr(lifecycle, "_delete", late)
    run(inside)
    assert inside.keys("inside") == ["k"]


def test_uploads_that_nobody_finishes_go(inside: Inside) -> None:
    begin(inside, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    upload = inside.call("CreateMultipartUpload", Bucket="inside", Key="k")["UploadId"]
    inside.call("UploadPart", b"part", Bucket="inside", Key="k", UploadId=upload, PartNumber=1)
    inside.pass_days(1)
    run(inside)
    assert len(inside.call("ListMultipartUploads", Bucket="inside")["Uploads"]) == 1
    inside.pass_days(2)
    run(inside)
    assert not inside.call("ListMultipartUploads", Bucket="inside").get("Uploads")
