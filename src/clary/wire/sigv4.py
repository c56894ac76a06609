"""Signature Version 4: who signed a request, and whether they did.

Checked against botocore's signers by property tests (docs/decisions/0002-signatures.md says why this is our own code).
Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, and for S3
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import re
from calendar import timegm
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from clary.errors import (
    AccessDenied,
    AWSError,
    IncompleteQuerySignature,
    IncompleteSignature,
    Invalid,
    RequestExpired,
    SignatureMismatch,
)
from clary.wire.canonical import normal_path, octets, respelled_path, respelled_query, sorted_query, trimmed
from clary.wire.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_MALFORMED = "The authorization header is malformed"
WEEK = 604_800

# What signs by S3's rules: the path as sent, the payload's hash stated.
_S3 = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/,\s]+)/([^/,]+)/([^/,]+)/([^/,]+)/aws4_request"
    r", *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]+)"
)
_QUERY_NAMES = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
_PAYLOAD = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+")
_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)(?::\d+)?")


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

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def s3(self) -> bool:
        return self.service in _S3


def read(request: Request) -> Signature | None:
    """The signature that a request carries, in its Authorization header or its query; None if it carries none.

    Raises IncompleteSignature, Invalid, and AWSError for what is not Signature Version 4.
    """
    authorization = request.headers.get("authorization")
    items: dict[str, str] = {}
    if "X-Amz-" in request.query or "Signature=" in request.query:
        items = {name: value for name, _, value in [pair.partition("=") for pair in request.query.split("&")]}
    presigned = "X-Amz-Algorithm" in items or "X-Amz-Signature" in items
    if authorization is None:
        if presigned:
            return _read_query(request, items)
        if "AWSAccessKeyId" in items and "Signature" in items:
            raise _version_2()
        return None
    if presigned:
        raise Invalid(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified"
        )
    return _read_header(request, authorization)


def _read_header(request: Request, authorization: str) -> Signature:
    headers = request.headers
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise _malformed_header(authorization, headers)
    access_key, date, region, service, signed, provided = match.groups()
    timestamp = headers.get("x-amz-date") or headers.get("date", "")
    if not _TIMESTAMP.fullmatch(timestamp):
        timestamp = _other_timestamp(timestamp, service)
    token = headers.get("x-amz-security-token", "")
    payload = headers.get("x-amz-content-sha256", "")
    return Signature(access_key, date, region, service, signed, provided, timestamp, None, token, payload, False)


def _read_query(request: Request, items: dict[str, str]) -> Signature:
    algorithm = unquote(items.get("X-Amz-Algorithm", ""))
    if algorithm and algorithm != ALGORITHM:
        raise IncompleteQuerySignature(
            f'X-Amz-Algorithm only supports "{ALGORITHM}", not "{algorithm}"{_asymmetric(algorithm)}.'
        )
    if any(not items.get(name) for name in _QUERY_NAMES):
        raise IncompleteQuerySignature(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    credential = unquote(items["X-Amz-Credential"])
    parts = credential.split("/")
    if len(parts) != 5 or not all(parts):
        raise IncompleteQuerySignature(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key, date, region, service, terminator = parts
    if terminator != "aws4_request":
        raise _wrong_terminator(terminator, query=True)
    timestamp = unquote(items["X-Amz-Date"])
    if not _TIMESTAMP.fullmatch(timestamp):
        raise IncompleteQuerySignature("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    _seconds(timestamp, query=True)
    expires = _read_expires(items.get("X-Amz-Expires", ""), service)
    payload = unquote(items.get("X-Amz-Content-Sha256", "")) or request.headers.get("x-amz-content-sha256", "")
    if not payload and service in _S3:
        payload = UNSIGNED
    signed = unquote(items["X-Amz-SignedHeaders"])
    token = unquote(items.get("X-Amz-Security-Token", ""))
    provided = items["X-Amz-Signature"]
    return Signature(access_key, date, region, service, signed, provided, timestamp, expires, token, payload, True)


def _read_expires(text: str, service: str) -> int:
    if not text and service not in _S3:
        return 900
    if not re.fullmatch(r"[-+]?\d{1,18}", text, re.ASCII):
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
        if service in _S3:
            raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header") from None
        raise IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


@lru_cache(maxsize=256)
def _seconds(timestamp: str, *, query: bool) -> int:
    t = timestamp
    try:
        when = datetime(int(t[:4]), int(t[4:6]), int(t[6:8]), int(t[9:11]), int(t[11:13]), int(t[13:15]), tzinfo=UTC)
    except ValueError:
        kind = IncompleteQuerySignature if query else IncompleteSignature
        raise kind(f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'.") from None
    return timegm(when.utctimetuple())


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(signature: Signature, secret: str, text: str) -> str:
    """The hex signature of a string to sign, by the key that `signature` names."""
    key = signing_key(secret, signature.date, signature.region, signature.service)
    return hmac.digest(key, octets(text), "sha256").hex()


def post_policy(secret: str, date: str, region: str, policy_base64: str) -> str:
    """The signature of an S3 POST form; `date` is the credential's YYYYMMDD, the policy is signed as it was sent.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
    """
    return hmac.digest(signing_key(secret, date, region, "s3"), policy_base64.encode(), "sha256").hex()


def verify(
    signature: Signature, request: Request, secret: str, payload_sha256: str, now: float, skew: float = 900
) -> None:
    """Returns if `secret` made this signature over this request, at a time that is acceptable `now`.

    `payload_sha256` is the hex digest of the body, or "" where the body is still to come: then the one who reads it
    calls `check_payload`. Times are seconds since the epoch. Raises SignatureMismatch, RequestExpired, AccessDenied,
    IncompleteSignature and, for S3, AWSError of S3's own codes.
    """
    _check_scope(signature, request)
    _check_time(signature, now, skew)
    _check_headers(signature, request)
    if payload_sha256:
        check_payload(signature, payload_sha256)
    path = request.path if signature.s3 else normal_path(request.path)
    tail = _tail(signature, request, payload_sha256)
    canonical = f"{request.method}\n{path}\n{sorted_query(request.query)}\n{tail}"
    to_sign = _to_sign(signature, canonical)
    if _equal(signature, secret, to_sign):
        return
    # AWS signs over what path and query mean, spelled by its UriEncode. A client may sign that spelling and send
    # another one ("+" for a space, "/" in a query).
    path = respelled_path(request.path) if signature.s3 else path
    other = f"{request.method}\n{path}\n{respelled_query(request.query_items())}\n{tail}"
    if _equal(signature, secret, _to_sign(signature, other)):
        return
    if not signature.s3:
        raise SignatureMismatch
    raise SignatureMismatch(
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
        AWSAccessKeyId=signature.access_key,
        StringToSign=to_sign,
        SignatureProvided=signature.signature,
        CanonicalRequest=canonical,
    )


def check_payload(signature: Signature, payload_sha256: str) -> None:
    """Whether the body is the one that the request claims; `payload_sha256` is what was computed, in hex."""
    claimed = signature.payload_hash
    if len(claimed) != 64 or claimed == payload_sha256:
        return
    if not signature.s3:
        raise SignatureMismatch
    raise AWSError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        400,
        ClientComputedContentSHA256=claimed,
        S3ComputedContentSHA256=payload_sha256,
    )


def _check_scope(signature: Signature, request: Request) -> None:
    kind = IncompleteQuerySignature if signature.presigned else IncompleteSignature
    prefix = "Error parsing the X-Amz-Credential parameter" if signature.presigned else _MALFORMED
    if signature.date != signature.timestamp[:8]:
        day = signature.timestamp[:8]
        if signature.s3:
            raise kind(
                f'{prefix}; Invalid credential date "{signature.date}". This date is not the same as X-Amz-Date: '
                f'"{day}".'
            )
        raise SignatureMismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signature.date}' != '{day}', from '{signature.timestamp}'."
        )
    region = _region(request.headers.get("host", ""))
    if region and region != signature.region:
        if signature.s3:
            raise kind(f"{prefix}; the region '{signature.region}' is wrong; expecting '{region}'", Region=region)
        raise SignatureMismatch("Credential should be scoped to a valid region.")


@lru_cache(maxsize=1024)
def _region(host: str) -> str:
    """The region that an AWS host name names, or ""."""
    match = _REGION.search(host)
    return match[1] if match and match.end() == len(host) else ""


def _check_time(signature: Signature, now: float, skew: float) -> None:
    then = _seconds(signature.timestamp, query=signature.presigned)
    if signature.expires is not None:
        if then - now > skew:
            _raise_early(signature, now, skew)
        if now >= then + signature.expires:
            _raise_expired(signature, then, now)
    elif abs(now - then) > skew:
        if signature.s3:
            raise RequestExpired(
                "The difference between the request time and the current time is too large.",
                RequestTime=signature.timestamp,
                ServerTime=_iso(now),
                MaxAllowedSkewMilliseconds=str(int(skew * 1000)),
            )
        if then > now:
            _raise_early(signature, now, skew)
        limit = f"{_basic(now - skew)} ({_basic(now)} - {skew / 60:g} min.)"
        raise RequestExpired(f"Signature expired: {signature.timestamp} is now earlier than {limit}")


def _raise_early(signature: Signature, now: float, skew: float) -> None:
    if signature.s3:
        raise AccessDenied("Request is not valid yet")
    limit = f"{_basic(now + skew)} ({_basic(now)} + {skew / 60:g} min.)"
    raise RequestExpired(f"Signature not yet current: {signature.timestamp} is still later than {limit}")


def _raise_expired(signature: Signature, then: int, now: float) -> None:
    expires = signature.expires or 0
    if signature.s3:
        members = {"X-Amz-Expires": str(expires), "Expires": _iso(then + expires), "ServerTime": _iso(now)}
        raise AccessDenied("Request has expired", **members)
    limit = f"{_basic(now - expires)} ({_basic(now)} - {expires / 60:g} min.)"
    raise RequestExpired(f"Signature expired: {signature.timestamp} is now earlier than {limit}")


def _basic(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_headers(signature: Signature, request: Request) -> None:
    signed = signature.signed_headers.split(";")
    if signature.service not in _S3:
        if "host" not in signed:
            raise SignatureMismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        return
    # "you must include the host header, and any x-amz-* headers in the request":
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    unsigned = [name for name in request.headers if name[:6] == "x-amz-" and name not in signed]
    if "host" not in signed:
        unsigned.insert(0, "host")
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise AccessDenied(message, HeadersNotSigned=", ".join(unsigned))
    claimed = signature.payload_hash
    if not claimed:
        raise AWSError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)
    if not _PAYLOAD.fullmatch(claimed):
        raise Invalid(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value.",
            ArgumentName="x-amz-content-sha256",
            ArgumentValue=claimed,
        )


def _tail(signature: Signature, request: Request, payload_sha256: str) -> str:
    headers = request.headers
    lines = [f"{name}:{trimmed(headers.get(name, ''))}\n" for name in signature.signed_headers.split(";")]
    return f"{''.join(lines)}\n{signature.signed_headers}\n{signature.payload_hash or payload_sha256}"


def _to_sign(signature: Signature, canonical: str) -> str:
    digest = hashlib.sha256(octets(canonical)).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"


def _equal(signature: Signature, secret: str, to_sign: str) -> bool:
    provided = signature.signature
    return provided.isascii() and hmac.compare_digest(sign(signature, secret, to_sign), provided)
