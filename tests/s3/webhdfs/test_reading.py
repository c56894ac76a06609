"""OPEN."""

import os
from typing import Any

import pytest

from s3.webhdfs.tools import ACCESS, FOUND, Door


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 << 20])
def test_bytes_from_an_offset_and_so_many(door: Door, s3: Any, bucket: str, size: int) -> None:
    data = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="f", Body=data)
    assert door("GET", "OPEN", f"{bucket}/f").body == data
    middle = size // 2
    assert door("GET", "OPEN", f"{bucket}/f", offset=middle).body == data[middle:]
    assert door("GET", "OPEN", f"{bucket}/f", offset=middle, length=10).body == data[middle : middle + 10]
    assert door("GET", "OPEN", f"{bucket}/f", offset=size).body == b""
    past = door("GET", "OPEN", f"{bucket}/f", offset=size + 1)
    assert past.error == (403, "IOException")
    assert "out of the range" in past.message


def test_the_first_answer_is_where_to_go(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="f", Body=b"x")
    target = f"/webhdfs/v1/{bucket}/f?op=OPEN&delegation={door.token}&buffersize=65536"
    answer = door.send("GET", target)
    assert answer.status == 307
    assert answer.body == b""
    assert answer.headers["location"].startswith(f"http://127.0.0.1:{door.port}{target}")
    told = door.send("GET", target + "&noredirect=true")
    assert told.json["Location"].replace("&noredirect=true", "") == answer.headers["location"]


def test_what_cannot_be_read(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="d/f", Body=b"x")
    assert door("GET", "OPEN", f"{bucket}/none").error == (404, FOUND)
    folder = door("GET", "OPEN", f"{bucket}/d")
    assert folder.error == (404, FOUND)
    assert folder.message == f"Path is not a file: s3://{bucket}/d"
    key = os.urandom(32)
    s3.put_object(Bucket=bucket, Key="c", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=key)
    secret = door("GET", "OPEN", f"{bucket}/c")
    assert secret.error == (403, ACCESS)
    assert "key of the customer's" in secret.message
