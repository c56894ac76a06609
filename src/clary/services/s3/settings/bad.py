"""What AWS says of configurations that it does not take."""

import re
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


_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # https://www.rfc-editor.org/rfc/rfc9110#name-tokens


def field(name: str, value: str) -> None:
    """Whether this can be a header of a request, if it came as something else. Raises InvalidArgument."""
    if not _TOKEN.fullmatch(name):
        raise argument("Header name is not a token.")
    if _CONTROLS.search(value):  # which XML cannot hold either: it is not told
        raise argument("Header value cannot hold control characters.", name, "")


def header(name: str, value: str) -> None:
    """Whether an answer can have this header. Raises InvalidArgument."""
    field(name, value)
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise argument("Header value cannot be represented using ISO-8859-1.", name, value) from None


def request(message: str) -> AWSError:
    return AWSError("InvalidRequest", message, 400)


def missing(code: str, message: str, bucket: str) -> AWSError:
    return AWSError(code, message, 404, BucketName=bucket)
