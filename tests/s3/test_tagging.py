"""Tags of objects, and what objects have none of: ACLs of their own, archives."""

from typing import Any

import pytest

from s3.tools import new_bucket, refused, signed


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


def test_tags(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="a=1&b=%C3%BC")
    assert s3.head_object(Bucket=bucket, Key="tagged")["TagCount"] == 2
    tags = s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ü"}]
    s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="tagged")
    assert s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"] == []
    eleven = [{"Key": str(number), "Value": ""} for number in range(11)]
    with refused("BadRequest", "Object tags cannot be greater than 10"):
        s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging={"TagSet": eleven})
    with refused("InvalidTag", "Cannot provide multiple Tags with the same key"):
        s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging={"TagSet": [{"Key": "a", "Value": "1"}] * 2})
    with refused("NoSuchKey"):
        s3.get_object_tagging(Bucket=bucket, Key="nothing here")


def test_tags_that_are_no_utf_8(s3: Any, platform: Any, bucket: str) -> None:
    status, _, answer = signed(platform, "PUT", f"/{bucket}/tags", {"x-amz-tagging": "a=%ff"}, b"x")
    assert status == 400
    assert b"<Code>InvalidArgument</Code>" in answer
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="tags")


def test_acls_of_objects_are_off_with_those_of_the_bucket(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "enforced"}
    s3.put_object(**where, Body=b"x")
    with refused("AccessControlListNotSupported", "The bucket does not allow ACLs", 400):
        s3.put_object_acl(**where, ACL="private")


def test_acls_of_objects_are_the_owners_alone(s3: Any) -> None:
    where = {"Bucket": new_bucket(s3), "Key": "k"}
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    s3.put_bucket_ownership_controls(Bucket=where["Bucket"], OwnershipControls=controls)
    with refused("NoSuchKey", status=404):
        s3.put_object_acl(**where, ACL="private")
    s3.put_object(**where, Body=b"x")
    s3.put_object_acl(**where, ACL="bucket-owner-full-control")
    found = s3.get_object_acl(**where)
    (grant,) = found["Grants"]
    assert (grant["Permission"], grant["Grantee"]["ID"]) == ("FULL_CONTROL", found["Owner"]["ID"])
    policy = {"Owner": found["Owner"], "Grants": found["Grants"]}
    s3.put_object_acl(**where, AccessControlPolicy=policy)
    with refused("AccessDenied", "BlockPublicAcls"):
        s3.put_object_acl(**where, ACL="public-read")
    s3.delete_public_access_block(Bucket=where["Bucket"])
    stranger = {"Grantee": {"Type": "CanonicalUser", "ID": "0" * 64}, "Permission": "READ"}
    for given in ({"ACL": "public-read"}, {"GrantRead": "id=1"}, {"AccessControlPolicy": {"Grants": [stranger]}}):
        with refused("NotImplemented", "use a bucket policy", 501):
            s3.put_object_acl(**where, **given)
    assert s3.get_object_acl(**where)["Grants"] == found["Grants"]


def test_nothing_is_archived_so_nothing_is_restored(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "restored"}
    with refused("NoSuchKey", status=404):
        s3.restore_object(**where, RestoreRequest={"Days": 1})
    s3.put_object(**where, Body=b"x")
    with refused("InvalidObjectState", "Restore is not allowed", 403):
        s3.restore_object(**where, RestoreRequest={"Days": 1})
