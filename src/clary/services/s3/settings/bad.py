"""What AWS says of configurations that it does not take."""

from typing import Any

from clary.errors import AWSError

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList


def malformed() -> AWSError:
    return AWSError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        400,
    )


def argument(message: str, name: str = "", value: Any = None) -> AWSError:
    members = {"ArgumentName": name, "ArgumentValue": str(value)} if name else {}
    return AWSError("InvalidArgument", message, 400, **members)


def request(message: str) -> AWSError:
    return AWSError("InvalidRequest", message, 400)


def missing(code: str, message: str, bucket: str) -> AWSError:
    return AWSError(code, message, 404, BucketName=bucket)
