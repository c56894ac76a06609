"""CREATE and MKDIRS."""

import socket
import time
from typing import Any

import pytest

from s3.tools import new_bucket
from s3.webhdfs.tools import EXISTS, Door, keys_of


@pytest.mark.parametrize("size", [0, 5, 300_000, 3 << 20])
def test_an_object_is_what_was_brought(door: Door, s3: Any, bucket: str, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"." * (size % 256)
    door.create(f"{bucket}/a/f.bin", iter([data[:1000], data[1000:]]))  # in chunks, as Java sends them
    found = s3.get_object(Bucket=bucket, Key="a/f.bin", ChecksumMode="ENABLED")
    assert found["Body"].read() == data
    assert found["ContentType"] == "application/octet-stream"
    put = s3.put_object(Bucket=bucket, Key="other", Body=data, ChecksumAlgorithm="CRC64NVME")
    assert (found["ETag"], found["ChecksumCRC64NVME"]) == (put["ETag"], put["ChecksumCRC64NVME"])


def test_what_is_there_is_replaced_if_that_is_asked(door: Door, s3: Any, bucket: str) -> None:
    door.create(f"{bucket}/f", b"1")
    again = door("PUT", "CREATE", f"{bucket}/f", b"2")
    assert again.error == (403, EXISTS)
    assert f"s3://{bucket}/f already exists" in again.message
    door.create(f"{bucket}/f", b"3", overwrite="true")
    assert s3.get_object(Bucket=bucket, Key="f")["Body"].read() == b"3"
    door.create(f"{bucket}/d/f", b"1")
    assert door("PUT", "CREATE", f"{bucket}/d", b"", overwrite="true").error == (403, EXISTS)
    assert door("PUT", "CREATE", bucket, b"").error == (403, EXISTS)


def test_of_two_that_create_at_once_one_is_told(door: Door, s3: Any, bucket: str) -> None:
    """Both begin while nothing is there; who ends second finds what the first has made."""
    target = f"/webhdfs/v1/{bucket}/f?op=CREATE&overwrite=false&delegation={door.token}&clary.data=true"

    def slow() -> Any:
        yield b"second"
        door.create(f"{bucket}/f", b"first")
        yield b"second"

    assert door.send("PUT", target, slow()).error == (403, EXISTS)
    assert s3.get_object(Bucket=bucket, Key="f")["Body"].read() == b"first"


def test_a_writer_that_dies_leaves_nothing(door: Door, s3: Any, bucket: str) -> None:
    target = f"/webhdfs/v1/{bucket}/f?op=CREATE&delegation={door.token}&clary.data=true"
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        head = f"PUT {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        time.sleep(0.2)
    time.sleep(0.2)
    assert keys_of(s3, bucket) == []
    door.create(f"{bucket}/f", b"whole")


def test_an_empty_directory_has_an_object_until_something_is_in_it(door: Door, s3: Any, bucket: str) -> None:
    door.mkdirs(f"{bucket}/a/b/c")
    assert keys_of(s3, bucket) == ["a/b/c/"]
    marker = s3.head_object(Bucket=bucket, Key="a/b/c/", ChecksumMode="ENABLED")
    assert (marker["ContentType"], marker["ChecksumCRC64NVME"]) == ("application/x-directory", "AAAAAAAAAAA=")
    door.mkdirs(f"{bucket}/a/b")  # is there: nothing to do
    door.mkdirs(f"{bucket}/a/b/c/d")
    assert keys_of(s3, bucket) == ["a/b/c/d/"]
    door.create(f"{bucket}/a/b/f", b"")
    assert keys_of(s3, bucket) == ["a/b/c/d/", "a/b/f"]
    assert door.names(f"{bucket}/a/b/c/d") == []
    assert door("PUT", "MKDIRS", f"{bucket}/a/b/f").error == (403, EXISTS)
    assert door("PUT", "MKDIRS", f"{bucket}/a/b/f/g").error == (403, EXISTS)
    door.mkdirs(bucket)


def test_the_marker_that_somebody_else_put_stays(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="mine/", Body=b"")
    door.create(f"{bucket}/mine/f", b"")
    assert keys_of(s3, bucket) == ["mine/", "mine/f"]


def test_a_bucket_that_keeps_versions_keeps_what_was_overwritten(door: Door, s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    for data in (b"1", b"2"):
        door.create(f"{bucket}/f", data, overwrite="true")
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [(each["Key"], each["IsLatest"]) for each in versions] == [("f", True), ("f", False)]


def test_a_key_that_is_too_long_is_refused(door: Door, bucket: str) -> None:
    answer = door("PUT", "CREATE", f"{bucket}/{'x' * 1025}", b"")
    assert answer.error == (403, "IOException")
    assert "KeyTooLongError: Your key is too long" in answer.message
