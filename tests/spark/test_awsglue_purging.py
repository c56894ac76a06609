"""What of S3 a source reads and purge_s3_path deletes, and what they leave: in the image's Python, without a JVM."""

import json
import os
import subprocess
from typing import Any

import pytest

from clary.images.pull import BuiltIn
from conftest import Platform
from s3.tools import new_bucket
from spark.conftest import FOLDER

PROGRAM = """
import json, sys
from awsglue.files import listed
from awsglue.purging import purge
read, purged = map(json.loads, sys.argv[1:])
print(json.dumps([[file.path for file in listed([path], options)] for path, options in read]))
for path in purged:
    purge(None, {"retentionPeriod": 0}, path=path)
list(listed(["s3://no-such-bucket-anywhere/a"], {}))
"""
READ: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("", {"recurse": True, "exclusions": ["[tuv]/**", "**cold"]}),
    ("/b", {"excludeStorageClasses": ["STANDARD_IA"]}),
    ("/b/", {}),
    ("/b/c", {}),
    ("/b#c", {}),
]
PURGED = ("t/day=1", "u/file", "v/a#b", "v/a?b/")
KEYS = ("a", "b/c", "b/d/e", "b#c/f", "t/day=1/a", "t/day=1/b/c", "t/day=10/a", "u/file", "u/file2", "v/a/1")
Done = tuple[list[list[str]], list[str], str]


@pytest.fixture(scope="module")
def done(platform: Platform, spark_image: BuiltIn) -> Done:
    """The keys that READ lists, those that are left, and the error of a bucket that isn't there."""
    s3 = platform.client("s3")
    bucket = new_bucket(s3)
    for name in (*KEYS, "v/a#b/1", "v/a?b/1"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"1")
    s3.put_object(Bucket=bucket, Key="b/cold", Body=b"1", StorageClass="STANDARD_IA")
    key, secret = platform.root
    env = {
        "AWS_ENDPOINT_URL": platform.url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-west-2",
        "PYTHONPATH": str(FOLDER / "spark" / "python"),
        "PATH": os.environ["PATH"],
    }
    place = f"s3://{bucket}"
    asked = [(f"{place}{path}", options) for path, options in READ], [f"{place}/{path}" for path in PURGED]
    command = [str(spark_image.folder / "bin" / "python"), "-c", PROGRAM, *map(json.dumps, asked)]
    ended = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    said = json.loads(ended.stdout)
    left = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    return [[path.removeprefix(f"{place}/") for path in paths] for paths in said], left, ended.stderr.splitlines()[-1]


def test_a_bucket_that_is_not_there_is_named(done: Done) -> None:
    assert "(NoSuchBucket)" in done[2]
    assert done[2].endswith("The specified bucket does not exist: s3://no-such-bucket-anywhere")


def test_which_objects_are_read(done: Done) -> None:
    assert done[0] == [["a"], ["a", "b#c/f", "b/c", "b/d/e"], ["b/c"], ["b/c", "b/cold"], ["b/c"], ["b#c/f"]]


def test_a_folder_is_purged_and_not_its_neighbour(done: Done) -> None:
    assert done[1] == ["a", "b#c/f", "b/c", "b/cold", "b/d/e", "t/day=10/a", "u/file2", "v/a/1"]
