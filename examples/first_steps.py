"""The first steps with S3, as code for AWS: nothing here knows of Clary.

eval "$(clary env)"
python examples/first_steps.py
"""

import hashlib
import os
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import boto3

SIZE = 20 * 1024 * 1024  # bytes: enough for a multipart upload


def main() -> None:
    who = boto3.client("sts").get_caller_identity()
    print(f"Who you are:         {who['Arn']}")

    s3 = boto3.client("s3")
    bucket = f"first-steps-{who['Account']}-{os.getpid()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    print(f"A bucket:            s3://{bucket} in {s3.meta.region_name}")
    try:
        round_trip(s3, bucket)
    finally:
        for listed in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=listed["Key"])
        s3.delete_bucket(Bucket=bucket)
        print("Cleaned up:          the bucket and all in it are gone")


def round_trip(s3: Any, bucket: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sent, received = Path(folder, "sent.bin"), Path(folder, "received.bin")
        sent.write_bytes(os.urandom(SIZE))
        s3.upload_file(str(sent), bucket, "data/file.bin")
        s3.download_file(bucket, "data/file.bin", str(received))
        same = digest(sent) == digest(received)
        print(f"There and back:      {SIZE >> 20} MiB, {'the same bytes' if same else 'DIFFERENT BYTES'}")
        if not same:
            raise SystemExit(1)

    s3.put_object(Bucket=bucket, Key="greeting.txt", Body=b"hello", ContentType="text/plain")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "greeting.txt"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        print(f"By a presigned URL:  {answer.read().decode()!r}")
    keys = [listed["Key"] for listed in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    print(f"What the bucket has: {', '.join(keys)}")

    try:
        s3.get_object(Bucket=bucket, Key="no-such-key")
    except s3.exceptions.NoSuchKey as error:
        print(f"What it has not:     {error.response['Error']['Code']}: {error.response['Error']['Message']}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
