"""The settings that are kept as they came and answered back: a table, and four operations written once.

What Clary does with each is said in its line; what it keeps without acting upon it is in `unused`, which
docs/operations.md lists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clary.errors import AWSError, NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3.settings import bad, cors, keep, notification, rules, tags
from clary.services.s3.settings.acl import CANNED
from clary.services.s3.state import S3

Document = dict[str, Any]
Check = Callable[[Call[S3], Document, str], Document]
PAGE = 100  # configurations of one family in an answer


@dataclass(frozen=True, slots=True)
class Setting:
    """One family of operations: Put<noun>, Get<noun>, Delete<noun>, and for those with ids List<noun>s."""

    family: str  # as the request's query spells it
    noun: str
    missing: tuple[str, str] | None = None  # AWS's code and sentence where there is none; None: an empty answer
    check: Check = lambda _call, document, _bucket: document
    remover: str = ""  # the operation that deletes, if its name is irregular; "-" if there is none
    several: bool = False  # each has an id
    unused: tuple[str, ...] = ()  # what of the document is not acted upon


def _encryption(_call: Call[S3], document: Document, _bucket: str) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html"""
    if len(document.get("Rules", [])) != 1:
        raise bad.malformed()
    rule = document["Rules"][0]
    rule.setdefault("BucketKeyEnabled", False)
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    if default and default.get("SSEAlgorithm") not in {"AES256", "aws:kms", "aws:kms:dsse"}:
        raise bad.malformed()
    if default.get("SSEAlgorithm") == "AES256" and "KMSMasterKeyID" in default:
        raise bad.argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        )
    bad.header("KMSMasterKeyID", default.get("KMSMasterKeyID", ""))
    return document


def _ownership(call: Call[S3], document: Document, bucket: str) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html"""
    given = [rule.get("ObjectOwnership") for rule in document.get("Rules", [])]
    if len(given) != 1 or given[0] not in {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}:
        raise bad.malformed()
    canned = (call.state.settings.of(bucket).get("acl") or {}).get("Canned", "private")
    if given[0] == "BucketOwnerEnforced" and CANNED[canned]:
        raise AWSError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
            400,
        )
    return document


def _block(_call: Call[S3], document: Document, _bucket: str) -> Document:
    """What is not said is off."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return {name: bool(document.get(name, False)) for name in names}


def _status(_call: Call[S3], document: Document, _bucket: str) -> Document:
    if document.get("Status") not in {"Enabled", "Suspended"}:
        raise bad.malformed()
    return document


def _payer(_call: Call[S3], document: Document, _bucket: str) -> Document:
    if document.get("Payer") not in {"BucketOwner", "Requester"}:
        raise bad.malformed()
    return document


def _logging(call: Call[S3], document: Document, _bucket: str) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html"""
    if enabled := document.get("LoggingEnabled"):
        try:
            call.state.bucket(enabled.get("TargetBucket", ""))
        except AWSError as error:
            raise AWSError(
                "InvalidTargetBucketForLogging", "The target bucket for logging does not exist", 400
            ) from error
    return document


def _website(_call: Call[S3], document: Document, _bucket: str) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html"""
    if "RedirectAllRequestsTo" in document:
        if len(document) > 1:
            raise bad.argument("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.")
    elif not document.get("IndexDocument", {}).get("Suffix"):
        raise bad.argument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
    elif "/" in document["IndexDocument"]["Suffix"]:
        raise bad.argument("The IndexDocument Suffix is not well formed")
    return document


NO_SUCH = ("NoSuchConfiguration", "The specified configuration does not exist.")
SETTINGS = (
    Setting(
        "tagging",
        "BucketTagging",
        ("NoSuchTagSet", "The TagSet does not exist"),
        lambda _call, document, _bucket: tags.check(document),
    ),
    Setting(
        "cors",
        "BucketCors",
        ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        lambda _call, document, _bucket: cors.check(document),
    ),
    Setting(
        "lifecycle",
        "BucketLifecycleConfiguration",
        ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
        lambda _call, document, _bucket: rules.check(document),
        remover="DeleteBucketLifecycle",
        unused=(
            "LifecycleConfiguration.Rules[].Transitions",
            "LifecycleConfiguration.Rules[].NoncurrentVersionTransitions",
        ),
    ),
    Setting("notification", "BucketNotificationConfiguration", check=notification.check, remover="-"),
    Setting(
        "ownershipControls",
        "BucketOwnershipControls",
        ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
        _ownership,
    ),
    Setting(
        "publicAccessBlock",
        "PublicAccessBlock",
        ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
        _block,
    ),
    Setting("encryption", "BucketEncryption", None, _encryption, unused=("ServerSideEncryptionConfiguration",)),
    Setting(
        "website",
        "BucketWebsite",
        ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
        _website,
        unused=("WebsiteConfiguration",),
    ),
    Setting("logging", "BucketLogging", None, _logging, "-", unused=("BucketLoggingStatus",)),
    Setting("requestPayment", "BucketRequestPayment", None, _payer, "-", unused=("RequestPaymentConfiguration",)),
    Setting("accelerate", "BucketAccelerateConfiguration", None, _status, "-", unused=("AccelerateConfiguration",)),
    Setting("inventory", "BucketInventoryConfiguration", NO_SUCH, several=True, unused=("InventoryConfiguration",)),
    Setting("analytics", "BucketAnalyticsConfiguration", NO_SUCH, several=True, unused=("AnalyticsConfiguration",)),
    Setting("metrics", "BucketMetricsConfiguration", NO_SUCH, several=True, unused=("MetricsConfiguration",)),
    Setting(
        "intelligent-tiering",
        "BucketIntelligentTieringConfiguration",
        NO_SUCH,
        several=True,
        unused=("IntelligentTieringConfiguration",),
    ),
)
PUTS = {f"Put{setting.noun}": setting for setting in SETTINGS}
GETS = {f"Get{setting.noun}": setting for setting in SETTINGS}
DELETES = {setting.remover or f"Delete{setting.noun}": setting for setting in SETTINGS if setting.remover != "-"}
LISTS = {f"List{setting.noun}s": setting for setting in SETTINGS if setting.several}
UNUSED = {f"Put{setting.noun}": set(setting.unused) for setting in SETTINGS if setting.unused}

