"""Checkpoints: what lies in S3 is there when a job starts, and what it writes goes there while it runs and at its end.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

import shutil
from pathlib import Path

from clary.compute.driver import Mount
from clary.errors import AWSError
from clary.jobs.ml import changes, data, farm
from clary.jobs.ml.hosts import hosts
from clary.jobs.ml.place import instance, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

LOCAL = "/opt/ml/checkpoints"


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
    changes.remember(_memory(job, number), folder)
    open_folder(folder)
    return Mount(str(folder), config.get("LocalPath", LOCAL), "rw")


def save(job: Job, objects: Objects) -> int:
    """Uploads what was changed since; returns how many files. To be called now and then, and at the end, also by
    another process than the one that fetched. Raises JobFailed.
    """
    if not job.document.get("CheckpointConfig"):
        return 0
    return sum(_save(job, objects, number) for number in range(len(hosts(job.document))))


def _save(job: Job, objects: Objects, number: int) -> int:
    place, (bucket, prefix) = instance(job, number), data.split(_uri(job))
    return changes.upload(job, objects, place / "checkpoints", _memory(job, number), bucket, prefix)


def _uri(job: Job) -> str:
    uri: str = job.document["CheckpointConfig"]["S3Uri"]
    return uri.rstrip("/") + "/"


def _memory(job: Job, number: int) -> Path:
    return instance(job, number) / "checkpoints.json"
