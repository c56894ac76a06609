"""Which objects a channel has, and under which paths they appear.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clary.errors import AccessDenied, AWSError
from clary.jobs.objects import Found, Listing, Objects
from clary.jobs.recipe import JobFailed

Document = dict[str, Any]
Entries = list[tuple[str, Found]]  # path below the channel's folder, and what is there

FAILED = "ClientError: Data download failed:"
SOURCES = "S3DataSource"


@dataclass(frozen=True)
class Files:
    """What a channel has. To know its name takes a tenth of the time that its entries do, and is enough where its
    folder is there already.
    """

    name: str  # hexadecimal; the same for the same paths with the same bytes
    size: int  # bytes
    make: Callable[[], Entries]
    sources: Callable[[], Iterable[tuple[str, str]]]  # as entries, but of what is there only the path, or "" for empty

    @cached_property
    def entries(self) -> Entries:
        """In the order of keys, or of the manifest."""
        return self.make()


def named(entries: Entries) -> Files:
    made = hashlib.blake2b(digest_size=20)
    for path, found in entries:
        made.update(json.dumps([path, found.path, found.etag]).encode())
    size = sum(found.size for _, found in entries)
    return Files(made.hexdigest(), size, lambda: entries, lambda: sources(entries))


def sources(entries: Entries) -> Iterable[tuple[str, str]]:
    return ((path, found.path) for path, found in entries)


def _listed(prefix: str, listing: Listing) -> Files:
    name = hashlib.blake2b(f"{listing.digest}{prefix}".encode(), digest_size=20).hexdigest()
    return Files(
        name,
        listing.size,
        lambda: list(zip(_relatives(prefix, listing.keys), listing, strict=True)),
        lambda: zip(_relatives(prefix, listing.keys), listing.paths(), strict=True),
    )


def files(channel: Document, objects: Objects, role: str, region: str) -> Files:
    """Raises JobFailed."""
    name = channel["ChannelName"]
    source = channel["DataSource"].get(SOURCES)
    if source is None:
        other = ", ".join(channel["DataSource"]) or "nothing"
        raise JobFailed(f"ClientError: channel {name}: Clary has no {other}; use an S3DataSource")
    bucket, key = split(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        return _manifest(source["S3Uri"], objects, role)
    if source["S3DataType"] != "S3Prefix":
        raise JobFailed(
            f"ClientError: channel {name}: {source['S3DataType']} is for Pipe mode only, and S3Prefix, ManifestFile "
            "and AugmentedManifestFile are what there is"
        )
    try:
        listing = objects.list(role, bucket, key)
    except AccessDenied as error:
        raise JobFailed(f"{FAILED}{source['S3Uri']}: {error.message}") from error
    except AWSError as error:
        if error.code("s3") != "NoSuchBucket":
            raise
        listing = None
    if not listing:
        raise JobFailed(FAILED + nothing(source["S3Uri"], region, role))
    return _listed(key, listing)


def nothing(uri: str, region: str, role: str) -> str:
    """AWS's sentence, as its users report it: https://github.com/aws/amazon-sagemaker-examples/issues/2489"""
    bucket, _ = split(uri)
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key


def relative(prefix: str, key: str) -> str:
    """The path of a key below the channel's folder: what follows the prefix as a folder; where the prefix ends inside
    a name, as in that of a single object, all of that name.
    """
    if prefix and not prefix.endswith("/") and key.startswith(prefix + "/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _relatives(prefix: str, keys: list[str]) -> list[str]:
    if prefix.endswith("/"):
        return [key[len(prefix) :] for key in keys]
    return [relative(prefix, key) for key in keys]


def _manifest(uri: str, objects: Objects, role: str) -> Files:
    """[{"prefix": "s3://bucket/some/"}, "path/one", "path/two"]"""
    entries = manifest(read(uri, objects, role), uri)
    prefix, names = entries[0]["prefix"], entries[1:]
    return named([(name.lstrip("/"), find(prefix + name, objects, role)) for name in names])


def manifest(content: bytes, uri: str) -> list[Any]:
    """Raises JobFailed for what is none."""
    try:
        entries = json.loads(content)
    except ValueError as error:
        raise JobFailed(f"{FAILED}the manifest {uri} is no JSON: {error}") from error
    first = entries[0] if isinstance(entries, list) and entries else None
    prefix = first.get("prefix") if isinstance(first, dict) else None
    if not isinstance(prefix, str) or not prefix.startswith("s3://"):
        raise JobFailed(f'{FAILED}the manifest {uri} must be a list that begins with {{"prefix": "s3://..."}}')
    if len(entries) < 2 or not all(isinstance(name, str) and name for name in entries[1:]):
        raise JobFailed(f"{FAILED}the manifest {uri} must name its objects, each by a string, behind the prefix")
    return list(entries)


def find(uri: str, objects: Objects, role: str) -> Found:
    """https://github.com/aws/amazon-sagemaker-examples/issues/4384 has AWS's sentence. Raises JobFailed."""
    try:
        return objects.find(role, *split(uri))
    except AWSError as error:
        raise JobFailed(f"{FAILED}Unable to download object {uri} ({error.code('s3')}: {error.message})") from error


def read(uri: str, objects: Objects, role: str) -> bytes:
    found = find(uri, objects, role)
    return Path(found.path).read_bytes() if found.path else b""


def shard(files: Files, number: int, count: int) -> Files:
    """Every instance gets its part of the objects, as near to equal as can be.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html#sagemaker-Type-S3DataSource-S3DataDistributionType
    """
    return named(files.entries[number::count])
