"""RENAME and DELETE."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from s3.tools import new_bucket
from s3.webhdfs.tools import EXISTS, FOUND, Door, keys_of


@pytest.fixture(params=[False, True], ids=["plain", "versions"])
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    return new_bucket(s3, versions=request.param)


def test_a_file_and_a_directory_get_other_names(door: Door, s3: Any, bucket: str) -> None:
    bodies = {"_temporary/0/t/a.txt": b"one", "_temporary/0/t/p=x y/ü+%.txt": b"two"}
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=f"out/{key}", Body=body, Metadata={"k": "v"}, Tagging="a=b")
    assert door.rename(f"{bucket}/out/_temporary/0/t", f"{bucket}/out/part")
    assert keys_of(s3, bucket) == ["out/_temporary/0/", "out/part/a.txt", "out/part/p=x y/ü+%.txt"]
    moved = s3.get_object(Bucket=bucket, Key="out/part/p=x y/ü+%.txt")
    assert moved["Body"].read() == b"two"
    assert (moved["Metadata"], moved["TagCount"]) == ({"k": "v"}, 1)
    assert door.rename(f"{bucket}/out/part/a.txt", f"{bucket}/top.txt")
    assert s3.get_object(Bucket=bucket, Key="top.txt")["Body"].read() == b"one"
    assert door.kind(f"{bucket}/out/part/a.txt") == ""


def test_where_a_rename_lands(door: Door, s3: Any, bucket: str) -> None:
    for key in ("f", "g", "d/x", "e/y"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    door.mkdirs(f"{bucket}/empty")
    before = keys_of(s3, bucket)
    for source, target in (("none", "n"), ("f", "g"), ("d", "f"), ("d", "e"), ("d", "d/in"), ("f", "e/y")):
        assert not door.rename(f"{bucket}/{source}", f"{bucket}/{target}"), (source, target)
    assert keys_of(s3, bucket) == before
    assert door.rename(f"{bucket}/f", f"{bucket}/f")
    assert door.rename(f"{bucket}/f", f"{bucket}/e")  # a file goes into a directory
    assert door.rename(f"{bucket}/d", f"{bucket}/empty")  # a directory takes the place of an empty one
    assert keys_of(s3, bucket) == ["e/f", "e/y", "empty/x", "g"]


def test_with_options_it_says_why_and_overwrites_a_file(door: Door, s3: Any, bucket: str) -> None:
    for key in ("f", "g"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    query = {"destination": f"/{bucket}/g", "renameoptions": "NONE"}
    assert door("PUT", "RENAME", f"{bucket}/f", **query).error == (403, EXISTS)
    assert door("PUT", "RENAME", f"{bucket}/none", **query).error == (404, FOUND)
    answer = door("PUT", "RENAME", f"{bucket}/f", **query | {"renameoptions": "OVERWRITE"})
    assert (answer.status, answer.body) == (200, b"")
    assert keys_of(s3, bucket) == ["g"]
    assert s3.get_object(Bucket=bucket, Key="g")["Body"].read() == b"f"


def test_into_another_bucket_it_is_refused(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="f", Body=b"")
    answer = door("PUT", "RENAME", f"{bucket}/f", destination=f"/{new_bucket(s3)}/f")
    assert answer.error == (400, "UnsupportedOperationException")


def test_of_many_who_rename_to_one_place_one_does(door: Door, s3: Any, bucket: str) -> None:
    """As task attempts of a speculative stage do."""
    for attempt in range(8):
        for part in "ab":
            s3.put_object(Bucket=bucket, Key=f"t{attempt}/{part}", Body=b"%d" % attempt)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda attempt: door.rename(f"{bucket}/t{attempt}", f"{bucket}/task"), range(8)))
    assert won.count(True) == 1
    assert door.names(f"{bucket}/task") == ["a", "b"]
    assert s3.get_object(Bucket=bucket, Key="task/a")["Body"].read() == b"%d" % won.index(True)
    left = [key for key in keys_of(s3, bucket) if key.startswith("t") and not key.startswith("task/")]
    assert len(left) == 14


def test_a_directory_is_deleted_with_all_that_is_in_it(door: Door, s3: Any, bucket: str) -> None:
    for key in ("d/a", "d/b/c", "d/b/", "dd", "x/y/z"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    answer = door("DELETE", "DELETE", f"{bucket}/d", recursive="false")
    assert answer.error == (403, "PathIsNotEmptyDirectoryException")
    assert door.delete(f"{bucket}/d")
    assert keys_of(s3, bucket) == ["dd", "x/y/z"]
    assert not door.delete(f"{bucket}/d")
    assert door.delete(f"{bucket}/x/y/z", recursive=False)
    assert door.kind(f"{bucket}/x/y") == "DIRECTORY"  # it stays when the last thing in it goes
    assert door.delete(f"{bucket}/x/y", recursive=False)
    assert not door.delete(bucket)
    assert keys_of(s3, bucket) == ["dd", "x/"]


def test_where_versions_are_kept_a_deleted_file_is_one(door: Door, s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    s3.put_object(Bucket=bucket, Key="d/f", Body=b"1")
    assert door.rename(f"{bucket}/d", f"{bucket}/e")
    assert door.delete(f"{bucket}/e")
    told = s3.list_object_versions(Bucket=bucket)
    assert {each["Key"] for each in told["Versions"]} >= {"d/f", "e/f"}
    assert {each["Key"] for each in told["DeleteMarkers"]} >= {"d/f", "e/f"}
    old = next(each for each in told["Versions"] if each["Key"] == "e/f")
    assert s3.get_object(Bucket=bucket, Key="e/f", VersionId=old["VersionId"])["Body"].read() == b"1"


def test_a_rename_and_the_sweep_after_a_crash_leave_the_bytes(own_platform: Any) -> None:
    s3 = own_platform.client("s3")
    bucket = new_bucket(s3)
    door = Door(own_platform)
    for number in range(20):
        door.create(f"{bucket}/t/{number}", b"%d" % number * 1000)
    assert door.rename(f"{bucket}/t", f"{bucket}/out")
    own_platform.kill()
    own_platform.start()
    assert len(keys_of(s3, bucket)) == 20
    assert s3.get_object(Bucket=bucket, Key="out/7")["Body"].read() == b"7" * 1000
