"""What each operation asks of IAM: which action, on which bucket or object, under which condition keys.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Callable
from urllib.parse import unquote

from clary.errors import AccessDenied, AWSError
from clary.resource.call import Call, Permission
from clary.services.s3.settings import bad, policy
from clary.services.s3.settings.context import Conditions, Document
from clary.services.s3.state import S3

Ask = Callable[[Call[S3], Document], list[Permission]]
Where = tuple[str, str, str | None]  # bucket, key, version

# Operations on a bucket that ask for one action with no conditions of their own.
BUCKET = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "HeadBucket": "ListBucket",
    "GetBucketLocation": "GetBucketLocation",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketAcl": "GetBucketAcl",
    "PutBucketAcl": "PutBucketAcl",
    "GetBucketVersioning": "GetBucketVersioning",
    "PutBucketVersioning": "PutBucketVersioning",
    "GetBucketTagging": "GetBucketTagging",
    "PutBucketTagging": "PutBucketTagging",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketWebsite": "GetBucketWebsite",
    "PutBucketWebsite": "PutBucketWebsite",
    "DeleteBucketWebsite": "DeleteBucketWebsite",
    "GetBucketPolicy": "GetBucketPolicy",
    "PutBucketPolicy": "PutBucketPolicy",
    "DeleteBucketPolicy": "DeleteBucketPolicy",
    "GetBucketPolicyStatus": "GetBucketPolicyStatus",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketOwnershipControls": "GetBucketOwnershipControls",
    "PutBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketLogging": "GetBucketLogging",
    "PutBucketLogging": "PutBucketLogging",
    "GetBucketRequestPayment": "GetBucketRequestPayment",
    "PutBucketRequestPayment": "PutBucketRequestPayment",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    **{
        operation: f"{verb}{noun}Configuration"
        for noun in ("Inventory", "Analytics", "Metrics", "IntelligentTiering")
        for operation, verb in (
            (f"GetBucket{noun}Configuration", "Get"),
            (f"ListBucket{noun}Configurations", "Get"),
            (f"PutBucket{noun}Configuration", "Put"),
            (f"DeleteBucket{noun}Configuration", "Put"),
        )
    },
}

# Operations on an object that is there: the action, and the one asked for instead when a version is named.
EXISTING = {
    "GetObject": ("GetObject", "GetObjectVersion"),
    "HeadObject": ("GetObject", "GetObjectVersion"),
    "SelectObjectContent": ("GetObject", "GetObjectVersion"),
    "GetObjectTagging": ("GetObjectTagging", "GetObjectVersionTagging"),
    "DeleteObjectTagging": ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "PutObjectTagging": ("PutObjectTagging", "PutObjectVersionTagging"),
    "GetObjectAcl": ("GetObjectAcl", "GetObjectVersionAcl"),
    "PutObjectAcl": ("PutObjectAcl", "PutObjectVersionAcl"),
    "DeleteObject": ("DeleteObject", "DeleteObjectVersion"),
    "RestoreObject": ("RestoreObject", "RestoreObject"),
    "GetObjectRetention": ("GetObjectRetention", "GetObjectRetention"),
    "PutObjectRetention": ("PutObjectRetention", "PutObjectRetention"),
    "GetObjectLegalHold": ("GetObjectLegalHold", "GetObjectLegalHold"),
    "PutObjectLegalHold": ("PutObjectLegalHold", "PutObjectLegalHold"),
}

# Operations that write an object, or a part of one.
WRITING = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
GRANTS = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP", "GrantWrite")


def permissions(call: Call[S3], request: Document) -> list[Permission]:
    """Service.permissions of S3. Raises NoSuchBucket, which AWS tells everybody, AccessDenied where the bucket's owner
    is not the expected one, and InvalidArgument for an empty version id.
    """
    name = call.operation.name
    check_version(request.get("VersionId"))
    if name not in {"ListBuckets", "CreateBucket"}:
        call.state.bucket_of(request)
    return ASK[name](call, request)


def check_version(version: str | None) -> None:
    """An empty id would be no version to some who look and the null version to others. Raises InvalidArgument."""
    if version == "":
        raise bad.argument("Version id cannot be the empty string", "versionId", "")


def check_delete(call: Call[S3], bucket: str, key: str, version: str | None = None) -> None:
    """Whether the caller of DeleteObjects may delete this one. Raises AccessDenied, an error for the key, not the call,
    without the reason.
    """
    named = {} if version is None else {"VersionId": version}
    try:
        call.authorize(on_existing(call, (bucket, key, version), EXISTING["DeleteObject"], named))
    except AccessDenied as error:
        raise AccessDenied from error


def missing(call: Call[S3], bucket: str, key: str) -> AWSError:
    """The answer for a key that is not there: whoever may not list the bucket does not get to know.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
    """
    try:
        call.authorize(on_bucket(call, bucket, "ListBucket", {}))
    except AccessDenied as denied:
        return denied
    return AWSError("NoSuchKey", "The specified key does not exist.", 404, Key=key)


def on_bucket(call: Call[S3], bucket: str, action: str, request: Document) -> Permission:
    return _permission(call, bucket, f"arn:aws:s3:::{bucket}", action, Conditions(call, request))


def on_object(call: Call[S3], where: Where, action: str, request: Document) -> Permission:
    bucket, key, _ = where
    return _permission(call, bucket, f"arn:aws:s3:::{bucket}/{key}", action, Conditions(call, request))


def on_existing(call: Call[S3], where: Where, actions: tuple[str, str], request: Document) -> Permission:
    """As `on_object`, with the tags that the object has. `actions`: for the current version and for a named one."""
    bucket, key, version = where
    context = Conditions(call, request, where)
    return _permission(call, bucket, f"arn:aws:s3:::{bucket}/{key}", actions[0 if version is None else 1], context)


def _permission(call: Call[S3], bucket: str, resource: str, action: str, context: Conditions) -> Permission:
    """The account is named only to callers of another one: to know that it is the caller's own costs IAM time."""
    account = "" if call.caller.account == call.account else call.account
    document = policy.effective(call.state.settings.of(bucket), call.caller, call.account)
    return Permission(f"s3:{action}", resource, context, document, account)


