"""What a job leaves: /opt/ml/model, /opt/ml/output/data and /opt/ml/output/failure.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html

The files were written by the job's own user, so nothing here follows a link of theirs.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clary.errors import AWSError
from clary.jobs.ml import checkpoints
from clary.jobs.ml.data import split
from clary.jobs.ml.hosts import hosts
from clary.jobs.ml.place import ml
from clary.jobs.ml.upload import check_depth
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

LEVEL = 1  # gzip's fastest: models hardly shrink further
REASON = 1024  # characters of the failure file that FailureReason has


@dataclass(frozen=True, slots=True)
class Collected:
    """None: there was nothing to upload."""

    model_uri: str | None = None
    output_uri: str | None = None


def address(job: Job) -> str:
    """Where the model goes, which Describe tells even of a job that left none."""
    return f"{_prefix(job)}/output/{'model/' if _uncompressed(job) else 'model.tar.gz'}"


def collect(job: Job, objects: Objects) -> Collected:
    """Uploads the model and the other output; of several instances, together: of files that have the same name, the
    first instance's; and the checkpoints that changed last. Raises JobFailed, JobStopped.
    """
    checkpoints.save(job, objects)
    model = list(_tree(job, ("model",)))
    output = list(_tree(job, ("output", "data")))
    where = _prefix(job)
    if _uncompressed(job):
        for name, file in model:
            if stat.S_ISREG(file.lstat().st_mode):
                _put(job, objects, f"{where}/output/model/{name}", file)
        model_uri = f"{where}/output/model/" if model else None
    else:
        model_uri = _pack(job, objects, model, f"{where}/output/model.tar.gz")
    return Collected(model_uri, _pack(job, objects, output, f"{where}/output/output.tar.gz"))


def failure(job: Job, number: int = 0) -> str:
    """What the container of an instance, from 0, wrote to say why it failed; "" for nothing."""
    file = ml(job, number) / "output" / "failure"
    if not (_real(ml(job, number), ("output",)) and file.exists() and stat.S_ISREG(file.lstat().st_mode)):
        return ""
    with file.open("rb") as content:
        return content.read(REASON * 4).decode(errors="replace")[:REASON]


def _tree(job: Job, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Path below the folder, and the file: all that is there, folders too."""
    seen: set[str] = set()
    for number in range(len(hosts(job.document))):
        top = ml(job, number)
        for name in names:
            top /= name
        if not _real(ml(job, number), names):
            continue
        for folder, inner, files in os.walk(top):
            job.check()
            check_depth(os.path.relpath(folder, top))
            for name in sorted([*inner, *files]):
                path = Path(folder, name)
                below = str(path.relative_to(top))
                if below not in seen:
                    seen.add(below)
                    yield below, path


def _real(top: Path, names: tuple[str, ...]) -> bool:
    """Whether the folder is there, and no link in its way."""
    for name in names:
        top /= name
        try:
            if not stat.S_ISDIR(top.lstat().st_mode):
                return False
        except OSError:
            return False
    return True


def _pack(job: Job, objects: Objects, files: list[tuple[str, Path]], uri: str) -> str | None:
    if not files:
        return None
    packed = job.folder / uri.rpartition("/")[2]
    with tarfile.open(packed, "w:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT) as tar:
        for name, file in files:
            job.check()
            mode = file.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
                continue  # a pipe; a socket, which tar has no word for
            member = tar.gettarinfo(file, name)
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            if member.isreg():  # and no second name of a file that is in there already
                with file.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)
    _put(job, objects, uri, packed)
    return uri


def _put(job: Job, objects: Objects, uri: str, file: Path) -> None:
    try:
        objects.put(job.document["RoleArn"], *split(uri), file, move=True)
    except AWSError as error:
        raise JobFailed(f"ClientError: Artifact upload failed:Unable to upload to {uri}: {error.message}") from error


def _prefix(job: Job) -> str:
    output: str = job.document["OutputDataConfig"]["S3OutputPath"]
    return f"{output.rstrip('/')}/{job.document['TrainingJobName']}"


def _uncompressed(job: Job) -> bool:
    return bool(job.document["OutputDataConfig"].get("CompressionType") == "NONE")
