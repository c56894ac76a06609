"""The models of a multi-model endpoint: brought to a replica while it runs, when one is first asked for.

A replica sees HOME/jobs/<its job>/models as /opt/ml/models, which it cannot write to. A model lies there in a folder
that is named by what the model is, as hard links to what all replicas share.
https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html
"""

import errno
import hashlib
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import orjson

from clary.errors import AWSError
from clary.jobs.ml import data
from clary.jobs.ml.place import ML
from clary.jobs.objects import Found, Objects
from clary.jobs.recipe import Job, JobFailed
from clary.resource.call import Platform
from clary.services.sagemaker.hosting import staging
from clary.services.sagemaker.hosting.state import SQL

MODELS = f"{ML}/models"
READ_WITHIN = 600.0  # seconds that a container has to read a model that was brought


def folder(job: Path) -> Path:
    """What containers of a job see as MODELS; made if it is not there."""
    made = job / "models"
    made.mkdir(mode=0o755, parents=True, exist_ok=True)
    made.chmod(0o755)
    return made


def load(platform: Platform, objects: Objects, replica: int, hostname: str, model: str) -> str:
    """Where the container sees it. Raises AWSError."""
    row = platform.store.read().execute(SQL["replica_find"], {"id": replica}).fetchone()
    if row is None:
        raise AWSError("ServiceUnavailable", "The instance of the endpoint has ended.", 503)
    spec = orjson.loads(row["document"])["Spec"]
    container = next(each for each in spec["containers"] if each["hostname"] == hostname)
    bucket, key = data.split(where(container["data"]["uri"], model))
    try:
        found = objects.find(spec["role"], bucket, key)
    except AWSError as error:
        raise missing(bucket, key) from error
    home = platform.config.home
    place = folder(home / "jobs" / f"{row['id']}-{row['attempt']}")
    name = hashlib.sha256(orjson.dumps([bucket, key, found.etag])).hexdigest()[:32]
    if not _use(place / name):
        most = staging.room(spec)
        _show(home, row, found, f"s3://{bucket}/{key}", place / name, most)
        bound(place, most)
    return f"{MODELS}/{name}/model"  # as on AWS


def where(prefix: str, model: str) -> str:
    """The URI of a model. Raises AWSError for one that would lie elsewhere."""
    parts = model.strip("/").split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise AWSError(
            "ValidationError", f"The target model {model} must be the path of an object below {prefix}.", 400
        )
    return "/".join([prefix.rstrip("/"), *parts])


def missing(bucket: str, key: str) -> AWSError:
    """As users of AWS report it for endpoints, and for target models in these words:
    https://github.com/aws-solutions-library-samples/fraud-detection-using-machine-learning/issues/9
    """
    said = (
        f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object located "
        "at the URL and that the role passed to CreateModel has permissions to download the model."
    )
    return AWSError("ValidationError", said, 400)


def _use(model: Path) -> bool:
    """Whether it is there."""
    try:
        os.utime(model)
    except FileNotFoundError:
        return False
    return True


def _show(home: Path, row: Any, found: Found, uri: str, model: Path, most: int) -> None:
    """Whole or not at all, by a rename."""
    try:
        seen = staging.unpacked(home, _job(row, home), uri, found, most)
    except JobFailed as error:
        raise AWSError("ValidationError", error.message, 400) from error
    replica = model.parent.parent
    part = replica / f"model-{uuid.uuid4().hex}"
    try:
        part.mkdir(mode=0o755)
        part.chmod(0o755)
        shutil.copytree(seen, part / "model", symlinks=True, copy_function=os.link)
        part.rename(model)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            return  # another request has brought it meanwhile
        if not replica.exists():
            raise AWSError("ServiceUnavailable", "The instance of the endpoint has ended.", 503) from error
        raise


def bound(place: Path, most: int) -> None:
    """Those that were not asked for in the longest time go: the container has read what it needs of them, and if it is
    asked for one again, it is brought again.
    """
    known = [(model.stat().st_mtime, _size(model), model) for model in place.iterdir()]
    size, before = sum(each[1] for each in known), time.time() - READ_WITHIN
    for at, less, model in sorted(known):
        if size <= most or at > before:
            return
        shutil.rmtree(model, ignore_errors=True)
        size -= less


def _size(model: Path) -> int:
    return sum(file.stat().st_size for file in model.rglob("*") if file.is_file())


def _job(row: Any, home: Path) -> Job:
    """One of its own: what is unpacked for it need not stay for as long as the replica does, which has links."""
    place = home / "jobs" / f"{row['id']}-{row['attempt']}-models"
    return Job(row["id"], row["arn"], row["attempt"], {}, row["created"], place, (), _nothing, _nothing, _nothing)


def _nothing(*_: object) -> None:
    """There is nobody to be told, and nothing that could be stopped meanwhile."""
