"""Files of a folder that a container writes to, uploaded while it runs: those that have changed since the last time.

They are copied first: the container may go on writing. No link of its is followed.
"""

import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from clary.errors import AWSError
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

Seen = dict[str, list[int]]  # path -> when it was changed (ns), size
_UPLOADING = threading.Lock()  # what a job that ends has left may be uploaded by one thread while another looks at all


def upload(job: Job, objects: Objects, folder: Path, memory: Path, bucket: str, prefix: str) -> int:
    """Returns how many files. `memory` is where it is kept what they were; `prefix` is of the keys, with its slash.
    Raises JobFailed.
    """
    uploaded = 0
    with _UPLOADING:
        before, now = _remembered(memory), Seen()
        for path, handle in _files(folder):
            now[path] = _mark(handle)
            if now[path] != before.get(path):
                _upload(job, objects, handle, memory.with_suffix(".copy"), bucket, prefix + path)
                uploaded += 1
        _remember(memory, now)
    return uploaded


def remember(memory: Path, folder: Path) -> None:
    """What is there now need not be uploaded."""
    _remember(memory, {path: _mark(handle) for path, handle in _files(folder)})


def _upload(job: Job, objects: Objects, handle: int, part: Path, bucket: str, key: str) -> None:
    with os.fdopen(os.dup(handle), "rb") as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    try:
        objects.put(job.document["RoleArn"], bucket, key, part, move=True)
    except AWSError as error:
        raise JobFailed(
            f"ClientError: Artifact upload failed:Unable to upload to s3://{bucket}/{key}: {error.message}"
        ) from error


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Path and open file of each, found without following a link: the job may be changing them now."""
    for top, _, names, within in os.fwalk(folder):
        for name in sorted(names):
            try:
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=within)
            except OSError:  # a link, or gone already
                continue
            try:
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    yield os.path.relpath(os.path.join(top, name), folder), handle  # noqa: PTH118 - strings
            finally:
                os.close(handle)


def _mark(handle: int) -> list[int]:
    found = os.fstat(handle)
    return [found.st_mtime_ns, found.st_size]


def _remember(memory: Path, seen: Seen) -> None:
    part = memory.with_suffix(".part")
    part.write_text(json.dumps(seen))
    part.replace(memory)


def _remembered(memory: Path) -> Seen:
    try:
        seen: Seen = json.loads(memory.read_text())
    except FileNotFoundError:
        return {}
    return seen
