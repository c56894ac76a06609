"""What a request says about who signed it, in a header or in the query: read and not yet believed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
"""

import re
from calendar import timegm
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from clary.errors import AccessDenied, AWSError, IncompleteQuerySignature, IncompleteSignature, Invalid
from clary.wire.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
WEEK = 604_800

# What signs by S3's rules: the path as sent, the payload's hash stated.
S3 = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/,\s]+)/([^/,]+)/([^/,]+)/([^/,]+)/aws4_request"
    r", *SignedHeaders=([^,\s]+), *Signature="
)
_HEX = "0123456789abcdef"
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")


class Signature(NamedTuple):
    """What a request says about who signed it; nothing of it is proven before `verify`."""

    access_key: str
    date: str  # YYYYMMDD, of the credential scope
    region: str
    service: str
    signed_headers: str  # lower case, joined by ";"
    signature: str
    timestamp: str  # YYYYMMDDTHHMMSSZ
    expires: int | None  # seconds after the timestamp; presigned requests only
    token: str  # X-Amz-Security-Token, or ""
    payload_hash: str  # as claimed: hex SHA-256, UNSIGNED-PAYLOAD, STREAMING-…, or "" where not stated
    presigned: bool
    version: int = 4  # 2: see sigv2.py

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def s3(self) -> bool:
        return self.service in S3


def read(request: Request) -> Signature | None:
    """The signature that a request carries, in its Authorization header or its query; None if it carries none.

    Raises IncompleteSignature, Invalid, and AWSError for what is not Signature Version 4.
    """
    authorization = request.headers.get("authorization")
    items: dict[str, str] = {}
    if "X-Amz-" in request.query or "Signature=" in request.query:
        for pair in request.query.split("&"):
            name, _, value = pair.partition("=")
            items[name] = value
    presigned = "X-Amz-Algorithm" in items or "X-Amz-Signature" in items
    if authorization is None:
        if presigned:
            return _read_query(request, items)
        if "AWSAccessKeyId" in items and "Signature" in items:
            return _read_version_2(items)
        return None
    if presigned:
        raise Invalid(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified"
        )
    return _read_header(request, authorization)


@lru_cache(maxsize=1024)
def _before_signature(start: str) -> tuple[str, ...] | None:
    """Access key, date, region, service and signed headers: the same in many requests of one client. None if it is not
    as it should be.
    """
    match = _AUTHORIZATION.fullmatch(start)
    return match.groups() if match else None


def _read_header(request: Request, authorization: str) -> Signature:
    headers = request.headers
    start, mark, provided = authorization.rpartition("Signature=")
    found = _before_signature(start + mark)
    if found is None or not provided or provided.strip(_HEX):
        raise _malformed_header(authorization, headers)
    access_key, date, region, service, signed = found
    timestamp = headers.get("x-amz-date") or headers.get("date", "")
    if not _TIMESTAMP.fullmatch(timestamp):
        timestamp = _other_timestamp(timestamp, service)
    token = headers.get("x-amz-security-token", "")
    payload = headers.get("x-amz-content-sha256", "")
    return Signature(access_key, date, region, service, signed, provided, timestamp, None, token, payload, False)


