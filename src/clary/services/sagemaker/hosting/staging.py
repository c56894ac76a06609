"""A model's data as its containers see it: /opt/ml/model, without a copy for each replica.

What is compressed is unpacked once, into a folder that all replicas share; what is not is linked to, as channels are.
Each replica sees it by an overlay, so that none can change it for the others.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html#your-algorithms-inference-code-load-artifacts
"""

import copy
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clary.errors import AccessDenied, AWSError
from clary.jobs.ml import data, farm
from clary.jobs.ml.place import OPEN
from clary.jobs.objects import Found, Objects
from clary.jobs.recipe import Job, JobFailed

Document = dict[str, Any]
TOO_LARGE = "The model data archive at {} cannot be unpacked: the instance has no room for so much"
MOST = 30 << 30  # bytes of models on an instance's disk, where its variant has no VolumeSizeInGB
BLOCK = 4096  # bytes that even an empty file takes
SPARE = 0.05  # of the disk's room, which Clary needs itself
FILTERS = hasattr(tarfile, "data_filter")  # Python from 3.11.4 on has it; Debian 12's is 3.11.2
FILE = 0o666  # as everything that containers see: folders above let nobody else in


def room(spec: Document) -> int:
    """Bytes of models that an instance has room for."""
    return (int(spec["volume"]) << 30) or MOST


def model(home: Path, job: Job, objects: Objects, spec: Document, source: Document) -> Path:
    """The folder with the model. Raises JobFailed, in the words of the endpoint's FailureReason, and JobStopped."""
    role = spec["role"]
    uri = source["uri"]
    try:
        if source["kind"] == "S3Prefix":
            bucket, prefix = data.split(uri)
            found = [(data.relative(prefix, one.key), one) for one in objects.list(role, bucket, prefix)]
            if not found:
                raise JobFailed(missing(uri, role))
            return farm.plant(home, job, data.named(found))
        bucket, key = data.split(uri)
        archive = objects.find(role, bucket, key)
    except AccessDenied as error:
        raise JobFailed(f"Could not access model data at {uri}. {error.message}") from error
    except AWSError as error:
        raise JobFailed(missing(uri, role)) from error
    if source["compression"] != "Gzip":
        return farm.plant(home, job, data.named([(key.rpartition("/")[2], archive)]))
    return unpacked(home, job, uri, archive, room(spec))


def unpacked(home: Path, job: Job, uri: str, archive: Found, most: int) -> Path:
    """The folder with what an archive holds: no more than `most` bytes, since a few of an archive may become very many.
    Raises JobFailed.
    """

    def build(root: Path, check: Callable[[], None]) -> None:
        root.mkdir()
        root.chmod(OPEN)
        left = min(most, int(shutil.disk_usage(root).free * (1 - SPARE)))
        try:
            with tarfile.open(archive.path or os.devnull) as packed:
                for member in packed:
                    check()
                    left -= max(member.size, BLOCK)
                    if left < 0:
                        raise JobFailed(f"{TOO_LARGE.format(uri)} ({most >> 30} GB, or less where the disk has less).")
                    if FILTERS:
                        packed.extract(member, root, filter=_plain)
                    else:
                        packed.extract(_plain(member, str(root)), root)
            for folder, _, _ in os.walk(root):
                os.chmod(folder, OPEN)  # noqa: PTH101 - a string. Those that no member names are as the umask has them
        except (tarfile.TarError, EOFError, OSError) as error:
            raise JobFailed(
                f"The model data archive at {uri} cannot be unpacked: it must be a gzip-compressed tar archive, and "
                f"every path must stay inside ({error})."
            ) from error

    name = data.named([("model.tar.gz", archive)]).name
    return farm.grow(home, job, f"{name}-unpacked", build)


def _plain(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    """Nothing that leads out, no devices, no owners, and open to the container's user."""
    found = copy.copy(tarfile.data_filter(member, path) if FILTERS else _checked(member, path))
    found.mode = OPEN if found.isdir() else FILE | (found.mode or 0) & 0o111
    return found


def _checked(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    """As https://docs.python.org/3/library/tarfile.html#tarfile.data_filter has it. Raises tarfile.ExtractError."""
    top = os.path.realpath(path)

    def within(*parts: str) -> None:
        place = os.path.realpath(os.path.join(top, *parts))  # noqa: PTH118 - text, as data_filter has it
        if os.path.commonpath([top, place]) != top:
            raise tarfile.ExtractError(f"{member.name!r} leads out of it")

    found = copy.copy(member)
    found.name = member.name.lstrip("/")
    within(found.name)
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise tarfile.ExtractError(f"{member.name!r} is a special file")
    if member.issym() or member.islnk():
        if member.linkname.startswith("/"):
            raise tarfile.ExtractError(f"{member.name!r} is a link to an absolute path")
        within(os.path.dirname(found.name) if member.issym() else "", member.linkname)  # noqa: PTH120 - likewise
    found.uid = found.gid = 0
    found.uname = found.gname = ""
    return found


def missing(uri: str, role: str) -> str:
    """As AWS's users report it: https://github.com/aws/sagemaker-python-sdk/issues/912"""
    return (
        f"Could not find model data at {uri}. Please ensure that the object exists, and that the role {role} may "
        "read it."
    )
