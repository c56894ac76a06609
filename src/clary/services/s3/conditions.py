"""Conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from typing import Any

from clary.errors import AWSError
from clary.services.s3.rows import Condition

Document = dict[str, Any]


def _matches(given: str, etag: str) -> bool:
    if given.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/").strip('"') == etag for part in given.split(","))


def failed(condition: str) -> AWSError:
    return AWSError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, Condition=condition
    )


def check_read(request: Document, etag: str, modified: float) -> bool:
    """False: the client has it already (304). Raises PreconditionFailed. Where both of a pair are given, the etag
    decides. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
    """
    if (given := request.get("IfMatch")) is not None:
        if not _matches(given, etag):
            raise failed("If-Match")
    elif (since := request.get("IfUnmodifiedSince")) is not None and int(modified) > since:
        raise failed("If-Unmodified-Since")
    if (given := request.get("IfNoneMatch")) is not None:
        return not _matches(given, etag)
    if (since := request.get("IfModifiedSince")) is not None:
        return bool(int(modified) > since)
    return True


def check_source(request: Document, etag: str, modified: float) -> None:
    """Of a copy, where 304 is no answer. Raises PreconditionFailed."""
    renamed = {
        name: request[f"CopySource{name}"]
        for name in ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")
        if f"CopySource{name}" in request
    }
    if renamed and not check_read(renamed, etag, modified):
        raise failed(f"x-amz-copy-source-{'If-None-Match' if 'IfNoneMatch' in renamed else 'If-Modified-Since'}")


def for_write(request: Document, key: str) -> Condition | None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. Raises NotImplemented."""
    match, none_match = request.get("IfMatch"), request.get("IfNoneMatch")
    if match is None and none_match is None:
        return None
    if none_match is not None and (none_match.strip() != "*" or match is not None):
        raise AWSError(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            501,
            Header="If-None-Match",
        )

    def check(etag: str | None, _modified: float) -> None:
        if none_match is not None:
            if etag is not None:
                raise failed("If-None-Match")
            return
        if etag is None:
            raise AWSError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        if not _matches(match or "", etag):
            raise failed("If-Match")

    return check


def for_delete(request: Document) -> Condition | None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"""
    match = request.get("IfMatch", request.get("ETag"))
    if match is None:
        return None

    def check(etag: str | None, _modified: float) -> None:
        if etag is None or not _matches(match, etag):
            raise failed("If-Match")

    return check
