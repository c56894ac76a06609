"""Objects put in one piece: what comes back, ranges, conditions, metadata, tags."""

import email.header
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3.tools import MiB, body, new_bucket, refused, send, signed


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


KEYS = ["plain", "a b+c%2F", "é/ü/日本", "trailing/", "//double", "../up", "a" * 1024, "quote'\"&<>", "\U0001f600"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_what_was_put_comes_back(s3: Any, bucket: str, key: str, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    put = s3.put_object(Bucket=bucket, Key=key, Body=data)
    got = s3.get_object(Bucket=bucket, Key=key)
    assert body(got) == data
    assert got["ETag"] == put["ETag"]
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == size
    assert key in [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    s3.delete_object(Bucket=bucket, Key=key)
    with refused("NoSuchKey", "The specified key does not exist.", 404) as error:
        s3.get_object(Bucket=bucket, Key=key)
    assert error["Key"] == key


def test_a_key_has_1024_bytes(s3: Any, bucket: str) -> None:
    with refused("KeyTooLongError", "Your key is too long", 400) as error:
        s3.put_object(Bucket=bucket, Key="é" * 513, Body=b"")
    assert error["Size"] == "1026"
    assert error["MaxSizeAllowed"] == "1024"


def test_headers_and_metadata_come_back(s3: Any, bucket: str) -> None:
    given = {
        "ContentType": "text/csv; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a.csv"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/elsewhere",
        "Metadata": {"Colour": "blue", "empty": ""},
    }
    s3.put_object(Bucket=bucket, Key="head", Body=b"x", Expires="Wed, 21 Oct 2065 07:28:00 GMT", **given)
    head = s3.head_object(Bucket=bucket, Key="head")
    assert {name: head[name] for name in given if name != "Metadata"} == {
        name: value for name, value in given.items() if name != "Metadata"
    }
    assert head["Metadata"] == {"colour": "blue", "empty": ""}
    assert head["ExpiresString"] == "Wed, 21 Oct 2065 07:28:00 GMT"
    plain = s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    assert plain["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket=bucket, Key="plain")["ContentType"] == "binary/octet-stream"
    with refused("MetadataTooLarge", status=400):
        s3.put_object(Bucket=bucket, Key="plain", Body=b"x", Metadata={"a": "x" * 2048})


def test_metadata_that_is_not_ascii_comes_back_by_rfc_2047(platform: Any, s3: Any, bucket: str) -> None:
    request = AWSRequest("PUT", f"{platform.url}/{bucket}/unicode", {"x-amz-meta-name": "über"}, b"")
    S3SigV4Auth(Credentials(*platform.root), "s3", "us-west-2").add_auth(request)
    headers = {name: value.encode().decode("latin-1") for name, value in request.headers.items()}  # UTF-8 on the wire
    status, _, said = send(request.url, "PUT", headers, b"")
    assert status == 200, said
    told = s3.head_object(Bucket=bucket, Key="unicode")["Metadata"]["name"]
    ((text, charset),) = email.header.decode_header(told)
    assert (text.decode(charset or ""), charset) == ("über", "utf-8")


@pytest.mark.parametrize(
    ("asked", "expected", "said"),
    [
        ("bytes=0-4", slice(0, 5), "bytes 0-4/1000"),
        ("bytes=990-", slice(990, 1000), "bytes 990-999/1000"),
        ("bytes=-10", slice(990, 1000), "bytes 990-999/1000"),
        ("bytes=990-5000", slice(990, 1000), "bytes 990-999/1000"),
        ("bytes=-5000", slice(0, 1000), "bytes 0-999/1000"),
        (f"bytes=990-{'9' * 5000}", slice(990, 1000), "bytes 990-999/1000"),
        (f"bytes=-{'9' * 5000}", slice(0, 1000), "bytes 0-999/1000"),
        (f"bytes={'0' * 5000}1-4", slice(1, 5), "bytes 1-4/1000"),
        ("bytes=5-2", slice(0, 1000), None),
        ("bytes=0-1,5-6", slice(0, 1000), None),
        ("lines=1-2", slice(0, 1000), None),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, expected: slice, said: str | None) -> None:
    data = bytes(n % 251 for n in range(1000))
    s3.put_object(Bucket=bucket, Key="range", Body=data)
    got = s3.get_object(Bucket=bucket, Key="range", Range=asked)
    assert body(got) == data[expected]
    assert got.get("ContentRange") == said
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if said else 200)
    assert s3.head_object(Bucket=bucket, Key="range", Range=asked)["ContentLength"] == len(data[expected])


def test_ranges_that_cannot_be(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="range", Body=b"12345")
    for asked in ("bytes=5-", "bytes=-0", f"bytes={'9' * 5000}-"):
        with refused("InvalidRange", "The requested range is not satisfiable", 416) as error:
            s3.get_object(Bucket=bucket, Key="range", Range=asked)
        assert error["ActualObjectSize"] == "5"
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    with refused("InvalidRange"):
        s3.get_object(Bucket=bucket, Key="empty", Range="bytes=0-0")


def test_a_large_body_streams(s3: Any, bucket: str) -> None:
    data = bytes(range(256)) * (12 * MiB // 256)
    s3.put_object(Bucket=bucket, Key="large", Body=data)
    assert body(s3.get_object(Bucket=bucket, Key="large")) == data
    assert body(s3.get_object(Bucket=bucket, Key="large", Range="bytes=5000000-")) == data[5_000_000:]


def test_overridden_headers_of_an_answer(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/html", ResponseContentDisposition="inline", ResponseExpires=0
    )
    assert got["ContentType"] == "text/html"
    assert got["ContentDisposition"] == "inline"
    assert got["ExpiresString"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_conditions_of_a_read(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    past, future = modified.replace(year=2001), modified.replace(year=2065)
    for holds in (
        {"IfMatch": etag},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": past},
        {"IfUnmodifiedSince": future},
        {"IfMatch": etag, "IfUnmodifiedSince": past},
        {"IfNoneMatch": '"other"', "IfModifiedSince": future},
    ):
        assert body(s3.get_object(Bucket=bucket, Key="k", **holds)) == b"x"
    for fails in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": past}):
        with refused("PreconditionFailed", "At least one of the pre-conditions", 412):
            s3.get_object(Bucket=bucket, Key="k", **fails)
        with refused("412"):
            s3.head_object(Bucket=bucket, Key="k", **fails)
    for same in (
        {"IfNoneMatch": etag},
        {"IfModifiedSince": modified},
        {"IfNoneMatch": etag, "IfModifiedSince": past},
    ):
        with refused("304", status=304):
            s3.get_object(Bucket=bucket, Key="k", **same)


def test_conditions_of_a_write(s3: Any, bucket: str) -> None:
    s3.delete_object(Bucket=bucket, Key="once")
    etag = s3.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", status=412) as error:
        s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*")
    assert error["Condition"] == "If-None-Match"
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfMatch='"other"')
    with refused("NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="never", Body=b"2", IfMatch=etag)
    with refused("NotImplemented"):
        s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfNoneMatch=etag)
    s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfMatch=etag)
    with refused("PreconditionFailed"):
        s3.delete_object(Bucket=bucket, Key="once", IfMatch=etag)
    assert body(s3.get_object(Bucket=bucket, Key="once")) == b"2"


def test_many_deleted_at_once(s3: Any, bucket: str) -> None:
    keys = [f"many/{number}" for number in range(5)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "many/none"]]})
    assert [entry["Key"] for entry in gone["Deleted"]] == [*keys, "many/none"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "many/none"}], "Quiet": True})
    assert "Deleted" not in quiet
    with refused("MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}] * 1001})
    mixed = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "a", "VersionId": "not a version"}, {"Key": "b"}]}
    )
    assert [entry["Code"] for entry in mixed["Errors"]] == ["InvalidArgument"]
    assert [entry["Key"] for entry in mixed["Deleted"]] == ["b"]


