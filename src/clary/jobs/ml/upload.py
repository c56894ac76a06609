"""Files that a container has left become objects in S3, also if Clary is killed in the middle."""

import os
import threading
from pathlib import Path

from clary.errors import AWSError
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed


def take(job: Job, objects: Objects, bucket: str, key: str, file: Path) -> None:
    """The file is the object's from now on, by a rename where it lies on the same disk. It goes by a second name, which
    is taken, and loses its own once the object is there: after a crash in between, all is done again. Raises JobFailed.
    """
    taken = job.folder / f"taken-{threading.get_ident()}"
    taken.unlink(missing_ok=True)
    os.link(file, taken, follow_symlinks=False)
    try:
        objects.put(job.document["RoleArn"], bucket, key, taken, move=True)
    except AWSError as error:
        raise JobFailed(f"ClientError: Unable to upload to s3://{bucket}/{key}: {error.message}") from error
    finally:
        taken.unlink(missing_ok=True)
    file.unlink()
