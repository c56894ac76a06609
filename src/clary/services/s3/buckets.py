"""Buckets themselves: made, listed, looked at, deleted; and whether they keep versions."""

import base64
import sqlite3
from typing import Any

from clary.errors import AccessDenied, AWSError, NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import names
from clary.services.s3.rows import SQL
from clary.services.s3.settings import acl, bad, book
from clary.services.s3.state import S3, no_such_bucket

Document = dict[str, Any]

FIRST_REGION = "us-east-1"  # S3's own: where a bucket without a location constraint lies


@operation("CreateBucket")
def create(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
    state, name = call.state, request["Bucket"]
    if call.caller.kind == "anonymous":
        raise AccessDenied
    names.check_bucket(name)
    acl.check_bucket(request)
    if request.get("ObjectLockEnabledForBucket"):
        raise NotImplementedHere("Clary does not have Object Lock: a bucket cannot be created with it.")
    if request.get("BucketNamespace", "global") != "global":
        raise NotImplementedHere("Clary has the global namespace of buckets only (BucketNamespace).")
    region = _region(call, request)
    now = float(int(state.clock()))

    def work(connection: sqlite3.Connection) -> bool:
        row = connection.execute("SELECT account, region FROM bucket WHERE name = ?", (name,)).fetchone()
        if row is None:
            connection.execute(SQL["bucket_add"], (name, call.account, region, now))
            book.create(connection, name, request, now)
            return True
        if row["account"] != call.account:
            raise _taken(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the "
                "system. Please select a different name and try again.",
                name,
            )
        if row["region"] != FIRST_REGION or region != FIRST_REGION:
            raise _taken(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
                name,
            )
        return False  # in us-east-1, and only there, a bucket can be created again

    if state.write(work):
        state.forget(name)
        state.settings.forget(name)
    location = f"/{name}" if region == FIRST_REGION else f"http://{name}.s3.amazonaws.com/"
    return {"Location": location, "BucketArn": f"arn:aws:s3:::{name}"}


def _region(call: Call[S3], request: Document) -> str:
    """Where the bucket is to lie: the constraint must be that of the region that the request was sent to.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    """
    configuration = request.get("CreateBucketConfiguration") or {}
    constraint = configuration.get("LocationConstraint", "")
    if configuration.get("Bucket") or configuration.get("Location"):
        raise NotImplementedHere("Clary does not have directory buckets.")
    if constraint == FIRST_REGION:
        raise AWSError(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            400,
            LocationConstraint=constraint,
        )
    region = "eu-west-1" if constraint == "EU" else constraint or FIRST_REGION
    if call.region not in (FIRST_REGION, region):
        raise AWSError(
            "IllegalLocationConstraintException",
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
            400,
        )
    return region


def _taken(code: str, message: str, name: str) -> AWSError:
    return AWSError(code, message, 409, BucketName=name)


@operation("DeleteBucket")
def delete(call: Call[S3], request: Document) -> Document:
    state, name = call.state, call.state.bucket_of(request).name

    def work(connection: sqlite3.Connection) -> list[int]:
        full = connection.execute(SQL["bucket_full"], {"bucket": name}).fetchone()
        if full["objects"] or full["versions"]:
            more = " You must delete all versions in the bucket." if full["versions"] else ""
            raise _taken("BucketNotEmpty", f"The bucket you tried to delete is not empty.{more}", name)
        if not connection.execute(SQL["bucket_delete"], (name,)).rowcount:
            raise no_such_bucket(name)
        book.delete_all(connection, name)
        doomed: set[int] = set()
        for upload in connection.execute(SQL["uploads_delete"], (name,)).fetchall():
            doomed.add(upload["blob"])
            doomed.update(row["blob"] for row in connection.execute(SQL["parts_delete"], (upload["id"],)).fetchall())
        return list(doomed)

    doomed = state.write(work)
    state.forget(name)
    state.settings.forget(name)
    state.blobs.delete(doomed)
    return {}


@operation("HeadBucket", inline=True)
def head(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request)
    return {"BucketRegion": bucket.region, "AccessPointAlias": False, "BucketArn": f"arn:aws:s3:::{bucket.name}"}


@operation("GetBucketLocation", inline=True)
def location(call: Call[S3], request: Document) -> Document:
    """No constraint stands for us-east-1.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    """
    region = call.state.bucket_of(request).region
    return {} if region == FIRST_REGION else {"LocationConstraint": region}


@operation("ListBuckets", inline=True)
def list_all(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html"""
    if call.caller.kind == "anonymous":
        raise AccessDenied
    most = request.get("MaxBuckets", 10_000)
    if not 1 <= most <= 10_000:
        raise bad.argument("Argument max-buckets must be an integer between 1 and 10000.", "max-buckets", most)
    prefix, region = request.get("Prefix", ""), request.get("BucketRegion")
    after = _read_token(request["ContinuationToken"]) if request.get("ContinuationToken") else ""
    found: list[Document] = []
    limit = {"account": call.account, "after": after, "prefix": prefix, "limit": -1}
    for row in call.state.store.read().execute(SQL["buckets"], limit):
        if not row["name"].startswith(prefix):
            break
        if region and row["region"] != region:
            continue
        if len(found) == most:
            token = base64.urlsafe_b64encode(found[-1]["Name"].encode()).decode()
            return _page(call, found, prefix) | {"ContinuationToken": token}
        found.append(
            {
                "Name": row["name"],
                "CreationDate": row["created"],
                "BucketRegion": row["region"],
                "BucketArn": f"arn:aws:s3:::{row['name']}",
            }
        )
    return _page(call, found, prefix)


def _page(call: Call[S3], buckets: list[Document], prefix: str) -> Document:
    return {"Buckets": buckets, "Owner": acl.owner(call.account)} | ({"Prefix": prefix} if prefix else {})


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise bad.argument("The continuation token provided is incorrect", "continuation-token") from None


@operation("GetBucketVersioning", inline=True)
def versioning(call: Call[S3], request: Document) -> Document:
    status = call.state.bucket_of(request).versioning
    return {"Status": status} if status else {}


@operation("PutBucketVersioning")
def put_versioning(call: Call[S3], request: Document) -> Document:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html"""
    bucket = call.state.bucket_of(request)
    wanted = request["VersioningConfiguration"]
    if wanted.get("MFADelete") == "Enabled":
        raise NotImplementedHere("Clary does not have MFA delete.")
    if (status := wanted.get("Status", "")) not in {"Enabled", "Suspended"}:
        raise AWSError(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
            400,
        )
    call.state.write(lambda connection: connection.execute(SQL["bucket_versioning"], (status, bucket.name)))
    call.state.forget(bucket.name)
    return {}