# Kept by nobody, as to keep them and do nothing would be a promise broken.
REFUSED = {
    "PutBucketReplication": "Clary does not replicate buckets.",
    "PutObjectLockConfiguration": "Clary does not lock objects.",
}
NEVER = {
    "GetBucketReplication": ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    "GetObjectLockConfiguration": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
}
LOCKS = ("GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold", "PutObjectLegalHold")


def each(names: "dict[str, Any] | tuple[str, ...]", *, inline: bool = False) -> Callable[[Any], Any]:
    """Marks one function as all these operations."""

    def mark(function: Any) -> Any:
        for name in names:
            function = operation(name, inline=inline)(function)
        return function

    return mark


@each(PUTS)
def put(call: Call[S3], request: Document) -> Document:
    setting, bucket = PUTS[call.operation.name], call.state.bucket_of(request).name
    document = request.get(str(call.operation.input_shape.serialization["payload"]))
    if document is None:
        raise AWSError("MissingRequestBodyError", "Request Body is empty", 400)
    name = request["Id"] if setting.several else ""
    if setting.several and document.get("Id") != name:
        raise bad.malformed()
    document = setting.check(call, document, bucket)
    result: Document = {}
    if setting.family == "lifecycle":
        result["TransitionDefaultMinimumObjectSize"] = rules.default_size(request)
        document = {**document, **result}
    keep.put(call.state, bucket, setting.family, document, name)
    return result


@each(GETS, inline=True)
def get(call: Call[S3], request: Document) -> Document:
    setting, bucket = GETS[call.operation.name], call.state.bucket_of(request).name
    document = call.state.settings.of(bucket).get(setting.family, request["Id"] if setting.several else "")
    if document is None:
        if setting.missing is not None:
            raise bad.missing(*setting.missing, bucket)
        return {}
    payload = call.operation.output_shape.serialization.get("payload")
    return {payload: document} if payload else document


@each(DELETES)
def delete(call: Call[S3], request: Document) -> Document:
    setting, bucket = DELETES[call.operation.name], call.state.bucket_of(request).name
    if setting.several:
        if call.state.settings.of(bucket).get(setting.family, request["Id"]) is None:
            raise bad.missing(*NO_SUCH, bucket)
        keep.delete(call.state, bucket, setting.family, request["Id"])
    elif setting.family in {"publicAccessBlock", "ownershipControls"}:
        keep.put(call.state, bucket, setting.family, None)  # there is one by default: it has to be known as gone
    else:
        keep.delete(call.state, bucket, setting.family)
    return {}


@each(LISTS, inline=True)
def list_(call: Call[S3], request: Document) -> Document:
    setting, bucket = LISTS[call.operation.name], call.state.bucket_of(request).name
    start = request.get("ContinuationToken", "")
    left = [document for document in call.state.settings.of(bucket).all(setting.family) if document["Id"] > start]
    member = next(name for name in call.operation.output_shape.members if name.endswith("ConfigurationList"))
    result: Document = {"IsTruncated": len(left) > PAGE}
    if left:
        result[member] = left[:PAGE]
    if start:
        result["ContinuationToken"] = start
    if len(left) > PAGE:
        result["NextContinuationToken"] = left[PAGE - 1]["Id"]
    return result


@each(tuple(REFUSED))
def refuse(call: Call[S3], request: Document) -> Document:
    call.state.bucket_of(request)
    raise NotImplementedHere(REFUSED[call.operation.name])


@each(NEVER, inline=True)
def never(call: Call[S3], request: Document) -> Document:
    raise bad.missing(*NEVER[call.operation.name], call.state.bucket_of(request).name)


@operation("DeleteBucketReplication")
def delete_replication(call: Call[S3], request: Document) -> Document:
    """There is none, and AWS answers the same where there is none."""
    call.state.bucket_of(request)
    return {}


@each(LOCKS, inline=True)
def locks(call: Call[S3], request: Document) -> Document:
    """What AWS says of every object in a bucket without Object Lock.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """
    call.state.bucket_of(request)
    raise bad.request("Bucket is missing Object Lock Configuration")
