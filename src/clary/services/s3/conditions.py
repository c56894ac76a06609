"""Conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

import sqlite3
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

    def check(found: sqlite3.Row | None) -> None:
        if none_match is not None:
            if found is not None:
                raise failed("If-None-Match")
            return
        if found is None:
            raise AWSError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        if not _matches(match or "", found["etag"]):
            raise failed("If-Match")

    return check


def for_delete(request: Document) -> Condition | None:
    """Of a DeleteObject, or of one key of a DeleteObjects, which has other names for the same.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html: size and time hold for what is not there
    """
    match = request.get("IfMatch", request.get("ETag"))
    size = request.get("IfMatchSize", request.get("Size"))
    modified = request.get("IfMatchLastModifiedTime", request.get("LastModifiedTime"))
    if match is None and size is None and modified is None:
        return None

    def check(found: sqlite3.Row | None) -> None:
        if match is not None and (found is None or not _matches(match, found["etag"])):
            raise failed("If-Match")
        if size is not None and found is not None and found["size"] != size:
            raise failed("x-amz-if-match-size")
        if modified is not None and found is not None and not same_second(found["modified"], modified):
            raise failed("x-amz-if-match-last-modified-time")

    return check


def same_second(one: float, other: float) -> bool:
    """Times in headers have no more than seconds."""
    return one // 1 == other // 1
