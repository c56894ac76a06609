"""Bucket policies: what AWS takes, what it says of the rest, and what they let whom do."""

import json
from typing import Any

import pytest

from s3.settings.buckets import ask, bucket, opened, refused

READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


def policy(name: str, *statements: dict[str, Any], **more: Any) -> str:
    filled = [{"Resource": f"arn:aws:s3:::{name}/*", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": filled, **more})


def test_comes_back_as_it_came(s3: Any) -> None:
    name = bucket(s3)
    with refused("NoSuchBucketPolicy", "The bucket policy does not exist"):
        s3.get_bucket_policy(Bucket=name)
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy_status(Bucket=name)
    text = policy(name, {**READ, "Effect": "Deny"}).replace(": ", " :\n ")
    s3.put_bucket_policy(Bucket=name, Policy=text)
    assert s3.get_bucket_policy(Bucket=name)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is False
    s3.delete_bucket_policy(Bucket=name)
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Action": "s3:GetObjects"}, "Policy has invalid action"),
        ({"Action": "ec2:*"}, "Policy has invalid action"),
        ({"Resource": "arn:aws:s3:::another/*"}, "Policy has invalid resource"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Principal": {"AWS": "nobody"}}, "Invalid principal in policy"),
        ({"Condition": {"StringSame": {"aws:userid": "x"}}}, "Invalid Condition type : StringSame"),
        ({"Condition": {"StringEquals": {"userid": "x"}}}, "Policy has an invalid condition key"),
        ({"Condition": {"NumericLessThan": {"s3:max-keys": "abc"}}}, "The policy failed legacy parsing"),
        ({"Condition": {"StringEquals": {"aws:userid": {}}}}, "Invalid policy syntax."),
        ({"Effect": []}, "Invalid effect: []"),
        ({"Sid": []}, "Invalid policy syntax."),
        ({"Whatever": 1}, "Unknown field Whatever"),
    ],
)
def test_malformed(s3: Any, change: dict[str, Any], sentence: str) -> None:
    name = bucket(s3)
    opened(s3, name)
    statement = {"Resource": f"arn:aws:s3:::{name}/*", **READ, **change}
    text = json.dumps({"Statement": [{key: value for key, value in statement.items() if value is not None}]})
    with refused("MalformedPolicy", sentence):
        s3.put_bucket_policy(Bucket=name, Policy=text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("[" * 20000, "Policies must be valid JSON and the first byte must be '{'"),
        ('{"Statement": [], "Statement": []}', "Policies must be valid JSON and the first byte must be '{'"),
        ('{"Version": "2024-01-01", "Statement": []}', "The policy must contain a valid version string"),
        ('{"Version": [], "Statement": []}', "The policy must contain a valid version string"),
        ("{}", "Missing required field Statement"),
        ('{"Id": "' + 20480 * "x" + '"}', "Policy exceeds the maximum allowed document size."),
    ],
)
def test_no_policy(s3: Any, text: str, sentence: str) -> None:
    with refused("MalformedPolicy", sentence):
        s3.put_bucket_policy(Bucket=bucket(s3), Policy=text)


def test_public_policies_are_blocked(s3: Any) -> None:
    name = bucket(s3)
    with refused("AccessDenied", "BlockPublicPolicy"):
        s3.put_bucket_policy(Bucket=name, Policy=policy(name, READ))
    fixed = {**READ, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, fixed))
    wide = {**READ, "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}}
    with refused("AccessDenied", "BlockPublicPolicy"):
        s3.put_bucket_policy(Bucket=name, Policy=policy(name, wide))


def test_a_public_policy_lets_anybody_read_until_restricted(s3: Any, platform: Any) -> None:
    name = bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"hello")
    assert ask(platform.port, "GET", f"/{name}/k").status == 403
    opened(s3, name)
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, READ))
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    assert ask(platform.port, "GET", f"/{name}/k").body == b"hello"
    assert ask(platform.port, "GET", f"/{name}").status == 403
    missing = ask(platform.port, "GET", f"/{name}/none")
    assert missing.status == 403, "who may not list does not get to know"
    assert b"<Code>AccessDenied</Code>" in missing.body
    block = {"RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    assert ask(platform.port, "GET", f"/{name}/k").status == 403
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"hello"


def test_whoever_may_list_hears_that_a_key_is_missing(s3: Any, platform: Any) -> None:
    name = bucket(s3)
    opened(s3, name)
    listing = {**READ, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"}
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, READ, listing))
    answer = ask(platform.port, "GET", f"/{name}/none")
    assert answer.status == 404
    assert b"<Code>NoSuchKey</Code>" in answer.body


def test_denies_bind_the_owner_too(s3: Any) -> None:
    name = bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"")
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, {**READ, "Effect": "Deny", "Action": "s3:DeleteObject"}))
    with refused("AccessDenied", "explicit deny"):
        s3.delete_object(Bucket=name, Key="k")
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}]})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert "Deleted" not in answer
    everything = {**READ, "Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}"}
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, everything))
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=name)
    s3.delete_bucket_policy(Bucket=name)  # the account's root can always mend it
    s3.delete_object(Bucket=name, Key="k")
