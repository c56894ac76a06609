"""PutObject, and what every way to write an object has in common."""

from typing import Any

import orjson

from clary.errors import NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import Later, operation
from clary.services.s3 import conditions, head, names, rows
from clary.services.s3.intake import Intake, length
from clary.services.s3.settings import acl, notification, rules
from clary.services.s3.state import S3, Bucket, result_of
from clary.wire.message import Response

Document = dict[str, Any]


def open_put(call: Call[S3], request: Document) -> Intake:
    """The sink of a PutObject; says no before the body comes where it can."""
    state = call.state
    bucket = state.bucket_of(request)
    names.check_key(request["Key"])
    if "WriteOffsetBytes" in request:
        raise NotImplementedHere("Clary cannot append to objects (WriteOffsetBytes), as only directory buckets can.")
    acl.check_object(call, state.settings.of(bucket.name), request)
    return Intake(state, call.request.headers, length(call.request.headers))


@operation("PutObject", sink=open_put, inline=True)
def put(call: Call[S3], request: Document) -> Later:
    intake: Intake = request["Body"]
    state = call.state
    bucket = state.bucket_of(request)
    made = head.make(request, state.settings.of(bucket.name))
    tags = head.tags_of(request.get("Tagging"))
    condition = conditions.for_write(request, request["Key"])
    intake.finish()
    made["checksum"] = [intake.algorithm, intake.checksum, "FULL_OBJECT"]
    new = rows.New(intake.blob, intake.size, intake.etag, float(int(state.clock())), orjson.dumps(made), tags)
    future = state.submit(
        lambda connection: rows.put(connection, bucket.name, request["Key"], new, condition), blob=new.blob
    )

    def finish() -> Response:
        change = result_of(future)
        intake.take()
        event = "Post" if call.request.method == "POST" else "Put"  # a form of a browser, or a PutObject
        after(call, bucket, request["Key"], new, change, event=event)
        headers = {"etag": f'"{intake.etag}"', "x-amz-request-id": call.id, **head.answer(made)}
        if told := version_of(change):
            headers["x-amz-version-id"] = told["VersionId"]
        if told := expiration(state, bucket, request["Key"], new):
            headers["x-amz-expiration"] = told["Expiration"]
        return Response(200, headers)

    return Later(future, finish)


def after(call: Call[S3], bucket: Bucket, key: str, new: rows.New, change: rows.Change, *, event: str) -> None:
    """What follows once a write is committed: the old bytes go, and others hear of the new ones."""
    call.state.blobs.delete(change.doomed)
    notification.notify(
        call.state,
        bucket.name,
        f"s3:ObjectCreated:{event}",
        key=key,
        size=new.size,
        etag=new.etag,
        version_id=change.version,
        sequencer=f"{change.seq:018X}",
        call=call,
    )


def version_of(change: rows.Change) -> Document:
    """The id of the new version, as answers tell it; the null version is not told."""
    return {"VersionId": change.version} if change.version not in {None, names.NULL} else {}


def expiration(state: S3, bucket: Bucket, key: str, new: rows.New) -> Document:
    """When the lifecycle will remove the new object, as answers tell it."""
    settings = state.settings.of(bucket.name)
    if settings.get("lifecycle") is None:
        return {}
    tags = orjson.loads(new.tags) if new.tags else {}
    told = rules.expiration(settings, key, new.size, tags, new.modified)
    return {"Expiration": told} if told else {}
