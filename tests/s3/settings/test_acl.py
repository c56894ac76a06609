"""Access control lists: off by default, canned ones where they are on."""

from typing import Any

import pytest

from s3.settings.buckets import ask, bucket, opened, refused


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


def writer(s3: Any) -> str:
    name = bucket(s3)
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=controls)
    return name


def test_the_owner_has_it_all(s3: Any) -> None:
    name = bucket(s3)
    acl = s3.get_bucket_acl(Bucket=name)
    (grant,) = acl["Grants"]
    assert grant["Permission"] == "FULL_CONTROL"
    assert grant["Grantee"] == {"Type": "CanonicalUser", "ID": acl["Owner"]["ID"]}
    assert s3.list_buckets()["Owner"]["ID"] == acl["Owner"]["ID"]


def test_they_are_off_by_default(s3: Any) -> None:
    name = bucket(s3)
    with refused("AccessControlListNotSupported", "The bucket does not allow ACLs"):
        s3.put_bucket_acl(Bucket=name, ACL="private")
    with refused("AccessControlListNotSupported"):
        s3.put_object(Bucket=name, Key="k", Body=b"", ACL="public-read")
    s3.put_object(Bucket=name, Key="k", Body=b"", ACL="bucket-owner-full-control")


def test_public_ones_are_blocked(s3: Any) -> None:
    with refused("AccessDenied", "BlockPublicAcls"):
        s3.put_bucket_acl(Bucket=writer(s3), ACL="public-read")


def test_public_read_lets_anybody_list(s3: Any, platform: Any) -> None:
    name = writer(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"secret")
    assert ask(platform.port, "GET", f"/{name}").status == 403
    opened(s3, name)
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    assert b"<Key>k</Key>" in ask(platform.port, "GET", f"/{name}").body
    assert ask(platform.port, "GET", f"/{name}/k").status == 403
    block = {"IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    assert ask(platform.port, "GET", f"/{name}").status == 403


def test_enforcing_ownership_needs_a_private_list(s3: Any) -> None:
    name = writer(s3)
    opened(s3, name)
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    with refused("InvalidBucketAclWithObjectOwnership"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=controls)
    s3.put_bucket_acl(Bucket=name, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=controls)


def test_grants_that_are_not_canned_are_refused(s3: Any) -> None:
    with refused("NotImplemented", "canned"):
        s3.put_bucket_acl(Bucket=writer(s3), GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers"')
