"""Buckets: names, regions, and who has which."""

import uuid
from typing import Any

import pytest

from s3.tools import new_bucket, refused


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


# boto3 itself refuses what does not match [a-zA-Z0-9.-_]{1,255}.
@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Upper", "under_score", "-dash", "dot.", "a..b", "192.168.1.1", "xn--abc", "abc-s3alias"]
)
def test_names_that_are_not_valid(s3: Any, name: str) -> None:
    with refused("InvalidBucketName", "The specified bucket is not valid.", 400):
        _create(s3, name)


def _create(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})


def test_made_listed_and_deleted(s3: Any) -> None:
    name = f"data-{uuid.uuid4()}"
    made = s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    assert made["Location"] == f"http://{name}.s3.amazonaws.com/"
    listed = s3.list_buckets(Prefix=name)
    assert [found["Name"] for found in listed["Buckets"]] == [name]
    assert listed["Buckets"][0]["BucketRegion"] == "us-west-2"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-west-2"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "us-west-2"
    s3.delete_bucket(Bucket=name)
    with refused("NoSuchBucket", "The specified bucket does not exist", 404):
        s3.list_objects_v2(Bucket=name)
    with refused("404"):
        s3.head_bucket(Bucket=name)


def test_a_second_time_is_an_error_but_in_us_east_1(platform: Any, s3: Any) -> None:
    name = new_bucket(s3)
    with refused("BucketAlreadyOwnedByYou", "you already own it", 409):
        _create(s3, name)
    first = platform.client("s3", region="us-east-1")
    other = f"data-{uuid.uuid4()}"
    assert first.create_bucket(Bucket=other)["Location"] == f"/{other}"
    first.create_bucket(Bucket=other)
    assert first.get_bucket_location(Bucket=other)["LocationConstraint"] is None


def test_the_constraint_must_be_the_endpoints_region(platform: Any, s3: Any) -> None:
    with refused("IllegalLocationConstraintException", "The unspecified location constraint is incompatible"):
        s3.create_bucket(Bucket=f"data-{uuid.uuid4()}")
    with refused("IllegalLocationConstraintException", "The eu-west-1 location constraint is incompatible"):
        s3.create_bucket(Bucket=f"data-{uuid.uuid4()}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    name = f"data-{uuid.uuid4()}"
    platform.client("s3", region="us-east-1").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"


def test_only_an_empty_bucket_can_be_deleted(s3: Any) -> None:
    name = new_bucket(s3, versions=True)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with refused("BucketNotEmpty", "The bucket you tried to delete is not empty.", 409):
        s3.delete_bucket(Bucket=name)
    marker = s3.delete_object(Bucket=name, Key="k")["VersionId"]
    with refused("BucketNotEmpty", "You must delete all versions in the bucket."):
        s3.delete_bucket(Bucket=name)
    for version in s3.list_object_versions(Bucket=name)["Versions"]:
        s3.delete_object(Bucket=name, Key="k", VersionId=version["VersionId"])
    s3.delete_object(Bucket=name, Key="k", VersionId=marker)
    upload = s3.create_multipart_upload(Bucket=name, Key="m")["UploadId"]
    s3.upload_part(Bucket=name, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.delete_bucket(Bucket=name)
    with refused("NoSuchBucket"):
        s3.upload_part(Bucket=name, Key="m", UploadId=upload, PartNumber=2, Body=b"x")


def test_the_expected_owner(s3: Any) -> None:
    name = new_bucket(s3)
    with refused("AccessDenied", status=403):
        s3.list_objects_v2(Bucket=name, ExpectedBucketOwner="111122223333")
    with refused("AccessDenied"):
        s3.put_object(Bucket=name, Key="k", Body=b"", ExpectedBucketOwner="111122223333")


def test_what_is_refused_by_name(s3: Any) -> None:
    with refused("NotImplemented", "Object Lock"):
        s3.create_bucket(
            Bucket=f"data-{uuid.uuid4()}",
            CreateBucketConfiguration={"LocationConstraint": "us-west-2"},
            ObjectLockEnabledForBucket=True,
        )
    name = new_bucket(s3)
    with refused("InvalidRequest", "Bucket is missing Object Lock Configuration"):
        s3.put_object(Bucket=name, Key="k", Body=b"", ObjectLockLegalHoldStatus="ON")
    with refused("AccessControlListNotSupported", "The bucket does not allow ACLs"):
        s3.put_object(Bucket=name, Key="k", Body=b"", ACL="public-read")
    with refused("NotImplemented", "no archive"):
        s3.put_object(Bucket=name, Key="k", Body=b"", StorageClass="GLACIER")
    s3.put_object(Bucket=name, Key="k", Body=b"", ACL="bucket-owner-full-control")
    owner = s3.get_object_acl(Bucket=name, Key="k")
    assert owner["Owner"] == s3.list_buckets()["Owner"]
    assert [grant["Permission"] for grant in owner["Grants"]] == ["FULL_CONTROL"]
    with refused("AccessControlListNotSupported"):
        s3.put_object_acl(Bucket=name, Key="k", ACL="private")
    with refused("InvalidObjectState", "Restore is not allowed for the object's current storage class", 403):
        s3.restore_object(Bucket=name, Key="k", RestoreRequest={"Days": 1})


def test_buckets_page_by_page(s3: Any) -> None:
    stem = f"page-{uuid.uuid4().hex[:12]}"
    for number in range(3):
        s3.create_bucket(Bucket=f"{stem}-{number}", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    first = s3.list_buckets(Prefix=stem, MaxBuckets=2)
    second = s3.list_buckets(Prefix=stem, MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    assert [bucket["Name"] for bucket in first["Buckets"] + second["Buckets"]] == [f"{stem}-{n}" for n in range(3)]
    assert "ContinuationToken" not in second
