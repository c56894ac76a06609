"""Which files a source reads: listed here, so that exclusions, bounds and bookmarks hold whatever the format.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from .clients import client


class File(NamedTuple):
    path: str  # as Spark reads it
    size: int  # bytes
    modified: int  # milliseconds since 1970

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def listed(paths: Iterable[str], options: dict[str, Any]) -> list[File]:
    """The files below `paths`, those in folders below too if `recurse` says so; hidden and excluded ones are left out.

    A path to nothing lists nothing. botocore's errors: no such bucket, access denied.
    """
    excluded = [_pattern(one) for one in _list(options.get("exclusions"))]
    found: dict[str, File] = {}
    for path in paths:
        base = path if path.endswith("/") else path + "/"
        for file in _under(path, options):
            name = file.path.removeprefix(base)
            hidden = any(part.startswith(("_", ".")) and "=" not in part for part in name.split("/")[-1:])
            if not hidden and not any(one.fullmatch(name) or one.fullmatch(file.path) for one in excluded):
                found[file.path] = file
    return list(found.values())


def bounded(files: list[File], options: dict[str, Any]) -> list[File]:
    """The oldest, as many as `boundedFiles` and `boundedSize` (bytes) allow."""
    most, size = options.get("boundedFiles"), options.get("boundedSize")
    if most is None and size is None:
        return files
    taken: list[File] = []
    total = 0
    for file in sorted(files, key=lambda one: (one.modified, one.path)):
        total += file.size
        if (most is not None and len(taken) >= int(most)) or (size is not None and total > int(size) and taken):
            break
        taken.append(file)
    return taken


SAMPLE = {"maxSamplePartitions": 10, "maxSampleFilesPerPartition": 10}  # and their defaults


def sampling(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a source that is read for a sample."""
    return {name: int(options.get(name, default)) for name, default in SAMPLE.items()}


def sampled(files: list[File], options: dict[str, Any]) -> list[File]:
    """For a sample: of the first folders the first files. For all else all."""
    if not SAMPLE.keys() <= options.keys():
        return files
    folders: dict[str, list[File]] = {}
    for file in files:
        folders.setdefault(file.folder, []).append(file)
    first = list(folders.values())[: options["maxSamplePartitions"]]
    return [file for found in first for file in found[: options["maxSampleFilesPerPartition"]]]


def truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _list(value: Any) -> list[str]:
    """A list, or its JSON."""
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else []
    return [str(one) for one in value or []]


def _pattern(glob: str) -> re.Pattern[str]:
    """https://docs.aws.amazon.com/glue/latest/dg/define-crawler.html#crawler-data-stores-exclude: `*` stays in a
    folder, `**` does not.
    """
    parts = re.split(r"(\*\*|\*|\?|\[[^\]]*\]|\{[^}]*\})", glob)
    made = ""
    for part in parts:
        if part == "**":
            made += ".*"
        elif part == "*":
            made += "[^/]*"
        elif part == "?":
            made += "[^/]"
        elif part.startswith("[") and part.endswith("]"):
            made += "[" + part[1:-1].replace("!", "^", 1) + "]" if part[1:2] == "!" else part
        elif part.startswith("{") and part.endswith("}"):
            made += "(?:" + "|".join(re.escape(one) for one in part[1:-1].split(",")) + ")"
        else:
            made += re.escape(part)
    return re.compile(made)


def bucket_and_key(path: str) -> tuple[str, str]:
    """Of what is in S3, whose keys have any characters: `#` and `?` among them. Empty for all else."""
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/") if scheme in _S3 else ("", "", "")
    return bucket, key


_S3 = {"s3", "s3a", "s3n"}


def _under(path: str, options: dict[str, Any]) -> Iterator[File]:
    where = urlsplit(path)
    recurse = truth(options.get("recurse"))
    if where.scheme in _S3:
        yield from _objects(path, set(_list(options.get("excludeStorageClasses"))), recurse)
    elif where.scheme in {"", "file"}:
        yield from _local(unquote(where.path) if where.scheme else path, recurse)
    else:
        raise NotImplementedError(f"Paths are on Amazon S3 or local, not {path}")


def _objects(path: str, spared: set[str], recurse: bool) -> Iterator[File]:
    """An object of that very key, or those whose key goes on behind a `/`; of `spared` storage classes none."""
    bucket, key = bucket_and_key(path)
    scheme = path.partition(":")[0]
    pages = client("s3").get_paginator("list_objects_v2")
    folder = key if not key or key.endswith("/") else key + "/"
    delimiter = {} if recurse else {"Delimiter": "/"}
    for prefix in dict.fromkeys([key, folder]):
        for page in _pages(pages, bucket, prefix, delimiter if prefix == folder else {}):
            for one in page.get("Contents", []):
                name = one["Key"]
                mine = name.startswith(folder) if prefix == folder else name == key
                if mine and not name.endswith("/") and one.get("StorageClass") not in spared:
                    modified = int(one["LastModified"].timestamp() * 1000)
                    yield File(f"{scheme}://{bucket}/{name}", one["Size"], modified)
            if prefix != folder:
                break  # the key itself is the first of its prefix


def _pages(pages: Any, bucket: str, prefix: str, delimiter: dict[str, str]) -> Iterator[dict[str, Any]]:
    try:
        yield from pages.paginate(Bucket=bucket, Prefix=prefix, **delimiter)
    except client("s3").exceptions.NoSuchBucket as error:
        error.response["Error"]["Message"] += f": s3://{bucket}"
        raise type(error)(error.response, error.operation_name) from None


def _local(path: str, recurse: bool) -> Iterator[File]:
    if Path(path).is_file():
        found: Iterable[str] = [path]
    elif recurse:
        found = sorted(str(Path(base) / name) for base, _, names in os.walk(path) for name in names)
    else:
        found = sorted(str(one) for one in Path(path).iterdir() if one.is_file()) if Path(path).is_dir() else []
    for one in found:
        status = Path(one).stat()
        yield File(one, status.st_size, status.st_mtime_ns // 1_000_000)
