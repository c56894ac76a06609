"""Signature Version 2 of S3, in the query only: what boto3 makes of `generate_presigned_url` unless told otherwise.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
"""

import base64
import hmac
from urllib.parse import unquote

from clary.errors import AccessDenied, SignatureMismatch
from clary.wire.canonical import octets
from clary.wire.message import Request
from clary.wire.signature import Signature

# The parts of a query that are signed, beside response-*.
SUBRESOURCES = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


def verify(signature: Signature, request: Request, path: str, secret: str, now: float) -> None:
    """Returns if `secret` signed this request and its time is not over. `path` begins with the bucket, however the
    request names it. Raises AccessDenied and SignatureMismatch.
    """
    if now >= (signature.expires or 0):
        raise AccessDenied("Request has expired")
    # A bucket alone is signed with a slash behind it, whether the path has one or not; some sign it as they send it.
    paths = [path, f"{path}/"] if path.count("/") == 1 else [path]
    texts = [string_to_sign(request, each, signature.timestamp) for each in paths]
    if not any(_equal(signature, secret, text) for text in texts):
        raise SignatureMismatch(
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            AWSAccessKeyId=signature.access_key,
            StringToSign=texts[-1],
            SignatureProvided=signature.signature,
        )


def _equal(signature: Signature, secret: str, text: str) -> bool:
    computed = base64.b64encode(hmac.digest(secret.encode(), octets(text), "sha1"))
    return hmac.compare_digest(computed, octets(signature.signature))


def string_to_sign(request: Request, path: str, expires: str) -> str:
    # Read as Latin-1, as all that was on the wire: the signature is over these bytes.
    pairs = [
        (name, unquote(value, "latin-1"))
        for name, _, value in (item.partition("=") for item in request.query.split("&"))
    ]
    # What a signer would have put in a header stands in the query, under the same name.
    said = {**{name.lower(): value for name, value in pairs}, **request.headers}
    extra = sorted(name for name in said if name.startswith("x-amz-"))
    signed = sorted((n, v) for n, v in pairs if n in SUBRESOURCES or n.startswith("response-"))
    query = "&".join(f"{name}={value}" if value else name for name, value in signed)
    lines = [request.method, said.get("content-md5", ""), said.get("content-type", ""), expires]
    lines += [f"{name}:{said[name].strip()}" for name in extra]
    return "\n".join([*lines, f"{path}?{query}" if query else path])
