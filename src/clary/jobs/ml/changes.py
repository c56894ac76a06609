"""Files of a folder that a container writes to, uploaded while it runs: those that have changed since the last time.

They are copied first: the container may go on writing. No link of its is followed.
"""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from clary.jobs.ml.upload import check_depth, check_name, put
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

Seen = dict[str, list[int]]  # path -> when it was changed (ns), size


def upload(job: Job, objects: Objects, folder: Path, memory: Path, bucket: str, prefix: str) -> int:
    """Returns how many files. `memory` is where it is kept what they were; `prefix` is of the keys, with its slash.
    Raises JobFailed.
    """
    uploaded, unfit = 0, list[JobFailed]()
    with memory.with_suffix(".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one thread may upload what a job has left while another looks at all jobs
        before, now = _remembered(memory), Seen()
        try:
            for path, handle in _files(folder):
                mark = _mark(handle)
                if mark != before.get(path):
                    try:
                        check_name(bucket, prefix + path)
                    except JobFailed as error:  # which keeps none of the others back
                        unfit.append(error)
                        continue
                    _upload(job, objects, handle, memory.with_suffix(".copy"), bucket, prefix + path)
                    uploaded += 1
                now[path] = mark
        except BaseException:
            _remember(memory, before | now)  # what is there already need not be brought again
            raise
        _remember(memory, now)
    if unfit:
        raise unfit[0]
    return uploaded


def remember(memory: Path, folder: Path) -> None:
    """What is there now need not be uploaded."""
    _remember(memory, {path: _mark(handle) for path, handle in _files(folder)})


def _upload(job: Job, objects: Objects, handle: int, part: Path, bucket: str, key: str) -> None:
    try:
        with part.open("wb") as target:
            _copy(handle, target.fileno())
        put(job, objects, bucket, key, part)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: int, target: int) -> None:
    """Holes stay holes: a sparse file may say that it has more bytes than the disk."""
    at, end = 0, os.fstat(source).st_size
    while at < end:
        try:
            data = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # a hole up to the end
        at = min(end, os.lseek(source, data, os.SEEK_HOLE))
        os.lseek(target, data, os.SEEK_SET)
        while data < at and (sent := os.sendfile(target, source, data, at - data)):
            data += sent
    os.ftruncate(target, end)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Path and open file of each, found without following a link: the job may be changing them now."""
    for top, _, names, within in os.fwalk(folder):
        below = os.path.relpath(top, folder)
        check_depth(below)
        for name in sorted(names):
            try:
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=within)
            except OSError:  # a link, or gone already
                continue
            try:
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    yield name if below == "." else f"{below}/{name}", handle
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
