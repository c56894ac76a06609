"""Presigned URLs of Signature Version 2, which boto3 makes by default: botocore's signer against the gateway."""

import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from conftest import Platform


@pytest.fixture(scope="module")
def s3(platform: Platform) -> Any:
    return platform.client("s3", config=Config(signature_version="s3"))


@pytest.fixture(scope="module")
def bucket(s3: Any, platform: Platform) -> Iterator[str]:
    name = f"sigv2-{uuid.uuid4()}"
    where = {"LocationConstraint": "us-west-2"}
    platform.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    yield name
    client = platform.client("s3")
    for found in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=found["Key"])
    client.delete_bucket(Bucket=name)


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        data: bytes = answer.read()
        return data


@pytest.mark.parametrize("key", ["plain", "a b/ü+~&=?#%.txt"])
def test_put_and_get(s3: Any, bucket: str, key: str) -> None:
    given = {"Bucket": bucket, "Key": key}
    url = s3.generate_presigned_url("put_object", Params={**given, "ContentType": "text/x-plain"})
    assert "AWSAccessKeyId=" in url
    ask(url, "PUT", b"hello", **{"Content-Type": "text/x-plain"})
    said = {**given, "ResponseContentDisposition": 'attachment; filename="ü x.txt"'}
    assert ask(s3.generate_presigned_url("get_object", Params=said)) == b"hello"


def test_a_session_token_is_part_of_it(platform: Platform, bucket: str) -> None:
    session = platform.client("sts").get_session_token()["Credentials"]
    keys = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    client = platform.client("s3", keys=keys, config=Config(signature_version="s3"))
    url = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "t", "ContentType": "a/b"})
    ask(url, "PUT", b"x", **{"Content-Type": "a/b"})


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("Key", "Other", b"SignatureDoesNotMatch"),
        ("Signature=", "Signature=x", b"SignatureDoesNotMatch"),
        ("Expires=", "Expires=9", b"SignatureDoesNotMatch"),
        ("Expires=1", "Expires=", b"Request has expired"),
        ("Expires=", "Expires=soon", b"Invalid date"),
        ("AWSAccessKeyId=", "AWSAccessKeyId=x", b"InvalidAccessKeyId"),
        ("Expires=", "x-amz-acl=public-read&Expires=", b"SignatureDoesNotMatch"),
    ],
)
def test_what_was_changed_is_refused(s3: Any, bucket: str, old: str, new: str, code: bytes) -> None:
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "Key"})
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(url.replace(old, new, 1))
    with error.value as answer:
        assert answer.code == 403
        assert code in answer.read()
