"""The image that a request names: found, or refused in AWS's sentences."""

import re

from clary.errors import AccessDenied, AWSError, Invalid
from clary.images.image import UnknownImage
from clary.images.image import images as builtins
from clary.images.pull import Found, Images

_ECR = re.compile(r"(?P<registry>\d{12})\.dkr\.ecr\.[\w.-]+/(?P<repository>[^:@]+)([:@].+)?")


def asked(images: Images, uri: str, role: str, region: str, what: str = "") -> Found:
    """`what` it is for: training. Raises Invalid."""
    try:
        return images.find(uri, role, region)
    except (UnknownImage, AccessDenied) as error:
        raise Invalid(f"{_none(uri, role, what)} {error.message}") from error
    except AWSError as error:
        raise Invalid(error.message) from error


def _none(uri: str, role: str, what: str) -> str:
    """AWS's sentences: https://github.com/aws/sagemaker-python-sdk/issues/2063,
    https://github.com/aws/amazon-sagemaker-examples/issues/1476 and 2534
    """
    found = _ECR.fullmatch(uri)
    if found is None:
        kind = f"{what} image" if what else "image"
        return (
            f"Invalid {kind}. Please provide a valid Amazon Elastic Container Registry path of the Docker image to run."
        )
    if any(image.repository == found["repository"] for image in builtins()):
        return f"Cannot find the requested image: {uri}."
    return (
        f"Cannot find repository: {found['repository']} in registry ID: {found['registry']} Please check if your ECR "
        f"repository exists and role {role} has proper pull permissions for SageMaker: "
        "ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer."
    )
