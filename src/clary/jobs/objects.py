"""S3 as jobs see it: whole channels in, files out, always as a role. app.py hands in what services/s3 has."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol


class Found(NamedTuple):
    key: str
    size: int  # bytes
    path: str  # the file on this machine that holds the bytes; "" for an empty object. Nobody may write to it
    etag: str
    kind: str = ""  # the Content-Type that it was put with, where `find` found it


class Listing(Protocol):
    """All objects of a prefix as they were at one moment, in the order of keys."""

    digest: str  # the same for the same keys with the same bytes, and for nothing else
    size: int  # bytes, of all
    keys: list[str]

    def paths(self) -> list[str]:
        """As Found has them, without an object for each."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Found]: ...


class Objects(Protocol):
    """Every method raises AWSError or AccessDenied, in S3's words, where the role may not, or nothing is there."""

    def list(self, role_arn: str, bucket: str, prefix: str) -> Listing:
        """Asks for s3:ListBucket, and s3:GetObject on each."""

    def find(self, role_arn: str, bucket: str, key: str) -> Found: ...

    def put(self, role_arn: str, bucket: str, key: str, file: Path, *, move: bool = False, kind: str = "") -> None:
        """The file becomes the object. `move`: it is ours to take, so it is renamed where it lies on the same disk.
        `kind`: its Content-Type.
        """

    def holds(self, role_arn: str, bucket: str, prefix: str) -> bool:
        """Whether the role can see an object there: False, and no error, also where there is no such bucket, or the
        role may not list it.
        """