def test_attributes(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="SHA256")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=wanted)
    assert found["ETag"] == put["ETag"].strip('"')
    assert found["ObjectSize"] == 5
    assert found["StorageClass"] == "STANDARD"
    assert found["Checksum"] == {"ChecksumSHA256": put["ChecksumSHA256"], "ChecksumType": "FULL_OBJECT"}
    assert "ObjectParts" not in found


def test_customer_keys(s3: Any, bucket: str) -> None:
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    put = s3.put_object(Bucket=bucket, Key="secret", Body=b"x", **key)
    assert put["SSECustomerAlgorithm"] == "AES256"
    assert body(s3.get_object(Bucket=bucket, Key="secret", **key)) == b"x"
    with refused("InvalidRequest", "The object was stored using a form of Server Side Encryption."):
        s3.get_object(Bucket=bucket, Key="secret")
    with refused("AccessDenied"):
        s3.get_object(Bucket=bucket, Key="secret", SSECustomerAlgorithm="AES256", SSECustomerKey=b"o" * 32)
    with refused("InvalidArgument", "The secret key was invalid for the specified algorithm."):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=b"short")
    s3.put_object(Bucket=bucket, Key="open", Body=b"x")
    with refused("InvalidRequest", "The encryption parameters are not applicable to this object."):
        s3.get_object(Bucket=bucket, Key="open", **key)


