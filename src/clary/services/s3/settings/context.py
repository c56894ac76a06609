"""The condition keys of S3 requests.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from clary.resource.call import Call
from clary.services.s3.settings.book import SQL
from clary.store.db import Store

Document = dict[str, Any]
Context = dict[str, list[str]]

# By the member that carries it.
MEMBERS = {
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "VersionId": "s3:VersionId",
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
}


class Conditions(Mapping[str, list[str]]):
    """What one request says, and the tags that its object has: made ready at the first look, which IAM takes only
    where a policy has conditions or variables.
    """

    __slots__ = ("_call", "_found", "_object", "_request", "_tags")

    def __init__(self, call: Call[Any], request: Document, existing: tuple[str, str, str | None] | None = None) -> None:
        """`existing` is the bucket, key and version of an object whose tags count."""
        self._call = call
        self._request = request
        self._object = existing
        self._found: Context | None = None
        self._tags: dict[str, str] | None = None

    def tags(self) -> dict[str, str]:
        if self._tags is None:
            self._tags = _tags(self._call.state.store, *self._object) if self._object else {}
        return self._tags

    def _all(self) -> Context:
        if self._found is None:
            self._found = _conditions(self._call, self._request)
            self._found.update({f"s3:ExistingObjectTag/{key}": [value] for key, value in self.tags().items()})
        return self._found

    def __getitem__(self, key: str) -> list[str]:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def _tags(store: Store, bucket: str, key: str, version: str | None) -> dict[str, str]:
    name = "tags_of_version" if version else "tags_of_object"
    where = {"bucket": bucket, "key": key, "version": "" if version == "null" else version}
    row = store.read().execute(SQL[name], where).fetchone()
    tags: dict[str, str] = orjson.loads(row["tags"]) if row is not None and row["tags"] else {}
    return tags


def _conditions(call: Call[Any], request: Document) -> Context:
    found: Context = {"s3:ResourceAccount": [call.account]}
    headers = call.request.headers
    if call.signed is not None:
        found["s3:authType"] = [call.signed.how]
        found["s3:signatureversion"] = [call.signed.version]
        if call.signed.at is not None:  # milliseconds
            found["s3:signatureAge"] = [str(int((call.platform.clock() - call.signed.at) * 1000))]
    if digest := headers.get("x-amz-content-sha256"):
        found["s3:x-amz-content-sha256"] = [digest]
    for member, value in request.items():
        key = MEMBERS.get(member)
        if key is not None:
            found[key] = [str(value)]
    if tags := request.get("Tagging"):
        _tag(found, tags)
    if place := request.get("CreateBucketConfiguration", {}).get("LocationConstraint"):
        found["s3:LocationConstraint"] = [place]
    return found


def _tag(found: Context, tags: str | Document) -> None:
    """Of a header (`a=1&b=2`) or a document."""
    if isinstance(tags, str):
        pairs = parse_qsl(tags, keep_blank_values=True)
    else:
        pairs = [(tag.get("Key", ""), tag.get("Value", "")) for tag in tags.get("TagSet", [])]
    found["s3:RequestObjectTagKeys"] = [key for key, _ in pairs]
    for key, value in pairs:
        found[f"s3:RequestObjectTag/{key}"] = [value]
