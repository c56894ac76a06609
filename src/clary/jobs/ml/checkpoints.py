"""Checkpoints: what lies in S3 is there when a job starts, and what it writes goes there while it runs and at its end.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from clary.compute.driver import Mount
from clary.errors import AWSError
from clary.jobs.ml import data, farm
from clary.jobs.ml.hosts import hosts
from clary.jobs.ml.place import instance, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

LOCAL = "/opt/ml/checkpoints"

Seen = dict[str, list[int]]  # path -> when it was changed (ns), size
_SAVING = threading.Lock()  # a job that ends may be saved by one thread while another saves those that run


def fetch(job: Job, objects: Objects, number: int) -> Mount | None:
    """Copies what there is. Raises JobFailed."""
    config = job.document.get("CheckpointConfig")
    if not config:
        return None
    folder = instance(job, number) / "checkpoints"
    bucket, prefix = data.split(_uri(job))
    try:
        found = [(each.key[len(prefix) :], each) for each in objects.list(job.document["RoleArn"], bucket, prefix)]
    except AWSError as error:
        raise JobFailed(f"{data.FAILED}{config['S3Uri']}: {error.message}") from error
    shutil.rmtree(folder, ignore_errors=True)  # what a crash in the middle left
    farm.lay(folder, data.sources(found), job.check, farm.copy)
    _remember(job, number, {path: _mark(handle) for path, handle in _files(folder)})
    open_folder(folder)
    return Mount(str(folder), config.get("LocalPath", LOCAL), "rw")


def save(job: Job, objects: Objects) -> int:
    """Uploads what was changed since; returns how many files. To be called now and then, and at the end, also by
    another process than the one that fetched. Raises JobFailed.
    """
    if not job.document.get("CheckpointConfig"):
        return 0
    with _SAVING:
        return sum(_save(job, objects, number) for number in range(len(hosts(job.document))))


def _save(job: Job, objects: Objects, number: int) -> int:
    saved = 0
    folder, before = instance(job, number) / "checkpoints", _remembered(job, number)
    now: Seen = {}
    for path, handle in _files(folder):
        now[path] = _mark(handle)
        if now[path] != before.get(path):
            _upload(job, objects, path, handle, instance(job, number) / "checkpoint.part")
            saved += 1
    _remember(job, number, now)
    return saved


def _upload(job: Job, objects: Objects, path: str, handle: int, part: Path) -> None:
    """By way of a copy: the job may go on writing, and may not lead us elsewhere by a link."""
    with os.fdopen(os.dup(handle), "rb") as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    bucket, prefix = data.split(_uri(job))
    try:
        objects.put(job.document["RoleArn"], bucket, prefix + path, part, move=True)
    except AWSError as error:
        raise JobFailed(
            f"ClientError: Artifact upload failed:Unable to upload to s3://{bucket}/{prefix}{path}: {error.message}"
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


def _uri(job: Job) -> str:
    uri: str = job.document["CheckpointConfig"]["S3Uri"]
    return uri.rstrip("/") + "/"


def _memory(job: Job, number: int) -> Path:
    return instance(job, number) / "checkpoints.json"


def _remember(job: Job, number: int, seen: Seen) -> None:
    part = _memory(job, number).with_suffix(".part")
    part.write_text(json.dumps(seen))
    part.replace(_memory(job, number))


def _remembered(job: Job, number: int) -> Seen:
    try:
        seen: Seen = json.loads(_memory(job, number).read_text())
    except FileNotFoundError:
        return {}
    return seen
