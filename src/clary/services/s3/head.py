"""The head of an object: what a GET answers beside the bytes, kept as JSON in the object's row.

{"headers": {"content-type": …, "x-amz-meta-…": …},      as they are sent
 "checksum": ["CRC32", "y/U6HA==", "FULL_OBJECT"],        sent to those who ask for it
 "customer": ["salt", "hash of SSE-C's key and the salt"]}
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from contextlib import suppress
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import orjson

from clary.errors import AWSError, NotImplementedHere
from clary.services.s3 import checksums
from clary.services.s3.settings import bad
from clary.services.s3.settings.book import Settings

Document = dict[str, Any]
Head = dict[str, Any]

METADATA_LIMIT = 2048  # bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
PLAIN_TYPE = "binary/octet-stream"
STANDARD = "STANDARD"
CLASSES = frozenset({STANDARD, "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"})
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
SSE = "x-amz-server-side-encryption"

_MEMBERS = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentLanguage": "content-language",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}


def make(request: Document, settings: Settings) -> Head:
    """Of a PutObject, a CreateMultipartUpload, or a CopyObject that replaces. Raises MetadataTooLarge,
    InvalidStorageClass, InvalidArgument and InvalidRequest.
    """
    headers = {"content-type": request.get("ContentType") or PLAIN_TYPE}
    for member, name in _MEMBERS.items():
        if value := request.get(member):
            headers[name] = value
    if encoding := _without_framing(request.get("ContentEncoding", "")):
        headers["content-encoding"] = encoding
    if (expires := request.get("Expires")) is not None:
        headers["expires"] = expires if isinstance(expires, str) else formatdate(expires, usegmt=True)
    if metadata := request.get("Metadata"):
        headers.update(_metadata(metadata))
    head: Head = {"headers": headers}
    place(head, request, settings)
    refuse_lock(request)
    check(head)
    return head


def check(head: Head) -> None:
    """Whether the headers can be sent. Raises InvalidArgument."""
    for name, value in head["headers"].items():
        bad.header(name, value)


def place(head: Head, request: Document, settings: Settings) -> None:
    """Storage class and encryption: what a copy decides anew even where it copies the metadata."""
    headers = head["headers"]
    for name in [name for name in headers if name.startswith(SSE)]:
        del headers[name]
    head.pop("customer", None)
    headers.pop("x-amz-storage-class", None)
    storage = request.get("StorageClass", STANDARD)
    if storage in ARCHIVES:
        raise NotImplementedHere(f"Clary has no archive: objects cannot be put into the storage class {storage}.")
    if storage not in CLASSES:
        raise AWSError("InvalidStorageClass", "The storage class you specified is not valid", 400)
    if storage != STANDARD:
        headers["x-amz-storage-class"] = storage
    _encryption(head, request, settings)


def _encryption(head: Head, request: Document, settings: Settings) -> None:
    headers = head["headers"]
    if any(name in request for name in ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")):
        key = customer_key(request)
        salt = secrets.token_hex(8)
        head["customer"] = [salt, _salted(key, salt)]
        headers[f"{SSE}-customer-algorithm"] = "AES256"
        headers[f"{SSE}-customer-key-md5"] = request["SSECustomerKeyMD5"]
        return
    algorithm, key_id = request.get("ServerSideEncryption", ""), request.get("SSEKMSKeyId", "")
    bucket_key = request.get("BucketKeyEnabled", False)
    if key_id and not algorithm.startswith("aws:kms"):
        raise bad.argument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
            "aws:kms",
            SSE,
            algorithm,
        )
    if not algorithm and (rules := (settings.get("encryption") or {}).get("Rules")):
        default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
        algorithm, key_id = default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", "")
        bucket_key = bucket_key or rules[0].get("BucketKeyEnabled", False)
    if algorithm not in {"", "AES256", "aws:kms", "aws:kms:dsse"}:
        raise bad.argument("The encryption method specified is not supported", SSE, algorithm)
    if algorithm:
        headers[SSE] = algorithm
    if key_id:
        headers[f"{SSE}-aws-kms-key-id"] = key_id
    if bucket_key and algorithm.startswith("aws:kms"):
        headers[f"{SSE}-bucket-key-enabled"] = "true"


def customer_key(request: Document, prefix: str = "") -> bytes:
    """The 32 bytes of SSE-C's key, checked; `prefix` is CopySource where the source's is meant. Raises
    InvalidArgument. https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
    """
    if request.get(f"{prefix}SSECustomerAlgorithm") != "AES256":
        raise bad.argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption "
            "algorithm.",
            f"{SSE}-customer-algorithm",
            request.get(f"{prefix}SSECustomerAlgorithm", ""),
        )
    try:
        key = base64.b64decode(request.get(f"{prefix}SSECustomerKey", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise bad.argument("The secret key was invalid for the specified algorithm.", f"{SSE}-customer-key", "")
    digest = checksums.base64_of(hashlib.md5(key, usedforsecurity=False).digest())
    if digest != request.get(f"{prefix}SSECustomerKeyMD5"):
        raise bad.argument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            f"{SSE}-customer-key-MD5",
            "",
        )
    return key


def unlock(head: Head, request: Document, prefix: str = "") -> None:
    """Whether the request brings the key that the object was put with, and none where there was none. Raises
    InvalidRequest and AccessDenied.
    """
    given = f"{prefix}SSECustomerKey" in request or f"{prefix}SSECustomerAlgorithm" in request
    kept = head.get("customer")
    if kept is None:
        if given:
            raise AWSError("InvalidRequest", "The encryption parameters are not applicable to this object.", 400)
        return
    if not given:
        raise AWSError(
            "InvalidRequest",
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object.",
            400,
        )
    if not hmac.compare_digest(kept[1], _salted(customer_key(request, prefix), kept[0])):
        raise AWSError("AccessDenied", "Access Denied", 403)


def _salted(key: bytes, salt: str) -> str:
    return hmac.new(salt.encode(), key, "sha256").hexdigest()


def _without_framing(encoding: str) -> str:
    """aws-chunked is how the body travelled, not what it is.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """
    return ",".join(part for part in encoding.split(",") if part.strip() not in {"", "aws-chunked"})


def _metadata(metadata: dict[str, str]) -> dict[str, str]:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > METADATA_LIMIT:
        raise AWSError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            400,
            Size=str(size),
            MaxSizeAllowed=str(METADATA_LIMIT),
        )
    return {f"x-amz-meta-{name.lower()}": _printable(value) for name, value in metadata.items()}


def _printable(value: str) -> str:
    """What is not ASCII goes out as RFC 2047 has it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html#UserMetadata
    """
    if value.isascii():
        return value
    with suppress(UnicodeError):  # it is no UTF-8, or was text already
        value = value.encode("latin-1").decode()  # header bytes, which the gateway shows one by one
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def refuse_lock(request: Document) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html: no bucket of ours has it."""
    if any(name.startswith("ObjectLock") for name in request):
        raise AWSError("InvalidRequest", "Bucket is missing Object Lock Configuration", 400)


