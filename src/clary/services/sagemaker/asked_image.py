"""The image that a request names: found, or refused in AWS's sentences."""

import re

from clary.errors import AccessDenied, AWSError, Invalid
from clary.images.image import UnknownImage
from clary.images.image import images as builtins
from clary.images.pull import Found, Images
from clary.images.registry import Untagged

# By AWS's name, or by the gateway's address (docs/registry.md).
_ECR = re.compile(
    r"((?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.[\w.]+|(127\.0\.0\.1|localhost|\[::1\]):\d+)"
    r"/(?P<repository>[^:@]+)([:@].+)?"
)


def asked(images: Images, uri: str, role: str, region: str, what: str = "") -> Found:
    """`what` it is for: training. Raises Invalid."""
    try:
        return images.find(uri, role, region)
    except AccessDenied as error:
        raise Invalid(f"{_none(uri, role, what)} {error.message}") from error
    except Untagged as error:
        raise Invalid(f"{_untagged(uri, role, error)} {look(uri, role, region) or error.message}") from error
    except UnknownImage as error:
        raise Invalid(f"{_none(uri, role, what)} {look(uri, role, region) or error.message}") from error
    except AWSError as error:
        raise Invalid(error.message) from error


def present(images: Images, uri: str, role: str, region: str) -> None:
    """Raises Invalid for an image that the account's own registry lacks; of others it is told who runs them.
    https://github.com/aws-samples/easy-amazon-sagemaker-deployments/issues/4
    """
    try:
        images.find(uri, role, region)
    except UnknownImage as error:
        if told := look(uri, role, region):
            raise Invalid(f"Requested image {uri} not found. {told}") from error
    except AWSError:
        return  # of a role that may not pull, or of another platform: who runs it says so


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
    if _builtin(found):
        return f"Cannot find the requested image: {uri}."
    return (
        f"Cannot find repository: {found['repository']} in registry ID: {found['registry'] or _account(role)} Please "
        f"check if your ECR repository exists and {_permissions(role)}"
    )


def _untagged(uri: str, role: str, error: Untagged) -> str:
    """Of an image that a repository lacks: https://github.com/aws/amazon-sagemaker-examples/issues/2450"""
    return (
        f"Cannot find the requested image: {uri} with tag: {error.tag or 'null'} and digest: {error.digest or 'null'}. "
        f"Please check if your ECR image exists and {_permissions(role)}"
    )


def _permissions(role: str) -> str:
    return (
        f"role {role} has proper pull permissions for SageMaker: ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, "
        "ecr:GetDownloadUrlForLayer."
    )


def look(uri: str, role: str, region: str) -> str:
    """Where an image of the account's own would be, which may lack its tag alone; nothing of any other."""
    found = _ECR.fullmatch(uri)
    if found is None or _builtin(found) or found["registry"] not in (None, _account(role)):
        return ""
    where = f"--region {found['region'] or region}"
    return (
        f"There is no image {uri}. What was pushed, and by which name it goes: "
        f"aws ecr list-images --repository-name {found['repository']} {where}; aws ecr describe-repositories {where}"
    )


def _builtin(found: re.Match[str]) -> bool:
    return any(image.repository == found["repository"] for image in builtins())


def _account(role: str) -> str:
    return role.split(":")[4]
