"""Lays out what the containers of a run see: the script and the files that its arguments name, brought from S3 as the
job's role, a place for what it leaves, and its bookmark.

/tmp/<script>, /tmp/<file>    as on AWS, where /tmp is the working folder; --extra-files lie beside the script
/opt/clary-glue/              what images/spark/glue.py reads, and the packages and jars
/opt/clary-job/               what it leaves: bookmark.json, error.json
/opt/clary-log/stdout         standard output; standard error is the instance's log
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from clary.compute.driver import Mount, Size
from clary.errors import AccessDenied, AWSError
from clary.jobs.ml import Where
from clary.jobs.ml.environment import aws
from clary.jobs.ml.hosts import Host
from clary.jobs.ml.place import BUNDLE, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Job, JobFailed
from clary.services.glue import run_arguments
from clary.services.glue.capacity import SHELL
from clary.services.glue.run_arguments import bucket_and_key, several

TMP: Final = "/tmp"  # noqa: S108 - the container's
PLAN: Final = "/opt/clary-glue"
LEFT: Final = "/opt/clary-job"
STDOUT: Final = "/opt/clary-log/stdout"
OURS: Final = "/opt/clary/spark/python"
SCHEMES: Final = ("s3://", "s3a://", "s3n://")
SAID: Final = "LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: {key}.{why}"


@dataclass(slots=True)
class Staged:
    """What the launches take, and where the run's files are in the container."""

    script: str
    mounts: list[Mount] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    packages: list[str] = field(default_factory=list)
    jars: list[str] = field(default_factory=list)


def left(job: Job, name: str) -> Path:
    """A file that the driver leaves in LEFT. Read it as what a container may have made of it."""
    return job.folder / "algo-1" / "left" / name


def stdout(number: int) -> str:
    """A file of the job's folder, which the instance can write to and nothing else."""
    return f"algo-{number + 1}/stdout"


def shared(job: Job, objects: Objects, bookmark: Document) -> Staged:
    """What all instances see. Done again after a crash, it begins anew. Raises JobFailed, JobStopped."""
    plan = _emptied(job.folder / "plan")
    for name in ("tmp", "py", "jars"):
        open_folder(plan / name)
    document = job.document
    given, command = document["Given"], document["Command"]
    location = run_arguments.of(given, "--scriptLocation") or command["ScriptLocation"]
    for uri in several(given, "--extra-files"):
        for each in _files(job, objects, uri):
            _bring(job, objects, each, plan / "tmp")
    found = Staged(f"{TMP}/{_bring(job, objects, location, plan / 'tmp')}")  # the last: it is the one of its name
    for uri in several(given, "--extra-py-files"):
        found.packages.append(f"{PLAN}/py/{_bring(job, objects, uri, plan / 'py')}")
    for uri in several(given, "--extra-jars"):
        found.jars.append(f"{PLAN}/jars/{_bring(job, objects, uri, plan / 'jars')}")
    modules = [_module(job, objects, each, plan) for each in several(given, "--additional-python-modules")]
    wheels = [path for path in found.packages if path.endswith(".whl")] if command["Name"] == SHELL else []
    told = {
        "modules": [*modules, *wheels],
        "installer": run_arguments.installer(given),
        "python2": _python2(document),
    }
    (plan / "plan.json").write_text(json.dumps(told))
    (plan / "plan.json").chmod(0o644)
    folder = _emptied(left(job, ""))
    (folder / "bookmark.json").write_text(json.dumps(bookmark))
    (folder / "bookmark.json").chmod(0o666)
    found.mounts = [Mount(str(plan), PLAN)]
    found.mounts += [Mount(str(each), f"{TMP}/{each.name}") for each in sorted((plan / "tmp").iterdir())]
    return found


def _emptied(folder: Path) -> Path:
    """The same folder, since a container that waited for this run has it mounted."""
    for each in open_folder(folder).iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    return folder


