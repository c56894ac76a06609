"""Signature Version 4: who signed a request, and whether they did.

Checked against botocore's signers by property tests (docs/decisions/0002-signatures.md says why this is our own code).
Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, and for S3
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

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
from clary.wire.signature import ALGORITHM, S3, Signature, read, seconds_of

__all__ = ["ALGORITHM", "Signature", "check_payload", "post_policy", "read", "sign", "signing_key", "verify"]

_MALFORMED = "The authorization header is malformed"
_PAYLOAD = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+")
_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)(?::\d+)?")


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=4096)
def _started(secret: str, date: str, region: str, service: str) -> tuple[Any, Any]:
    """HMAC's two hashes with the signing key already in them: half the time of hmac.digest."""
    key = signing_key(secret, date, region, service).ljust(64, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in key)), hashlib.sha256(bytes(byte ^ 0x5C for byte in key))


def sign(signature: Signature, secret: str, text: str) -> str:
    """The hex signature of a string to sign, by the key that `signature` names."""
    started = _started(secret, signature.date, signature.region, signature.service)
    inner, outer = started[0].copy(), started[1].copy()
    inner.update(octets(text))
    outer.update(inner.digest())
    digest: str = outer.hexdigest()
    return digest


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
    then = seconds_of(signature.timestamp, query=signature.presigned)
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
    if signature.service not in S3:
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
    names = signature.signed_headers.split(";")
    lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in names])
    if "  " in lines or " \n" in lines or "\t" in lines or ": " in lines:  # seldom: there may be space to take away
        lines = "".join([f"{name}:{trimmed(headers.get(name, ''))}\n" for name in names])
    return f"{lines}\n{signature.signed_headers}\n{signature.payload_hash or payload_sha256}"


def _to_sign(signature: Signature, canonical: str) -> str:
    digest = hashlib.sha256(octets(canonical)).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"


def _equal(signature: Signature, secret: str, to_sign: str) -> bool:
    provided = signature.signature
    return provided.isascii() and hmac.compare_digest(sign(signature, secret, to_sign), provided)
