"""Settings that are kept as they came: what was put comes back, and AWS's code where there is nothing."""

from typing import Any

import pytest

from s3.settings.buckets import bucket, refused

TAGS = [{"Key": "team", "Value": "ml"}, {"Key": "stage", "Value": ""}]


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


def test_tags_come_back(s3: Any) -> None:
    name = bucket(s3)
    with refused("NoSuchTagSet", "The TagSet does not exist"):
        s3.get_bucket_tagging(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": TAGS})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == TAGS
    s3.delete_bucket_tagging(Bucket=name)
    with refused("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=name)


def test_bad_tags_are_refused(s3: Any) -> None:
    name = bucket(s3)
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    with refused("InvalidTag", "Cannot provide multiple Tags with the same key"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": twice})
    with refused("InvalidTag", "System tags"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "aws:x", "Value": "1"}]})
    many = [{"Key": str(n), "Value": ""} for n in range(51)]
    with refused("BadRequest", "cannot be greater than 50"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": many})


def test_new_buckets_have_what_aws_gives_them(s3: Any) -> None:
    name = bucket(s3)
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    rules = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=name)


def test_what_is_taken_away_is_gone(s3: Any) -> None:
    name = bucket(s3)
    s3.delete_public_access_block(Bucket=name)
    with refused("NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    s3.delete_bucket_ownership_controls(Bucket=name)
    with refused("OwnershipControlsNotFoundError"):
        s3.get_bucket_ownership_controls(Bucket=name)


def test_encryption_falls_back_to_the_default(s3: Any) -> None:
    name = bucket(s3)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    s3.delete_bucket_encryption(Bucket=name)
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize(
    ("noun", "member", "document", "missing"),
    [
        ("website", "WebsiteConfiguration", {"IndexDocument": {"Suffix": "i.html"}}, "NoSuchWebsiteConfiguration"),
        ("accelerate_configuration", "AccelerateConfiguration", {"Status": "Enabled"}, ""),
        ("request_payment", "RequestPaymentConfiguration", {"Payer": "Requester"}, ""),
    ],
)
def test_documents_come_back_flat(s3: Any, noun: str, member: str, document: dict[str, Any], missing: str) -> None:
    name = bucket(s3)
    get, put = getattr(s3, f"get_bucket_{noun}"), getattr(s3, f"put_bucket_{noun}")
    if missing:
        with refused(missing):
            get(Bucket=name)
    put(Bucket=name, **{member: document})
    found = get(Bucket=name)
    assert {key: found[key] for key in document} == document


def test_logging_needs_a_target(s3: Any) -> None:
    name = bucket(s3)
    status = {"LoggingEnabled": {"TargetBucket": name, "TargetPrefix": "logs/"}}
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=status)
    assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]["TargetPrefix"] == "logs/"
    status["LoggingEnabled"]["TargetBucket"] = f"{name}-none"
    with refused("InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=status)


def test_configurations_with_ids_are_listed(s3: Any) -> None:
    name = bucket(s3)
    assert "MetricsConfigurationList" not in s3.list_bucket_metrics_configurations(Bucket=name)
    for one in ("b", "a"):
        configuration = {"Id": one, "Filter": {"Prefix": f"{one}/"}}
        s3.put_bucket_metrics_configuration(Bucket=name, Id=one, MetricsConfiguration=configuration)
    found = s3.list_bucket_metrics_configurations(Bucket=name)
    assert [each["Id"] for each in found["MetricsConfigurationList"]] == ["a", "b"]
    assert found["IsTruncated"] is False
    got = s3.get_bucket_metrics_configuration(Bucket=name, Id="a")["MetricsConfiguration"]
    assert got == {"Id": "a", "Filter": {"Prefix": "a/"}}
    s3.delete_bucket_metrics_configuration(Bucket=name, Id="a")
    with refused("NoSuchConfiguration"):
        s3.get_bucket_metrics_configuration(Bucket=name, Id="a")
    with refused("NoSuchConfiguration"):
        s3.delete_bucket_metrics_configuration(Bucket=name, Id="a")


def test_what_we_do_not_do_is_refused_by_name(s3: Any) -> None:
    name = bucket(s3)
    with refused("ReplicationConfigurationNotFoundError"):
        s3.get_bucket_replication(Bucket=name)
    rule = {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::other"}}
    with refused("NotImplemented", "replicate"):
        s3.put_bucket_replication(Bucket=name, ReplicationConfiguration={"Role": "r", "Rules": [rule]})
    with refused("ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket=name)
    with refused("NotImplemented", "lock"):
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    with refused("InvalidRequest", "Bucket is missing Object Lock Configuration"):
        s3.get_object_retention(Bucket=name, Key="k")


def test_settings_end_with_their_bucket(s3: Any) -> None:
    name = bucket(s3)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": TAGS})
    s3.delete_bucket(Bucket=name)
    with refused("NoSuchBucket"):
        s3.get_bucket_tagging(Bucket=name)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    with refused("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=name)


def test_another_owner_is_refused(s3: Any) -> None:
    with refused("AccessDenied"):
        s3.get_bucket_encryption(Bucket=bucket(s3), ExpectedBucketOwner="000000000000")