def _read_query(request: Request, items: dict[str, str]) -> Signature:
    algorithm = items.get("X-Amz-Algorithm", "")
    if algorithm and algorithm != ALGORITHM:
        raise IncompleteQuerySignature(
            f'X-Amz-Algorithm only supports "{ALGORITHM}", not "{unquote(algorithm)}"{_asymmetric(algorithm)}.'
        )
    try:
        credential, timestamp = items["X-Amz-Credential"], items["X-Amz-Date"]
        signed, provided = items["X-Amz-SignedHeaders"], items["X-Amz-Signature"]
    except KeyError:
        credential = ""
    if not (credential and algorithm):
        raise IncompleteQuerySignature(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    # The same few values come again and again; a longer one is not worth the memory of a cache.
    read = _read_credential if len(credential) < 256 else _read_credential.__wrapped__
    access_key, date, region, service = read(credential)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise IncompleteQuerySignature("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    seconds_of(timestamp, query=True)
    expires = _read_expires(items.get("X-Amz-Expires", ""), service)
    payload = items.get("X-Amz-Content-Sha256") or request.headers.get("x-amz-content-sha256", "")
    if not payload and service in S3:
        payload = UNSIGNED
    token = unquote(items.get("X-Amz-Security-Token", ""))
    signed = signed.replace("%3B", ";").replace("%3b", ";")  # no other character of a header's name is encoded
    return Signature(access_key, date, region, service, signed, provided, timestamp, expires, token, payload, True)


def _read_version_2(items: dict[str, str]) -> Signature:
    """S3's presigned URLs of old, which boto3 still makes by default."""
    expires = items.get("Expires", "")
    if not expires.isascii() or not expires.isdecimal() or len(expires) > 15:
        raise AccessDenied("Invalid date (should be seconds since epoch): " + expires[:100])
    return Signature(
        access_key=unquote(items["AWSAccessKeyId"]),
        date="",
        region="",
        service="s3",
        signed_headers="",
        signature=unquote(items["Signature"]),
        timestamp=expires,
        expires=int(expires),  # since the epoch, here
        token=unquote(items.get("x-amz-security-token", "")),
        payload_hash=UNSIGNED,
        presigned=True,
        version=2,
    )


@lru_cache(maxsize=1024)
def _read_credential(text: str) -> tuple[str, str, str, str]:
    parts = unquote(text).split("/")
    if len(parts) != 5 or not all(parts):
        raise IncompleteQuerySignature(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key, date, region, service, terminator = parts
    if terminator != "aws4_request":
        raise _wrong_terminator(terminator, query=True)
    return access_key, date, region, service


def _read_expires(text: str, service: str) -> int:
    if not text and service not in S3:
        return 900
    if not _NUMBER.fullmatch(text):
        raise IncompleteQuerySignature("X-Amz-Expires should be a number")
    if (seconds := int(text)) < 0:
        raise IncompleteQuerySignature("X-Amz-Expires must be non-negative")
    if seconds > WEEK:
        raise IncompleteQuerySignature(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{WEEK} seconds"
        )
    return seconds


def _malformed_header(authorization: str, headers: dict[str, str]) -> AWSError:
    scheme, _, rest = authorization.partition(" ")
    if scheme == "AWS":
        return _version_2()
    if scheme != ALGORITHM:
        return IncompleteSignature(f"Unsupported Authorization Type '{scheme}'{_asymmetric(scheme)}.")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    names = ("Credential", "Signature", "SignedHeaders")
    if missing := [f"Authorization header requires '{name}' parameter." for name in names if not fields.get(name)]:
        if "x-amz-date" not in headers and "date" not in headers:
            missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        # AWS repeats the header here; not so we, as a secret may stand in the wrong place and then in a log.
        return IncompleteSignature(" ".join(missing))
    parts = fields["Credential"].split("/")
    if len(parts) != 5 or not all(parts):
        return IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{fields['Credential']}'"
        )
    if parts[4] != "aws4_request":
        return _wrong_terminator(parts[4], query=False)
    return IncompleteSignature("The authorization header is malformed; expecting Credential, SignedHeaders, Signature.")


def _wrong_terminator(terminator: str, *, query: bool) -> AWSError:
    kind = IncompleteQuerySignature if query else IncompleteSignature
    return kind(f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'.")


def _version_2() -> AWSError:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html: regions after 2014 have no
    # Signature Version 2 and answer this.
    message = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
    return AWSError("InvalidRequest", message, 400)


def _asymmetric(algorithm: str) -> str:
    return " (Signature Version 4A); use AWS4-HMAC-SHA256" if algorithm.startswith("AWS4-ECDSA") else ""


def _other_timestamp(text: str, service: str) -> str:
    """A Date header, which may stand in for X-Amz-Date, in the form that is signed."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError):
        if service in S3:
            raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header") from None
        raise IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


@lru_cache(maxsize=256)
def seconds_of(timestamp: str, *, query: bool) -> int:
    """Seconds since the epoch. `query` says where the timestamp stood. Raises IncompleteSignature."""
    t = timestamp
    try:
        when = datetime(int(t[:4]), int(t[4:6]), int(t[6:8]), int(t[9:11]), int(t[11:13]), int(t[13:15]), tzinfo=UTC)
    except ValueError:
        kind = IncompleteQuerySignature if query else IncompleteSignature
        raise kind(f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'.") from None
    return timegm(when.utctimetuple())
