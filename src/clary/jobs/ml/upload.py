"""Files that a container has left become objects in S3, also if Clary is killed in the middle."""

import os
import threading
from pathlib import Path
from typing import Final

from clary.errors import AWSError
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

LONGEST: Final = 1024  # bytes of a key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
SHOWN: Final = 300  # characters of a key that an error shows
REASON: Final = 1024  # of a FailureReason
FAILED: Final = "ClientError: Artifact upload failed:"  # AWS's words


def take(job: Job, objects: Objects, bucket: str, key: str, file: Path) -> None:
    """The file is the object's from now on, by a rename where it lies on the same disk. It goes by a second name, which
    is taken, and loses its own once the object is there: after a crash in between, all is done again. Raises JobFailed.
    """
    check_name(bucket, key)
    taken = job.folder / f"taken-{threading.get_ident()}"
    taken.unlink(missing_ok=True)
    os.link(file, taken, follow_symlinks=False)
    try:
        put(job, objects, bucket, key, taken)
    finally:
        taken.unlink(missing_ok=True)
    file.unlink()


def put(job: Job, objects: Objects, bucket: str, key: str, file: Path) -> None:
    """The file, which is ours, becomes the object. Raises JobFailed."""
    try:
        objects.put(job.document["RoleArn"], bucket, key, file, move=True)
    except AWSError as error:
        raise failed(bucket, key, error.message) from error
    except PermissionError as error:  # of a Clary that is not root's
        raise failed(bucket, key, "Its owner may not read the file") from error


def check_name(bucket: str, key: str) -> None:
    """Names of files are bytes, and keys are UTF-8. Raises JobFailed."""
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise failed(bucket, key, "The name of the file is not UTF-8") from error


def check_depth(folder: str) -> None:
    """What lies in a folder of this path can be an object. Raises JobFailed, before paths are longer than the system
    or a walk can take.
    """
    if len(os.fsencode(folder)) > LONGEST:
        raise JobFailed(f"{FAILED}Unable to upload {_shown(folder)}/: a key has at most {LONGEST} bytes")


def failed(bucket: str, key: str, why: str) -> JobFailed:
    return JobFailed(f"{FAILED}Unable to upload to s3://{bucket}/{_shown(key)}: {why}"[:REASON])


def _shown(path: str) -> str:
    text = os.fsencode(path).decode(errors="backslashreplace")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
