"""What is there, as the file system says it."""

import socket
import sqlite3
from contextlib import closing
from typing import Any

from s3.webhdfs.tools import ACCESS, FOUND, OTHER, Door, user
from waiting import PATIENCE

MORE = """
WITH RECURSIVE counted(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 9999)
INSERT INTO object
SELECT bucket, printf('many/part-%05d', n), seq, version, blob, size, etag, modified, head, tags, parts
FROM counted, object WHERE bucket = ? AND key = 'many/part-00000'
"""
NAMES = ["a b", "a+b", "a%20b", "x=1", "é€😀", "50%", "q?x", "h#y", "com,ma", "semi;c", "back\\s", "star*", "[a]{b}"]


def test_an_object_is_a_file_and_what_is_before_a_slash_a_directory(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b/c.txt", Body=b"hello")
    status = door("GET", "GETFILESTATUS", f"{bucket}/a/b/c.txt").json["FileStatus"]
    modified = s3.head_object(Bucket=bucket, Key="a/b/c.txt")["LastModified"].timestamp()
    assert (status["type"], status["length"], status["modificationTime"]) == ("FILE", 5, int(modified * 1000))
    assert status["pathSuffix"] == ""
    for path in (bucket, f"{bucket}/a", f"{bucket}/a/b"):
        assert door("GET", "GETFILESTATUS", path).json["FileStatus"]["type"] == "DIRECTORY"
    for path in (f"{bucket}/nope", f"{bucket}/a/b/c", f"{bucket}/a/b/c.txt/d"):
        answer = door("GET", "GETFILESTATUS", path)
        assert answer.error == (404, FOUND)
        assert answer.message == f"No such file or directory: s3://{path}"


def test_an_unknown_bucket_is_named(door: Door) -> None:
    for method, op in (("GET", "GETFILESTATUS"), ("GET", "LISTSTATUS"), ("GET", "OPEN"), ("PUT", "CREATE")):
        answer = door(method, op, "no-such-bucket/x")
        assert answer.error == (403, OTHER), op  # Spark would say of a FileNotFoundException that the path isn't there
        assert answer.message == "The specified bucket does not exist: s3://no-such-bucket"


def test_listings_have_markers_special_names_and_nothing_deeper(door: Door, s3: Any, bucket: str) -> None:
    for name in NAMES:
        s3.put_object(Bucket=bucket, Key=f"d/{name}", Body=name.encode())
        s3.put_object(Bucket=bucket, Key=f"e/{name}/below", Body=b"")
    assert door.names(f"{bucket}/d") == sorted(NAMES)
    assert door.names(f"{bucket}/e") == sorted(f"{name}/" for name in NAMES)
    for name in NAMES:
        assert door("GET", "OPEN", f"{bucket}/d/{name}").body == name.encode()
        assert door.kind(f"{bucket}/e/{name}") == "DIRECTORY"
    s3.put_object(Bucket=bucket, Key="empty/", Body=b"")
    assert door.names(f"{bucket}/empty") == []
    assert door.names(bucket) == ["d/", "e/", "empty/"]
    (one,) = door("GET", "LISTSTATUS", f"{bucket}/d/x=1").json["FileStatuses"]["FileStatus"]
    assert (one["pathSuffix"], one["type"], one["length"]) == ("", "FILE", 3)
    assert door("GET", "LISTSTATUS", f"{bucket}/none").error == (404, FOUND)


def test_a_colon_does_not_make_a_scheme_of_a_name(door: Door, s3: Any, bucket: str) -> None:
    """To Hadoop's Path, `a:b` has the scheme `a`, and the whole listing would fail."""
    s3.put_object(Bucket=bucket, Key="d/2020-01-01T00:00:00.csv", Body=b"1")
    assert door.names(f"{bucket}/d") == ["./2020-01-01T00:00:00.csv"]


def test_bytes_of_a_path_that_are_not_ascii_may_come_as_they_are(door: Door, s3: Any, bucket: str) -> None:
    """As Java's client sends them; the port's parser takes ASCII alone."""
    s3.put_object(Bucket=bucket, Key="é", Body=b"1")
    target = f"/webhdfs/v1/{bucket}/é?op=GETFILESTATUS&delegation={door.token}"
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: connection.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 200"), said


def test_ten_thousand_objects_are_one_answer(door: Door, s3: Any, bucket: str, platform: Any) -> None:
    s3.put_object(Bucket=bucket, Key="many/part-00000", Body=b"")
    s3.put_object(Bucket=bucket, Key="s/0", Body=b"x")
    names = [f"part-{number:05d}" for number in range(10_000)]
    with closing(sqlite3.connect(platform.home / "state.db", timeout=PATIENCE)) as connection, connection:
        connection.execute(MORE, (bucket,))  # as many requests would take longer than all tests of this folder
    assert door.names(f"{bucket}/many") == names
    listed = door("GET", "LISTSTATUS_BATCH", f"{bucket}/many").json["DirectoryListing"]
    assert listed["remainingEntries"] == 0
    assert [each["pathSuffix"] for each in listed["partialListing"]["FileStatuses"]["FileStatus"]] == names
    rest = door("GET", "LISTSTATUS_BATCH", f"{bucket}/many", startAfter="part-09997").json["DirectoryListing"]
    found = [each["pathSuffix"] for each in rest["partialListing"]["FileStatuses"]["FileStatus"]]
    assert found == names[-2:]


def test_summaries_count_all_that_is_below(door: Door, s3: Any, bucket: str) -> None:
    for key, size in (("a/x", 3), ("a/b/y", 4), ("a/b/c/z", 5), ("a/d/", 0), ("ab", 9)):
        s3.put_object(Bucket=bucket, Key=key, Body=b"." * size)
    told = door("GET", "GETCONTENTSUMMARY", f"{bucket}/a").json["ContentSummary"]
    assert (told["fileCount"], told["directoryCount"], told["length"]) == (3, 4, 12)
    one = door("GET", "GETCONTENTSUMMARY", f"{bucket}/ab").json["ContentSummary"]
    assert (one["fileCount"], one["directoryCount"], one["length"]) == (1, 0, 9)
    assert door("GET", "GETCONTENTSUMMARY", f"{bucket}/none").error == (404, FOUND)


def test_a_file_is_one_block(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="f", Body=b"0123456789")
    (block,) = door("GET", "GETFILEBLOCKLOCATIONS", f"{bucket}/f", offset=2, length=5).json["BlockLocations"][
        "BlockLocation"
    ]
    assert (block["offset"], block["length"], block["hosts"]) == (2, 5, ["localhost"])
    located = door("GET", "GET_BLOCK_LOCATIONS", f"{bucket}/f").json["LocatedBlocks"]
    assert [each["block"]["numBytes"] for each in located["locatedBlocks"]] == [10]


def test_nobody_is_told_the_names_of_buckets(door: Door, s3: Any, bucket: str, platform: Any) -> None:
    """Not without s3:ListAllMyBuckets, and here with it neither: who uses a bucket knows its name."""
    for who in (door, Door(platform, user(platform, {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}))):
        for path in ("", ".mounts", "/"):
            for op in ("LISTSTATUS", "LISTSTATUS_BATCH", "GETFILESTATUS", "OPEN"):
                answer = who("GET", op, path)
                assert answer.error == (403, OTHER)
                assert bucket not in answer.message
    dotted = f"{bucket}.more"
    s3.create_bucket(Bucket=dotted, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=dotted, Key="f", Body=b"1")
    mine = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{dotted}", f"arn:aws:s3:::{dotted}/*"]}
    one = Door(platform, user(platform, mine))
    assert one.names(dotted) == ["f"]
    assert one("GET", "LISTSTATUS", bucket).error == (403, ACCESS)


def test_what_is_not_there_says_so(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="f", Body=b"1")
    for method, op, said in (
        ("POST", "APPEND", "cannot be appended to"),
        ("POST", "TRUNCATE", "cannot be cut"),
        ("GET", "GETFILECHECKSUM", "no checksum"),
        ("GET", "GETACLSTATUS", "has no such operation"),
    ):
        answer = door(method, op, f"{bucket}/f")
        assert answer.error == (400, "UnsupportedOperationException"), op
        assert said in answer.message
        assert f"s3://{bucket}/f" in answer.message
    assert door("GET", "OPEN", f"{bucket}/f", offset="x").error == (400, "IllegalArgumentException")
    for op in ("SETPERMISSION", "SETOWNER", "SETTIMES"):  # as S3A: nothing happens
        assert door("PUT", op, f"{bucket}/f").status == 200
