"""Bucket policies, and the public access block that limits them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from clary.errors import AccessDenied
from clary.resource.call import Call, Caller
from clary.resource.service import operation
from clary.services.s3.settings import acl, bad, keep
from clary.services.s3.settings.book import Settings
from clary.services.s3.settings.statements import VERSIONS, is_public, many, read
from clary.services.s3.state import S3

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    document: Document
    public: bool
    denying: Document  # what is left of it for those whom the public access block keeps out


@operation("PutBucketPolicy")
def put(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request).name
    text = request.get("Policy", "")
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    document = read(text, bucket)
    if is_public(document) and call.state.settings.of(bucket).block.get("BlockPublicPolicy"):
        raise AccessDenied(
            f"User: {call.caller.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"arn:aws:s3:::{bucket}" because public policies are blocked by the BlockPublicPolicy block public access '
            "setting."
        )
    keep.put(call.state, bucket, "policy", {"Text": text})
    return {}


@operation("GetBucketPolicy", inline=True)
def get(call: Call[S3], request: Document) -> Document:
    return {"Policy": _stored(call, request)["Text"]}


@operation("GetBucketPolicyStatus", inline=True)
def status(call: Call[S3], request: Document) -> Document:
    _stored(call, request)
    found = of(call.state.settings.of(request["Bucket"]))
    return {"PolicyStatus": {"IsPublic": found is not None and found.public}}


@operation("DeleteBucketPolicy")
def delete(call: Call[S3], request: Document) -> Document:
    keep.delete(call.state, call.state.bucket_of(request).name, "policy")
    return {}


def _stored(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request).name
    document = call.state.settings.of(bucket).get("policy")
    if document is None:
        raise bad.missing("NoSuchBucketPolicy", "The bucket policy does not exist", bucket)
    return document


def of(settings: Settings) -> Policy | None:
    """Read once for each change of it."""
    found: Policy | None = settings.derive("policy", _of)
    return found


def _of(settings: Settings) -> Policy | None:
    stored = settings.get("policy")
    if stored is None:
        return None
    document = json.loads(stored["Text"])  # it was checked when it came
    denying = [statement for statement in many(document["Statement"]) if statement["Effect"] == "Deny"]
    return Policy(document, is_public(document), {**document, "Statement": denying})


def effective(settings: Settings, caller: Caller, account: str) -> Mapping[str, Any] | None:
    """The bucket's policy as IAM is to see it for this caller, with what the bucket's canned ACL grants. The same
    object each time, until the settings change.

    RestrictPublicBuckets keeps everybody of another account, and anonymous callers, from what a public policy allows;
    what it denies stands.
    """
    kind = "own" if caller.account == account else "foreign" if caller.kind != "anonymous" else "anonymous"
    found: Mapping[str, Any] | None = settings.derive(kind, _EFFECTIVE[kind])
    return found


def _effective(settings: Settings, *, own: bool, anonymous: bool) -> Document | None:
    policy = of(settings)
    granted = acl.statements(settings, anonymous=anonymous)
    if policy is None:
        return {"Version": VERSIONS[0], "Statement": granted} if granted else None
    document = policy.document
    if policy.public and not own and settings.block.get("RestrictPublicBuckets"):
        document = policy.denying
    return {**document, "Statement": many(document["Statement"]) + granted}


_EFFECTIVE = {
    "own": partial(_effective, own=True, anonymous=False),
    "foreign": partial(_effective, own=False, anonymous=False),
    "anonymous": partial(_effective, own=False, anonymous=True),
}
