"""The image of a job, made ready to run, and in the job's words why it cannot be."""

from clary.errors import AWSError
from clary.images.environment import Environment
from clary.images.image import Image, UnknownImage
from clary.images.pull import Found, Images, PullFailed
from clary.jobs.recipe import Job, JobFailed
from clary.services.sagemaker.asked_image import look
from clary.services.sagemaker.training_metrics import region


def runnable(images: Images, job: Job, uri: str, role: str, *, kept: bool = False) -> tuple[Image | None, Environment]:
    """With it, what there is to know of a built-in one. `kept`, for model servers: who had the image before goes on
    with it, also if it was deleted meanwhile. Raises JobFailed, and PullFailed for a built-in one.
    """
    found: Found | None
    where = region(job.arn)
    try:
        found = images.find(uri, role, where)
    except UnknownImage as error:
        found = images.trees.kept(uri) if kept else None
        if found is None:
            raise JobFailed(f"ClientError: {look(uri, role, where) or error.message}") from error
    except AWSError as error:
        raise JobFailed(f"ClientError: The image {uri} cannot be had: {error.message}") from error
    builtin = found if isinstance(found, Image) else None
    if kept and builtin is not None and not builtin.server:
        raise JobFailed(f"ClientError: {builtin.no_server}")
    try:
        return builtin, images.ready(found, lambda line: job.log(0, line), job.check, job.folder)
    except PullFailed as error:
        if builtin is not None:
            raise
        raise JobFailed(f"ClientError: {error.message}") from error
