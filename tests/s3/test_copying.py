"""Copies: within and across buckets, of versions, with new metadata, under conditions."""

import hashlib
import os
from typing import Any

import pytest

from s3.tools import MiB, body, new_bucket, refused


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


def test_a_copy_has_all_but_the_storage_class(s3: Any, bucket: str) -> None:
    other = new_bucket(s3)
    put = s3.put_object(
        Bucket=bucket,
        Key="a b/é",
        Body=b"x",
        ContentType="text/plain",
        Metadata={"m": "1"},
        Tagging="t=1",
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/r",
    )
    copied = s3.copy_object(Bucket=other, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/é"})
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    head = s3.head_object(Bucket=other, Key="copy")
    assert (head["ContentType"], head["Metadata"], head["TagCount"]) == ("text/plain", {"m": "1"}, 1)
    assert "StorageClass" not in head
    assert "WebsiteRedirectLocation" not in head
    s3.delete_object(Bucket=bucket, Key="a b/é")
    assert body(s3.get_object(Bucket=other, Key="copy")) == b"x"


def test_metadata_and_tags_can_be_replaced(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=b"x", Metadata={"m": "1"}, Tagging="t=1", ContentType="text/plain")
    s3.copy_object(
        **source, CopySource=source, Metadata={"n": "2"}, MetadataDirective="REPLACE", TaggingDirective="REPLACE"
    )
    head = s3.head_object(**source)
    assert (head["ContentType"], head["Metadata"]) == ("binary/octet-stream", {"n": "2"})
    assert "TagCount" not in head
    with refused("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself"):
        s3.copy_object(**source, CopySource=source)
    s3.copy_object(**source, CopySource=source, StorageClass="STANDARD_IA")
    assert s3.head_object(**source)["StorageClass"] == "STANDARD_IA"
    with refused("InvalidArgument"):
        s3.copy_object(**source, CopySource=source, MetadataDirective="WHATEVER")


def test_a_copy_under_conditions(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "conditional"}
    etag = s3.put_object(**source, Body=b"x")["ETag"]
    modified = s3.head_object(**source)["LastModified"]
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, CopySourceIfMatch=etag)
    for fails in (
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfModifiedSince": modified},
        {"CopySourceIfUnmodifiedSince": modified.replace(year=2001)},
        {"IfNoneMatch": "*"},
    ):
        with refused("PreconditionFailed", status=412):
            s3.copy_object(Bucket=bucket, Key="to", CopySource=source, **fails)


def test_a_version_is_copied_back(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    where = {"Bucket": bucket, "Key": "k"}
    old = s3.put_object(**where, Body=b"old")["VersionId"]
    s3.put_object(**where, Body=b"new")
    copied = s3.copy_object(**where, CopySource=where | {"VersionId": old})
    assert copied["CopySourceVersionId"] == old
    assert copied["VersionId"] != old
    assert body(s3.get_object(**where)) == b"old"
    marker = s3.delete_object(**where)["VersionId"]
    with refused("InvalidRequest", "may not specifically refer to a delete marker"):
        s3.copy_object(**where, CopySource=where | {"VersionId": marker})
    with refused("NoSuchKey"):
        s3.copy_object(Bucket=bucket, Key="other", CopySource=where)


def test_a_copy_of_parts_is_one_piece(s3: Any, bucket: str) -> None:
    data = os.urandom(5 * MiB + 5)
    where = {"Bucket": bucket, "Key": "parts"}
    upload = where | {"UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=part)["ETag"]}
        for n, part in ((1, data[: 5 * MiB]), (2, data[5 * MiB :]))
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    copied = s3.copy_object(Bucket=bucket, Key="piece", CopySource=where, ChecksumAlgorithm="SHA256")
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'  # noqa: S324 - S3's etag
    head = s3.head_object(Bucket=bucket, Key="piece", ChecksumMode="ENABLED")
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert "ChecksumSHA256" in head
    assert body(s3.get_object(Bucket=bucket, Key="piece")) == data


def test_the_source_must_be_there(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", status=404):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "never"})
    with refused("NoSuchBucket"):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": "never-made-bucket", "Key": "k"})
    with refused("InvalidArgument", "Copy Source must mention the source bucket and key"):
        s3.copy_object(Bucket=bucket, Key="k", CopySource="nothing")
