"""What a processing job leaves: the files of its outputs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Output.html

The files were written by the job's own user, so nothing here follows a link of theirs.
"""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from itertools import islice
from pathlib import Path

from clary.jobs.ml import changes, data
from clary.jobs.ml.place import instance
from clary.jobs.ml.processing import hosts, output, outputs
from clary.jobs.ml.upload import FAILED, check_depth, take
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Job, JobFailed, JobStopped

WRITERS = 32  # files at a time: those who wait for the disk share a commit
AT_ONCE = 2000  # files that wait for the writers: a hundred thousand would take much memory


def continuous(document: Document) -> bool:
    """Whether there is something to upload while the job runs."""
    return any(_continuous(each) for each in outputs(document))


def save(job: Job, objects: Objects) -> int:
    """Uploads what has changed in the outputs that are continuous; how many files. Raises JobFailed."""
    return sum(
        _save(job, objects, number, index, each)
        for number in range(len(hosts(job.document)))
        for index, each in enumerate(outputs(job.document))
        if _continuous(each)
    )


def collect(job: Job, objects: Objects) -> None:
    """Every file becomes an object: of instances that wrote the same path, the last one's. Raises JobFailed."""
    for number in range(len(hosts(job.document))):
        for index, each in enumerate(outputs(job.document)):
            if _continuous(each):
                _save(job, objects, number, index, each)
                continue
            bucket, prefix = _where(each)
            _collect(job, objects, bucket, prefix, output(job, number, index))


def _collect(job: Job, objects: Objects, bucket: str, prefix: str, top: Path) -> None:
    """Ends with the first that cannot be uploaded. Who stops the job now comes too late."""

    def taken(file: Path) -> None:
        with suppress(JobStopped):
            job.check()
        take(job, objects, bucket, f"{prefix}{file.relative_to(top)}", file)

    with ThreadPoolExecutor(WRITERS, "outputs") as pool:
        try:
            files = _files(top)
            while some := [pool.submit(taken, file) for file in islice(files, AT_ONCE)]:
                for each in as_completed(some):
                    each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _files(top: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(top, onerror=_closed):
        check_depth(os.path.relpath(folder, top))
        for name in sorted(names):
            file = Path(folder, name)
            if stat.S_ISREG(file.lstat().st_mode):
                yield file


def _closed(error: OSError) -> None:
    """A folder that cannot be read would be left out without a word."""
    raise JobFailed(f"{FAILED}Unable to upload {Path(error.filename).name}/: {error.strerror}") from error


def _continuous(each: Document) -> bool:
    return bool(each["S3Output"]["S3UploadMode"] == "Continuous")


def _save(job: Job, objects: Objects, number: int, index: int, each: Document) -> int:
    memory = instance(job, number) / f"output-{index}.json"
    return changes.upload(job, objects, output(job, number, index), memory, *_where(each))


def _where(each: Document) -> tuple[str, str]:
    """Bucket, and what the keys begin with."""
    return data.split(each["S3Output"]["S3Uri"].rstrip("/") + "/")
