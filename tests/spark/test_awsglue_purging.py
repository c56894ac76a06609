"""purge_s3_path, in the image's Python and without a JVM: what it deletes, and what it leaves."""

import os
import subprocess

from clary.images.pull import BuiltIn
from conftest import Platform
from s3.tools import new_bucket
from spark.conftest import FOLDER

PURGE = """
import sys
from awsglue.purging import purge
for path in sys.argv[1:]:
    purge(None, {"retentionPeriod": 0}, path=path)
"""


def test_a_folder_is_purged_and_not_its_neighbour(platform: Platform, spark_image: BuiltIn) -> None:
    s3 = platform.client("s3")
    bucket = new_bucket(s3)
    for key in ("t/day=1/a", "t/day=1/b/c", "t/day=10/a", "u/file", "u/file2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    key, secret = platform.root
    env = {
        "AWS_ENDPOINT_URL": platform.url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-west-2",
        "PYTHONPATH": str(FOLDER / "spark" / "python"),
        "PATH": os.environ["PATH"],
    }
    program = [str(spark_image.folder / "bin" / "python"), "-c", PURGE]
    subprocess.run([*program, f"s3://{bucket}/t/day=1", f"s3://{bucket}/u/file"], env=env, check=True)
    left = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert left == ["t/day=10/a", "u/file2"]