def tags_of(text: str | None) -> str | None:
    """The tags of an x-amz-tagging header as JSON. Raises InvalidArgument and InvalidTag."""
    if not text:
        return None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise bad.argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            "x-amz-tagging",
            text,
        ) from None
    return tags_json([{"Key": key, "Value": value} for key, value in pairs])


def tags_json(tags: list[dict[str, str]]) -> str | None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html. Raises InvalidTag and BadRequest."""
    if len(tags) > 10:
        raise AWSError("BadRequest", "Object tags cannot be greater than 10", 400)
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= 128:
            raise AWSError("InvalidTag", "The TagKey you have provided is invalid", 400, TagKey=key)
        if len(value) > 256:
            raise AWSError("InvalidTag", "The TagValue you have provided is invalid", 400, TagKey=key, TagValue=value)
        if key.startswith("aws:"):
            raise AWSError("InvalidTag", "System tags cannot be added/updated by requester", 400, TagKey=key)
        if key in found:
            raise AWSError("InvalidTag", "Cannot provide multiple Tags with the same key", 400, TagKey=key)
        found[key] = value
    return orjson.dumps(found).decode() if found else None


def answer(head: Head) -> dict[str, str]:
    """The headers that a write answers with: encryption and checksum."""
    headers = {name: value for name, value in head["headers"].items() if name.startswith(SSE)}
    headers.update(checksum_headers(head))
    return headers


_SSE_MEMBERS = {
    SSE: "ServerSideEncryption",
    f"{SSE}-aws-kms-key-id": "SSEKMSKeyId",
    f"{SSE}-bucket-key-enabled": "BucketKeyEnabled",
    f"{SSE}-customer-algorithm": "SSECustomerAlgorithm",
    f"{SSE}-customer-key-md5": "SSECustomerKeyMD5",
}


def encryption(head: Head) -> Document:
    """The same as members of an answer."""
    found: Document = {
        member: head["headers"][name] for name, member in _SSE_MEMBERS.items() if name in head["headers"]
    }
    if "BucketKeyEnabled" in found:
        found["BucketKeyEnabled"] = True
    return found


def checksum_headers(head: Head) -> dict[str, str]:
    if (checksum := head.get("checksum")) is None:
        return {}
    algorithm, value, kind = checksum
    return {f"x-amz-checksum-{algorithm.lower()}": value, "x-amz-checksum-type": kind}
