"""Who asks, and whether they may: the policies of S3's API decide."""

import base64
import json
import struct
from typing import Any

import pytest

from s3.webhdfs.tools import ACCESS, Door, files, keys_of, user


def allow(action: str, *resources: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": [f"arn:aws:s3:::{each}" for each in resources], **more}


def test_each_operation_asks_for_what_s3_does(platform: Any, door: Door, s3: Any, bucket: str) -> None:
    for key in ("in/a", "in/b", "other/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    listing = allow("s3:ListBucket", bucket, Condition={"StringLike": {"s3:prefix": ["in/*", "out/*"]}})
    reading = allow("s3:GetObject", f"{bucket}/in/*", f"{bucket}/out/*")
    reader = Door(platform, user(platform, listing, reading))
    assert reader.names(f"{bucket}/in") == ["a", "b"]
    assert reader("GET", "OPEN", f"{bucket}/in/a").body == b"1"
    for method, op, path, action, resource in (
        ("GET", "OPEN", "other/a", "GetObject", f"{bucket}/other/a"),
        ("GET", "GETFILESTATUS", "other/a", "GetObject", f"{bucket}/other/a"),
        ("GET", "LISTSTATUS", "other", "ListBucket", bucket),
        ("PUT", "CREATE", "out/a", "PutObject", f"{bucket}/out/a"),
        ("PUT", "MKDIRS", "out/d", "PutObject", f"{bucket}/out/d/"),
        ("DELETE", "DELETE", "in/a", "DeleteObject", f"{bucket}/in/a"),
    ):
        answer = reader(method, op, f"{bucket}/{path}", recursive="true")
        assert answer.error == (403, ACCESS), op
        assert f"not authorized to perform: s3:{action} on resource" in answer.message
        assert f"arn:aws:s3:::{resource}" in answer.message
    writer = Door(platform, user(platform, listing, reading, allow("s3:PutObject", f"{bucket}/*")))
    writer.create(f"{bucket}/out/a", b"2")
    answer = writer("PUT", "RENAME", f"{bucket}/out/a", destination=f"/{bucket}/out/b")
    assert answer.error == (403, ACCESS)
    assert "s3:DeleteObject" in answer.message
    assert keys_of(s3, bucket) == ["in/a", "in/b", "other/a", "out/a"]


def test_one_key_among_many_that_is_denied_stops_all(platform: Any, s3: Any, bucket: str) -> None:
    for number in range(40):
        s3.put_object(Bucket=bucket, Key=f"d/{number:04d}-a-long-name", Body=b"1")
    everything = allow("s3:*", bucket, f"{bucket}/*")
    assert Door(platform, user(platform, everything)).rename(f"{bucket}/d", f"{bucket}/e")
    kept = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/e/0007*"}
    careful = Door(platform, user(platform, everything, kept))
    answer = careful("DELETE", "DELETE", f"{bucket}/e", recursive="true")
    assert answer.error == (403, ACCESS)
    assert f"{bucket}/e/0007-a-long-name" in answer.message
    assert len(keys_of(s3, bucket)) == 40


def test_one_tag_among_many_objects_stops_all(platform: Any, s3: Any, bucket: str) -> None:
    for number in range(20):
        tags = {"Tagging": "secret=yes"} if number == 7 else {}
        s3.put_object(Bucket=bucket, Key=f"d/{number:04d}-a-long-name", Body=b"1", **tags)
    plain = {"StringNotEquals": {"s3:ExistingObjectTag/secret": "yes"}}
    rest = ("s3:ListBucket", "s3:PutObject", "s3:GetObjectTagging")
    for careful, free in (("s3:GetObject", "s3:DeleteObject"), ("s3:DeleteObject", "s3:GetObject")):
        others = [allow(action, bucket, f"{bucket}/*") for action in (free, *rest)]
        asker = Door(platform, user(platform, allow(careful, f"{bucket}/*", Condition=plain), *others))
        answer = asker("PUT", "RENAME", f"{bucket}/d", destination=f"/{bucket}/e")
        assert answer.error == (403, ACCESS), careful
        assert f"{careful} on resource" in answer.message
        assert f"{bucket}/d/0007-a-long-name" in answer.message
    assert asker("DELETE", "DELETE", f"{bucket}/d", recursive="true").error == (403, ACCESS)
    assert len(keys_of(s3, bucket, "d/")) == 20


def test_tags_are_put_where_a_rename_ends(platform: Any, s3: Any, bucket: str) -> None:
    """As CopyObject asks for them: without, an object could get tags that its place must not have."""
    s3.put_object(Bucket=bucket, Key="d/tagged", Body=b"1", Tagging="a=b")
    s3.put_object(Bucket=bucket, Key="d/plain", Body=b"1")
    actions = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectTagging"]
    everything = [allow(action, bucket, f"{bucket}/*") for action in actions]
    asker = Door(platform, user(platform, *everything))
    assert asker.rename(f"{bucket}/d/plain", f"{bucket}/e-plain")
    answer = asker("PUT", "RENAME", f"{bucket}/d", destination=f"/{bucket}/e")
    assert answer.error == (403, ACCESS)
    assert "s3:PutObjectTagging on resource" in answer.message
    assert f"{bucket}/e/tagged" in answer.message
    may = Door(platform, user(platform, *everything, allow("s3:PutObjectTagging", f"{bucket}/e/*")))
    assert may.rename(f"{bucket}/d", f"{bucket}/e")
    assert s3.get_object_tagging(Bucket=bucket, Key="e/tagged")["TagSet"] == [{"Key": "a", "Value": "b"}]


def test_the_bucket_has_a_say(platform: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="f", Body=b"1")
    keys = user(platform, allow("s3:*", bucket, f"{bucket}/*"))
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert Door(platform, keys)("GET", "OPEN", f"{bucket}/f").error == (403, ACCESS)


def test_who_may_not_remove_may_still_write_beside_a_marker(platform: Any, door: Door, s3: Any, bucket: str) -> None:
    door.mkdirs(f"{bucket}/d")
    writing = allow("s3:PutObject", f"{bucket}/*")
    Door(platform, user(platform, writing, allow("s3:ListBucket", bucket))).create(f"{bucket}/d/f", b"1")
    assert keys_of(s3, bucket) == ["d/f"]


@pytest.mark.parametrize("token", ["", "AAAA", "a", "~", "gICAgICA", "BUtFWQA"])
def test_without_a_token_of_ours_nobody_gets_anything(door: Door, bucket: str, token: str) -> None:
    answer = door("GET", "LISTSTATUS", bucket, token=token or "-")
    assert answer.error == (403, ACCESS)
    assert door.send("GET", f"/webhdfs/v1/{bucket}?op=LISTSTATUS").error == (403, ACCESS)
    for kind in (b"key", b"job"):
        forged = files.url_form(files.token(kind, b"x" * 40 + b'[9999999999,"AKIA",""]', b""))
        assert door("GET", "LISTSTATUS", bucket, token=forged).error == (403, ACCESS)


def test_a_token_ends_with_its_key(platform: Any, s3: Any, bucket: str) -> None:
    keys = user(platform, allow("s3:*", bucket, f"{bucket}/*"))
    holder = Door(platform, keys)
    assert holder.names(bucket) == []
    iam = platform.client("iam")
    name = platform.client("sts", keys=keys).get_caller_identity()["Arn"].rpartition("/")[2]
    iam.delete_access_key(UserName=name, AccessKeyId=keys[0])
    assert holder("GET", "LISTSTATUS", bucket).error == (403, ACCESS)
    with pytest.raises(PermissionError, match=keys[0]):
        Door(platform, keys)
    with pytest.raises(PermissionError):
        Door(platform, (platform.root[0], "wrong"))


def test_the_form_of_a_token_is_hadoops() -> None:
    """Lengths up to 127 are one byte; above, as WritableUtils.writeVLong has them."""
    raw = files.token(b"job", b"p" * 300, b"127.0.0.1:4566")
    assert raw.startswith(b"\x03job" + struct.pack(">bH", -114, 300) + b"p" * 300 + b"\x12WEBHDFS delegation\x0e")
    assert base64.urlsafe_b64decode(files.url_form(raw) + "==")[: len(raw)] == raw


def test_a_bucket_called_webhdfs_is_reached_by_s3(platform: Any, s3: Any) -> None:
    s3.create_bucket(Bucket="webhdfs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="webhdfs", Key="v1/a", Body=b"1")
    assert s3.get_object(Bucket="webhdfs", Key="v1/a")["Body"].read() == b"1"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "webhdfs", "Key": "v1/a"})
    assert Door(platform).send("GET", url.partition(platform.url)[2]).body == b"1"