def test_keys_of_kms_are_told_again(s3: Any, bucket: str) -> None:
    arn = "arn:aws:kms:us-west-2:111122223333:key/1234"
    s3.put_object(Bucket=bucket, Key="kms", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=arn)
    head = s3.head_object(Bucket=bucket, Key="kms")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", arn)
    with refused("InvalidArgument"):
        s3.put_object(Bucket=bucket, Key="kms", Body=b"x", SSEKMSKeyId=arn)


def test_deletes_by_size_and_time(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "sized"}
    s3.put_object(**where, Body=b"12345")
    modified = s3.head_object(**where)["LastModified"]
    other = modified.replace(year=2001)
    for fails in ({"IfMatchSize": 6}, {"IfMatchLastModifiedTime": other}, {"IfMatchSize": 5, "IfMatch": '"other"'}):
        with refused("PreconditionFailed", status=412):
            s3.delete_object(**where, **fails)
    wanted = [{"Key": "sized", "Size": 6}, {"Key": "sized", "LastModifiedTime": other}]
    answered = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [error["Code"] for error in answered["Errors"]] == ["PreconditionFailed"] * 2
    assert body(s3.get_object(**where)) == b"12345"
    s3.delete_object(**where, IfMatchSize=5, IfMatchLastModifiedTime=modified)
    s3.delete_object(**where, IfMatchSize=5)  # it is gone
    with refused("NoSuchKey"):
        s3.get_object(**where)


def test_what_only_other_kinds_of_buckets_can(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="whole", Body=b"hello")
    with refused("NotImplemented", "WriteOffsetBytes", 501):
        s3.put_object(Bucket=bucket, Key="whole", Body=b"!", WriteOffsetBytes=5)
    assert body(s3.get_object(Bucket=bucket, Key="whole")) == b"hello"
    with refused("NotImplemented", "BucketNamespace", 501):
        s3.create_bucket(Bucket=f"{bucket}-an", BucketNamespace="account-regional")
    source = {"Bucket": bucket, "Key": "whole"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, AnnotationDirective="EXCLUDE")
    with refused("InvalidArgument", "Unknown annotation directive"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, AnnotationDirective="MOVE")


def test_lengths_beyond_all_sizes(platform: Any, bucket: str) -> None:
    headers = {"x-amz-decoded-content-length": "9" * 5000}
    status, _, answer = signed(platform, "PUT", f"/{bucket}/long", headers, b"abc")
    assert status == 400
    assert b"<Code>EntityTooLarge</Code>" in answer


@pytest.mark.parametrize("value", ['attachment; filename="日本.txt"', "text/plain\r\nx-injected: 1", "a\0b"])
def test_headers_that_cannot_be_sent(s3: Any, bucket: str, value: str) -> None:
    for key, size in (("small", 1), ("large", 300_000)):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
        with refused("InvalidArgument", "Header value cannot", 400) as error:
            s3.get_object(Bucket=bucket, Key=key, ResponseContentDisposition=value)
        assert error["ArgumentName"] == "response-content-disposition"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "日本"}}
    with refused("InvalidArgument", "Header value cannot"):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    got = s3.get_object(Bucket=bucket, Key="small", ResponseContentDisposition='attachment; filename="ü\t"')
    assert body(got) == b"x"