def parked(folder: Path, where: Where) -> tuple[tuple[Mount, ...], dict[str, str]]:
    """What a container sees that waits for a run: the places of what the run will bring, and nobody's credentials."""
    plan, first = open_folder(folder / "plan"), open_folder(folder / "algo-1" / "left")
    file = folder / stdout(0)
    file.touch()
    file.chmod(0o666)
    mounts = [Mount(str(plan), PLAN), Mount(str(file), STDOUT, "rw"), Mount(str(first), LEFT, "rw")]
    if where.bundle is not None:
        mounts.append(Mount(str(where.bundle), BUNDLE))
    return tuple(mounts), {"PYTHONPATH": OURS, "CLARY_HOSTS": "algo-1"}


def _python2(document: Document) -> str:
    """How images/spark/python2.py is to read the script: as what is Python 2, or may be; or not at all. Glue 0.9 and
    1.0 had Python 2 where nothing else was said; a job that names no version may be of any age.
    """
    command = document["Command"]
    if command["Name"] == SHELL or command.get("PythonVersion", "2") != "2":
        return ""
    if "PythonVersion" in command:
        return "translate"
    if document.get("Undated"):
        return "named"
    return "translate" if document["GlueVersion"] in ("0.9", "1.0") else ""


def own(job: Job, number: int, staged: Staged, where: Where, size: Size) -> tuple[tuple[Mount, ...], dict[str, str]]:
    """One instance's mounts and variables."""
    file = job.folder / stdout(number)
    file.parent.mkdir(exist_ok=True)
    file.touch()
    file.chmod(0o666)
    mounts = [*staged.mounts, Mount(str(file), STDOUT, "rw")]
    if number == 0:
        mounts.append(Mount(str(left(job, "")), LEFT, "rw"))
    if where.bundle is not None:
        mounts.append(Mount(str(where.bundle), BUNDLE))
    hosts = [Host(f"algo-{n + 1}", "", "") for n in range(size.instances)]
    env = {
        **aws(where, hosts),
        "PYTHONPATH": ":".join([OURS, *dict.fromkeys(map(_on_path, staged.packages))]),
        "CLARY_HOSTS": ",".join(host.name for host in hosts),
        "GLUE_PYTHON_VERSION": "3",
        "GLUE_VERSION": job.document["GlueVersion"],
    }
    return tuple(mounts), env


def _on_path(package: str) -> str:
    """A module is found in its folder, an archive is a place of its own."""
    return str(PurePosixPath(package).parent) if package.endswith(".py") else package


def _module(job: Job, objects: Objects, wanted: str, plan: Path) -> str:
    """A requirement, or a wheel in S3."""
    if not wanted.startswith(SCHEMES):
        return wanted
    return f"{PLAN}/py/{_bring(job, objects, wanted, plan / 'py')}"


def _files(job: Job, objects: Objects, uri: str) -> list[str]:
    """A folder stands for what is in it."""
    if not uri.endswith("/"):
        return [uri]
    bucket, prefix = bucket_and_key(uri)
    try:
        listing = objects.list(job.document["RoleArn"], bucket, prefix)
    except AWSError as error:
        raise _refused(bucket, prefix, error) from error
    return [f"s3://{bucket}/{key}" for key in listing.keys if not key.endswith("/")]


def _bring(job: Job, objects: Objects, uri: str, folder: Path) -> str:
    """The object becomes a file of the folder, under its own name, which is returned."""
    job.check()
    bucket, key = bucket_and_key(uri)
    name = PurePosixPath(key).name
    if not uri.startswith(SCHEMES) or not bucket or name in ("", ".", "..") or "\0" in name:
        raise JobFailed(f"LAUNCH ERROR | {uri} is no file in S3.")
    try:
        found = objects.find(job.document["RoleArn"], bucket, key)
    except AWSError as error:
        raise _refused(bucket, key, error) from error
    target = folder / name
    target.unlink(missing_ok=True)
    if not found.path:
        target.touch()
    else:
        _copy(found.path, target)
    target.chmod(0o644)
    return name


def _copy(source: str, target: Path) -> None:
    """Not linked: what is mounted for a program to run is the run's own."""
    shutil.copyfile(source, target)
    os.utime(target)


def _refused(bucket: str, key: str, error: AWSError) -> JobFailed:
    denied = isinstance(error, AccessDenied)
    status = 403 if denied else error.status("s3") or 404
    why = f"{error.message} (Service: Amazon S3; Status Code: {status}; Please refer logs for details."
    return JobFailed(SAID.format(bucket=bucket, key=key, why=why))
