"""The folders of tables that Spark manages, as a metastore keeps them: made with the table, and deleted with it."""

from typing import Any

from .shapes import META, Refused


class Files:
    """`s3` is boto3's client."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def make(self, location: str) -> None:
        """Spark takes a table without a folder for broken."""
        bucket, prefix = _place(location)
        if bucket and prefix and not self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]:
            self._s3.put_object(Bucket=bucket, Key=prefix)

    def clear(self, location: str) -> None:
        """All objects below it go; of a whole bucket none. Raises Refused."""
        bucket, prefix = _place(location)
        if not bucket or not prefix:
            return
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            if keys := [{"Key": each["Key"]} for each in page.get("Contents", [])]:
                answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                for error in answer.get("Errors", []):
                    raise Refused(META, f"{error['Key']} cannot be deleted: {error['Message']}")


def _place(location: str) -> tuple[str, str]:
    """Bucket and prefix, which ends with /; "" for what is not in S3."""
    scheme, _, rest = location.partition("://")
    if scheme not in ("s3", "s3a", "s3n"):
        return "", ""
    bucket, _, key = rest.partition("/")  # a key may have # and ?, behind which no URI's path goes on
    prefix = key.strip("/")
    return bucket, f"{prefix}/" if prefix else ""
