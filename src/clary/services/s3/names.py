"""Names in S3: of buckets, keys, versions and uploads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

import base64
import ipaddress
import re
import secrets

from clary.errors import AWSError

KEY_LIMIT = 1024  # bytes of UTF-8
NULL = "null"  # the id of the version that was written while versioning was off or suspended

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED = re.compile(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)")
_SPELLING = b"._"  # in place of + and /: version ids stand in URLs


def check_bucket(name: str) -> None:
    """Raises InvalidBucketName."""
    if not _BUCKET.fullmatch(name) or ".." in name or _RESERVED.fullmatch(name) or _is_address(name):
        raise AWSError("InvalidBucketName", "The specified bucket is not valid.", 400, BucketName=name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def check_key(key: str) -> None:
    """Raises KeyTooLongError."""
    if len(key) * 4 > KEY_LIMIT and (size := len(key.encode())) > KEY_LIMIT:
        raise AWSError("KeyTooLongError", "Your key is too long", 400, Size=str(size), MaxSizeAllowed=str(KEY_LIMIT))


def version_id(seq: int) -> str:
    """32 characters that tell nobody but us which version of its key it is."""
    salt = secrets.token_bytes(16)
    mask = int.from_bytes(salt[:8], "big")
    return base64.b64encode(salt + (seq ^ mask).to_bytes(8, "big"), _SPELLING).decode()


def seq_of(version: str) -> int:
    """The other way. Raises InvalidArgument for what no `version_id` can be."""
    try:
        raw = base64.b64decode(version.encode(), _SPELLING, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 24:
        raise AWSError(
            "InvalidArgument",
            "Invalid version id specified",
            400,
            ArgumentName="versionId",
            ArgumentValue=version,
        )
    # SQLite's integers have 63 bits; what is larger is no seq of ours, and 0 is none either.
    seq = int.from_bytes(raw[:8], "big") ^ int.from_bytes(raw[16:], "big")
    return seq if seq < 1 << 63 else 0


def upload_id(now: float) -> str:
    """Sorts by its time, whose digits it begins with."""
    return f"{int(now * 1e6):016x}{secrets.token_urlsafe(36)}"
