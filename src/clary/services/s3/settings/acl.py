"""Access control lists: off for new buckets, canned ones only where they are on.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

import hashlib
from typing import Any

from clary.errors import AccessDenied, AWSError, NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3.settings import bad, keep
from clary.services.s3.settings.book import Settings
from clary.services.s3.state import S3

Document = dict[str, Any]
GROUPS = "http://acs.amazonaws.com/groups/"
EVERYBODY, AUTHENTICATED, LOGS = (
    f"{GROUPS}global/AllUsers",
    f"{GROUPS}global/AuthenticatedUsers",
    f"{GROUPS}s3/LogDelivery",
)
GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP", "GrantWrite")

# What a canned ACL of a bucket grants beside its owner's full control.
CANNED: dict[str, list[tuple[str, str]]] = {
    "private": [],
    "public-read": [(EVERYBODY, "READ")],
    "public-read-write": [(EVERYBODY, "READ"), (EVERYBODY, "WRITE")],
    "authenticated-read": [(AUTHENTICATED, "READ")],
    "log-delivery-write": [(LOGS, "WRITE"), (LOGS, "READ_ACP")],
}
PUBLIC = {"public-read", "public-read-write", "authenticated-read"}
OWNERS = {
    "private",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "aws-exec-read",
}  # in one account: all the owner's

# What READ and WRITE on a bucket let somebody do.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#acl-access-policy-permission-mapping
ALLOWS = {
    "READ": (["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], ""),
    "WRITE": (["s3:PutObject"], "/*"),
}


def canonical_id(account: str) -> str:
    """The 64 hexadecimal digits by which access control lists name an account."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def owner(account: str) -> Document:
    return {"ID": canonical_id(account)}


def grants(account: str, canned: str) -> list[Document]:
    full = {"Grantee": {"Type": "CanonicalUser", **owner(account)}, "Permission": "FULL_CONTROL"}
    return [
        full,
        *({"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission} for uri, permission in CANNED[canned]),
    ]


def statements(settings: Settings, *, anonymous: bool) -> list[Document]:
    """What the bucket's ACL grants, as statements of a policy."""
    canned = (settings.get("acl") or {}).get("Canned", "private")
    if canned not in PUBLIC or settings.enforced or settings.block.get("IgnorePublicAcls"):
        return []
    found = []
    for group, permission in CANNED[canned]:
        if group == AUTHENTICATED and anonymous:
            continue
        actions, tail = ALLOWS[permission]
        resource = f"arn:aws:s3:::{settings.bucket}{tail}"
        found.append({"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": resource})
    return found


@operation("GetBucketAcl", inline=True)
def get(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request)
    settings = call.state.settings.of(bucket.name)
    canned = "private" if settings.enforced else (settings.get("acl") or {}).get("Canned", "private")
    return {"Owner": owner(bucket.account), "Grants": grants(bucket.account, canned)}


@operation("PutBucketAcl")
def put(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request)
    settings = call.state.settings.of(bucket.name)
    if settings.enforced:
        raise not_supported()
    canned = _asked(request, bucket.account)
    if canned not in CANNED:
        raise bad.argument("", "x-amz-acl", canned)
    _refuse_public(call, settings, canned, "s3:PutBucketAcl", f"arn:aws:s3:::{bucket.name}")
    keep.put(call.state, bucket.name, "acl", {"Canned": canned})
    return {}


def _asked(request: Document, account: str) -> str:
    """The canned ACL that is meant, also where it is written out, if it gives nobody but the owner anything."""
    if "ACL" in request:
        return str(request["ACL"])
    document = request.get("AccessControlPolicy")
    if document is None and not any(member in request for member in GRANTS):
        raise AWSError(
            "MissingSecurityHeader", "Your request was missing a required header", 400, MissingHeaderName="x-amz-acl"
        )
    if document is None or document.get("Grants", []) != grants(account, "private"):
        raise NotImplementedHere("Clary has canned access control lists only; use a bucket policy for other grants.")
    return "private"


def check_bucket(request: Document) -> None:
    """Whether CreateBucket may be given this ACL.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    ownership = request.get("ObjectOwnership", "BucketOwnerEnforced")
    canned = request.get("ACL", "private")
    given = canned != "private" or any(member in request for member in GRANTS)
    if given and ownership == "BucketOwnerEnforced":
        raise AWSError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
            400,
        )
    if any(member in request for member in GRANTS):
        raise NotImplementedHere("Clary has canned access control lists only; use a bucket policy for other grants.")
    if canned in PUBLIC:  # a new bucket blocks public ACLs until that is taken away
        raise AccessDenied(f"Public ACLs are blocked by the BlockPublicAcls block public access setting: {canned}")
    if canned not in CANNED:
        raise bad.argument("", "x-amz-acl", canned)


def check_object(call: Call[S3], settings: Settings, request: Document) -> None:
    """Whether an object may be given the ACL of this request: an ACL that is not the owner's alone is refused, as
    Clary has bucket policies for that.
    """
    canned, granted = request.get("ACL", ""), any(member in request for member in GRANTS)
    if settings.enforced:
        if granted or canned not in {"", "bucket-owner-full-control"}:
            raise not_supported()
        return
    _refuse_public(call, settings, canned, "s3:PutObjectAcl", f"arn:aws:s3:::{settings.bucket}/{request['Key']}")
    if granted or (canned and canned not in OWNERS):
        raise NotImplementedHere("Clary has no access control lists of objects; use a bucket policy for such grants.")


def _refuse_public(call: Call[S3], settings: Settings, canned: str, action: str, resource: str) -> None:
    if canned in PUBLIC and settings.block.get("BlockPublicAcls"):
        raise AccessDenied(
            f'User: {call.caller.arn} is not authorized to perform: {action} on resource: "{resource}" because public '
            "ACLs are blocked by the BlockPublicAcls block public access setting."
        )


def not_supported() -> AWSError:
    return AWSError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
