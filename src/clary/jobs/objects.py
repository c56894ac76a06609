"""S3 as jobs see it: whole channels in, files out, always as a role. app.py hands in what services/s3 has."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    key: str
    size: int  # bytes
    path: str  # the file on this machine that holds the bytes; "" for an empty object. Nobody may write to it
    etag: str


class Objects(Protocol):
    """Every method raises AWSError or AccessDenied, in S3's words, where the role may not, or nothing is there."""

    def list(self, role_arn: str, bucket: str, prefix: str) -> Iterator[Found]:
        """In the order of keys. Asks for s3:ListBucket, and s3:GetObject on each."""

    def find(self, role_arn: str, bucket: str, key: str) -> Found: ...

    def put(self, role_arn: str, bucket: str, key: str, file: Path, *, move: bool = False) -> None:
        """The file becomes the object. `move`: it is ours to take, so it is renamed where it lies on the same disk."""

    def holds(self, role_arn: str, bucket: str, prefix: str) -> bool:
        """Whether the role can see an object there: False, and no error, also where there is no such bucket, or the
        role may not list it.
        """
