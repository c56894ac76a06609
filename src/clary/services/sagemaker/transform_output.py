"""What a transform job leaves: objects beside each other as the input's were, and the reason if it failed."""

import json
import os
import stat
import time
import uuid
from pathlib import Path

from clary.errors import AWSError
from clary.images.runtime.transform_agent import FAILURE, FILES
from clary.jobs.ml.data import split
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Ended, Job, JobFailed

REASON = 1024  # characters of a FailureReason
SEE = "See job logs for more information"  # AWS's whole sentence
WHOLE = ".out"
DONE = ".done"  # is an object already


def upload(job: Job, objects: Objects, outputs: list[Path]) -> list[str]:
    """Each file becomes the object `<S3OutputPath>/<its path>`; these paths. Raises JobFailed.

    Once the first is there, all will be: a job that is stopped leaves none, so who stops it now comes too late.
    """
    found = []
    uri = job.document["TransformOutput"]["S3OutputPath"].rstrip("/")
    bucket, prefix = split(uri)
    for output in outputs:
        top = output / FILES
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                file = Path(folder, name)
                if name.endswith((WHOLE, WHOLE + DONE)) and stat.S_ISREG(file.lstat().st_mode):
                    below = str(file.relative_to(top)).removesuffix(DONE)
                    found.append(below)
                    if name.endswith(WHOLE):
                        _put(job, objects, bucket, f"{prefix}/{below}" if prefix else below, file)
    return sorted(found)


def capture(job: Job, objects: Objects, written: list[str]) -> None:
    """DataCaptureConfig: a manifest of what was read, and one of what was written. Raises JobFailed.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
    """
    wanted = job.document.get("DataCaptureConfig")
    if not wanted:
        return
    bucket, prefix = split(wanted["DestinationS3Uri"].rstrip("/"))
    uri: str = job.document["TransformOutput"]["S3OutputPath"].rstrip("/")
    read = [path.removesuffix(WHOLE) for path in written]
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime(job.created))
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{job.arn}/{job.created}")  # the same when a crash makes this come twice
    for kind, before, names in (("input", f"s3://{job.facts['base']}", read), ("output", f"{uri}/", written)):
        manifest = job.folder / f"{kind}.json"
        manifest.write_text(json.dumps([{"prefix": before}, *names]))
        below = f"{kind}/{hour}/{name}.json"
        _store(job, objects, bucket, f"{prefix}/{below}" if prefix else below, manifest)


def _put(job: Job, objects: Objects, bucket: str, key: str, file: Path) -> None:
    """By a second name, which is taken: after a crash in the middle the first is still there, and all is done again."""
    taken = file.with_name(file.name + ".taken")
    taken.unlink(missing_ok=True)
    os.link(file, taken)
    try:
        _store(job, objects, bucket, key, taken)
    finally:
        taken.unlink(missing_ok=True)
    file.rename(file.with_name(file.name + DONE))


def _store(job: Job, objects: Objects, bucket: str, key: str, file: Path) -> None:
    try:
        objects.put(job.document["RoleArn"], bucket, key, file, move=True)
    except AWSError as error:
        raise JobFailed(f"ClientError: Unable to upload to s3://{bucket}/{key}: {error.message}") from error


def failure(job: Job, ended: Ended, outputs: list[Path], each: int) -> str:
    """The FailureReason; "" where nothing failed. Each instance has `each` launches, the last of them its agent."""
    failed = [(number, one) for number, one in enumerate(ended.instances) if one.code != 0 and not one.dismissed]
    if not failed:
        return ""
    number, one = min(failed, key=lambda found: (not found[1].out_of_memory, found[1].ended or 0.0))
    if one.out_of_memory:
        return "ClientError: Please use an instance type with more memory, or a smaller MaxPayloadInMB."
    if number % each != each - 1:
        said = " ".join(job.facts.get("last", {}).get(str(number), [])[-1:])
        return f"AlgorithmError: {SEE}. (The container ended with exit code {one.code}: {said})"[:REASON]
    for output in outputs:
        if told := _told(output):
            return _reason(job, told)[:REASON]
    return f"InternalServerError: the agent ended with exit code {one.code}. {SEE}."


def _told(output: Path) -> Document:
    """What the agent wrote."""
    file = output / FAILURE
    found: Document = json.loads(file.read_text()) if file.exists() else {}
    return found


def _reason(job: Job, told: Document) -> str:
    """AWS's sentence, which names nothing, and what we know beside it."""
    if not told.get("path"):
        return f"{told['fault']}: {SEE}. ({told['message']})"
    source = job.document["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    place = f", {told['place']}" if told["place"] else ""
    return f"{told['fault']}: {SEE}. ({told['path']} of {source}{place}: {told['message']})"
