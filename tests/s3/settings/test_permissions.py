"""What operations ask of IAM, seen through bucket policies that deny by condition: AWS's condition keys and actions."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3.settings.buckets import bucket, refused


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


def deny(s3: Any, name: str, action: str, condition: dict[str, Any] | None = None) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action}
    statement["Resource"] = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]  # type: ignore[assignment] # JSON
    if condition:
        statement["Condition"] = condition  # type: ignore[assignment] # JSON
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))


def test_listing_by_prefix(s3: Any) -> None:
    name = bucket(s3)
    deny(s3, name, "s3:ListBucket", {"StringNotLike": {"s3:prefix": "home/*"}})
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=name)
    with refused("AccessDenied"):
        s3.list_objects(Bucket=name, Prefix="other/")
    assert s3.list_objects_v2(Bucket=name, Prefix="home/x")["KeyCount"] == 0


def test_listing_by_size_of_page(s3: Any) -> None:
    name = bucket(s3)
    deny(s3, name, "s3:ListBucket", {"NumericGreaterThan": {"s3:max-keys": "10"}})
    s3.list_objects_v2(Bucket=name, MaxKeys=10)
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=name, MaxKeys=11)


def test_encryption_asked_for_by_header(s3: Any) -> None:
    name = bucket(s3)
    deny(s3, name, "s3:PutObject", {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}})
    with refused("AccessDenied"):
        s3.put_object(Bucket=name, Key="k", Body=b"")
    s3.put_object(Bucket=name, Key="k", Body=b"", ServerSideEncryption="AES256")


def test_tags_of_the_request_and_of_the_object(s3: Any) -> None:
    name = bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"x", Tagging="secret=yes")
    deny(s3, name, "s3:GetObject", {"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}})
    with refused("AccessDenied"):
        s3.get_object(Bucket=name, Key="k")
    s3.put_object_tagging(Bucket=name, Key="k", Tagging={"TagSet": [{"Key": "secret", "Value": "no"}]})
    s3.get_object(Bucket=name, Key="k")
    deny(s3, name, "s3:PutObjectTagging", {"StringEquals": {"s3:RequestObjectTag/secret": "yes"}})
    with refused("AccessDenied"):
        s3.put_object(Bucket=name, Key="k", Body=b"x", Tagging="secret=yes")
    with refused("AccessDenied"):
        s3.put_object_tagging(Bucket=name, Key="k", Tagging={"TagSet": [{"Key": "secret", "Value": "yes"}]})
    s3.put_object(Bucket=name, Key="k", Body=b"x", Tagging="secret=maybe")


def test_versions_are_asked_for_by_name(s3: Any) -> None:
    name = bucket(s3)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    deny(s3, name, "s3:GetObjectVersion")
    s3.get_object(Bucket=name, Key="k")
    with refused("AccessDenied"):
        s3.get_object(Bucket=name, Key="k", VersionId=version)
    deny(s3, name, "s3:DeleteObjectVersion", {"StringEquals": {"s3:VersionId": version}})
    with refused("AccessDenied"):
        s3.delete_object(Bucket=name, Key="k", VersionId=version)
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": version}, {"Key": "k"}]})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert [gone["DeleteMarker"] for gone in answer["Deleted"]] == [True]


def test_copies_ask_for_both_ends(s3: Any) -> None:
    source, target = bucket(s3), bucket(s3)
    s3.put_object(Bucket=source, Key="k", Body=b"x", Tagging="a=b")
    copy = {"Bucket": target, "Key": "k", "CopySource": f"{source}/k"}
    s3.copy_object(**copy)
    deny(s3, source, "s3:GetObjectTagging")
    with refused("AccessDenied", "s3:GetObjectTagging"):
        s3.copy_object(**copy)
    s3.copy_object(**copy, TaggingDirective="REPLACE")
    deny(s3, source, "s3:GetObject")
    with refused("AccessDenied", "s3:GetObject"):
        s3.copy_object(**copy, TaggingDirective="REPLACE")
    s3.delete_bucket_policy(Bucket=source)
    deny(s3, target, "s3:PutObjectTagging")
    with refused("AccessDenied", "s3:PutObjectTagging"):
        s3.copy_object(**copy)
    s3.copy_object(**copy, TaggingDirective="REPLACE")
    s3.put_object(Bucket=source, Key="plain", Body=b"x")
    s3.copy_object(**{**copy, "CopySource": f"{source}/plain"})  # there are no tags to put
    deny(s3, target, "s3:PutObject")
    with refused("AccessDenied", "s3:PutObject"):
        s3.copy_object(**copy)


def test_how_it_was_signed(s3: Any, platform: Any) -> None:
    from botocore.config import Config

    from s3.settings.buckets import ask

    name = bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    deny(s3, name, "s3:GetObject", {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}})
    s3.get_object(Bucket=name, Key="k")
    signing = platform.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    url = signing.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    path = url.removeprefix(platform.url)
    assert ask(platform.port, "GET", path).status == 403
    deny(s3, name, "s3:GetObject", {"NumericGreaterThan": {"s3:signatureAge": "600000"}})
    assert ask(platform.port, "GET", path).status == 200


def test_a_bucket_that_is_not_there_is_told(s3: Any) -> None:
    with refused("NoSuchBucket"):
        s3.list_objects_v2(Bucket="there-is-no-such-bucket-at-all")
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket="there-is-no-such-bucket-at-all")
    assert caught.value.response["Error"]["Code"] == "404"