def source(text: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of an x-amz-copy-source. Raises InvalidArgument.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html#AmazonS3-CopyObject-request-header-CopySource
    """
    path, named, query = text.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise bad.argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", text
        )
    version = unquote(query) if named else None
    check_version(version)
    return bucket, key, version


def _bucket(action: str) -> Ask:
    return lambda call, request: [on_bucket(call, request["Bucket"], action, request)]


def _where(request: Document) -> Where:
    return request["Bucket"], request["Key"], request.get("VersionId")


def _existing(*actions: str) -> Ask:
    one, other = actions
    return lambda call, request: [on_existing(call, _where(request), (one, other), request)]


def _writing(call: Call[S3], request: Document) -> list[Permission]:
    return [on_object(call, _where(request), action, request) for action in written(request)]


def written(request: Document) -> list[str]:
    """The actions that writing an object asks for, by the members that it is given."""
    actions = ["PutObject"]
    if request.get("Tagging"):
        actions.append("PutObjectTagging")
    if any(member in request for member in GRANTS):
        actions.append("PutObjectAcl")
    if "ObjectLockMode" in request or "ObjectLockRetainUntilDate" in request:
        actions.append("PutObjectRetention")
    if "ObjectLockLegalHoldStatus" in request:
        actions.append("PutObjectLegalHold")
    return actions


def _copy(call: Call[S3], request: Document) -> list[Permission]:
    """Tags that come along are got, and put.
    https://aws.amazon.com/premiumsupport/knowledge-center/s3-troubleshoot-copy-between-buckets/
    """
    where = source(request["CopySource"])
    call.state.bucket(where[0], request.get("ExpectedSourceBucketOwner"))
    named = {} if where[2] is None else {"VersionId": where[2]}
    asked = [on_existing(call, where, EXISTING["GetObject"], named)]
    if call.operation.name == "CopyObject" and request.get("TaggingDirective", "COPY") == "COPY":
        context = asked[0].context
        assert isinstance(context, Conditions)
        if context.tags():
            asked.append(on_existing(call, where, EXISTING["GetObjectTagging"], named))
            asked.append(on_object(call, _where(request), "PutObjectTagging", request))
    return asked + _writing(call, request)


def _attributes(call: Call[S3], request: Document) -> list[Permission]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html"""
    both = (EXISTING["GetObject"], ("GetObjectAttributes", "GetObjectVersionAttributes"))
    return [on_existing(call, _where(request), actions, request) for actions in both]


def _create(call: Call[S3], request: Document) -> list[Permission]:
    """There is no bucket yet, so no policy of its own."""
    actions = ["CreateBucket"]
    if any(member in request for member in GRANTS):
        actions.append("PutBucketAcl")
    if "ObjectOwnership" in request:
        actions.append("PutBucketOwnershipControls")
    if request.get("ObjectLockEnabledForBucket"):
        actions += ["PutBucketObjectLockConfiguration", "PutBucketVersioning"]
    if request.get("CreateBucketConfiguration", {}).get("Tags"):
        actions.append("TagResource")
    context, arn = Conditions(call, request), f"arn:aws:s3:::{request['Bucket']}"
    return [Permission(f"s3:{action}", arn, context) for action in actions]


def _upload(action: str) -> Ask:
    return lambda call, request: [on_object(call, _where(request), action, request)]


def _all_buckets(call: Call[S3], request: Document) -> list[Permission]:
    return [Permission("s3:ListAllMyBuckets", "arn:aws:s3:::*", Conditions(call, request))]


ASK: dict[str, Ask] = {
    **{operation: _bucket(action) for operation, action in BUCKET.items()},
    **{operation: _existing(*actions) for operation, actions in EXISTING.items()},
    **dict.fromkeys(WRITING, _writing),
    "ListBuckets": _all_buckets,
    "CreateBucket": _create,
    "CopyObject": _copy,
    "UploadPartCopy": _copy,
    "GetObjectAttributes": _attributes,
    "AbortMultipartUpload": _upload("AbortMultipartUpload"),
    "ListParts": _upload("ListMultipartUploadParts"),
    "DeleteObjects": lambda _call, _request: [],  # each key asks for itself: check_delete
}
