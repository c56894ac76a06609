"""Tags of objects, and what objects have none of: ACLs of their own, archives.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError, NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import names, rows
from clary.services.s3.head import tags_json
from clary.services.s3.reading import no_such_version
from clary.services.s3.rows import SQL
from clary.services.s3.settings import acl, notification, permissions
from clary.services.s3.state import S3, Bucket

Document = dict[str, Any]


def existing(call: Call[S3], request: Document) -> tuple[Bucket, sqlite3.Row]:
    """The row that a request names. Raises NoSuchKey, NoSuchVersion and MethodNotAllowed (a delete marker)."""
    bucket = call.state.bucket_of(request)
    key, version = request["Key"], request.get("VersionId")
    row = rows.find(call.state.store.read(), bucket.name, key, version)
    if row is None:
        error = permissions.missing(call, bucket.name, key)
        if version is not None and error.code("s3") == "NoSuchKey":
            raise no_such_version(key, version)
        raise error
    if not row["etag"]:
        raise AWSError(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            405,
            Method=call.request.method,
            ResourceType="DeleteMarker",
        )
    return bucket, row


def _version(bucket: Bucket, row: sqlite3.Row) -> Document:
    return {"VersionId": row["version"] or names.NULL} if bucket.versioning else {}


@operation("GetObjectTagging", inline=True)
def get_tags(call: Call[S3], request: Document) -> Document:
    bucket, row = existing(call, request)
    tags = orjson.loads(row["tags"]) if row["tags"] else {}
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]} | _version(bucket, row)


@operation("PutObjectTagging")
def put_tags(call: Call[S3], request: Document) -> Document:
    return _change(call, request, tags_json(request["Tagging"].get("TagSet", [])), "s3:ObjectTagging:Put")


@operation("DeleteObjectTagging")
def delete_tags(call: Call[S3], request: Document) -> Document:
    return _change(call, request, None, "s3:ObjectTagging:Delete")


def _change(call: Call[S3], request: Document, tags: str | None, event: str) -> Document:
    bucket, row = existing(call, request)
    key = request["Key"]

    def work(connection: sqlite3.Connection) -> int:
        where = (bucket.name, key, row["seq"], tags)
        done = connection.execute(SQL["object_tags"], where).rowcount
        return done or connection.execute(SQL["version_tags"], where).rowcount

    if not call.state.write(work):
        raise permissions.missing(call, bucket.name, key)  # deleted meanwhile
    version = _version(bucket, row)
    notification.notify(
        call.state, bucket.name, event, key=key, etag=row["etag"], version_id=version.get("VersionId"), call=call
    )
    return version


@operation("GetObjectAcl", inline=True)
def get_acl(call: Call[S3], request: Document) -> Document:
    """The owner has it all, and nobody else has anything: other grants are refused when they are asked for."""
    bucket, _row = existing(call, request)
    return {"Owner": acl.owner(bucket.account), "Grants": acl.grants(bucket.account, "private")}


@operation("PutObjectAcl")
def put_acl(call: Call[S3], request: Document) -> Document:
    bucket, _row = existing(call, request)
    settings = call.state.settings.of(bucket.name)
    if settings.enforced:
        raise acl.not_supported()
    acl.check_object(call, settings, request)
    if "AccessControlPolicy" in request:
        grants = request["AccessControlPolicy"].get("Grants", [])
        if grants != acl.grants(bucket.account, "private"):
            raise NotImplementedHere("Clary has no access control lists of objects; use a bucket policy instead.")
    return {}


@operation("RestoreObject")
def restore(call: Call[S3], request: Document) -> Document:
    """Nothing is ever archived, so there is nothing to restore.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
    """
    existing(call, request)
    raise AWSError("InvalidObjectState", "Restore is not allowed for the object's current storage class", 403)
