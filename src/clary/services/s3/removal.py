"""DeleteObject and DeleteObjects."""

from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.s3 import checksums, conditions, rows
from clary.services.s3.settings import bad, notification, permissions
from clary.services.s3.state import S3, Bucket

Document = dict[str, Any]

MOST = 1000  # keys in one DeleteObjects


@operation("DeleteObject")
def delete(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request)
    key, version = request["Key"], request.get("VersionId")
    condition = conditions.for_delete(request)
    now = float(int(call.state.clock()))

    def work(connection: Any) -> rows.Change:
        if version is None:
            return rows.delete(connection, bucket.name, key, now, condition)
        return rows.delete_version(connection, bucket.name, key, version, condition)

    change = call.state.write(work)
    after(call.state, bucket, key, version, change, call=call)
    result: Document = {}
    if change.version is not None:
        result["VersionId"] = change.version
    if change.marker:
        result["DeleteMarker"] = True
    return result


def after(
    state: S3,
    bucket: Bucket,
    key: str,
    version: str | None,
    change: rows.Change,
    *,
    call: Call[S3] | None = None,
    kind: str = "ObjectRemoved",
) -> None:
    """What follows once a delete is committed. The lifecycle's `kind` is LifecycleExpiration."""
    state.blobs.delete(change.doomed)
    if change.found:
        made_marker = change.marker and version is None
        notification.notify(
            state,
            bucket.name,
            f"s3:{kind}:{'DeleteMarkerCreated' if made_marker else 'Delete'}",
            key=key,
            version_id=change.version,
            sequencer=f"{change.seq:018X}",
            call=call,
        )


@operation("DeleteObjects")
def delete_many(call: Call[S3], request: Document) -> Document:
    bucket = call.state.bucket_of(request)
    if not checksums.check(call.request.headers, call.request.body):
        raise AWSError("InvalidRequest", "Missing required header for this request: Content-MD5", 400)
    wanted = request["Delete"].get("Objects", [])
    if not 1 <= len(wanted) <= MOST:
        raise bad.malformed()
    now = float(int(call.state.clock()))
    deleted: list[Document] = []
    errors: list[Document] = []
    todo: list[Document] = []
    for item in wanted:
        try:
            permissions.check_version(item.get("VersionId"))
            permissions.check_delete(call, bucket.name, item["Key"], item.get("VersionId"))
        except AWSError as error:
            errors.append(_error(item, error))
        else:
            todo.append(item)

    def work(connection: Any) -> list[rows.Change | AWSError]:
        return [_delete_one(connection, bucket.name, item, now) for item in todo]

    for item, change in zip(todo, call.state.write(work) if todo else [], strict=True):
        if isinstance(change, AWSError):
            errors.append(_error(item, change))
            continue
        after(call.state, bucket, item["Key"], item.get("VersionId"), change, call=call)
        deleted.append(_deleted(item, change))
    result: Document = {"Errors": errors} if errors else {}
    if not request["Delete"].get("Quiet"):
        result["Deleted"] = deleted
    return result


def _delete_one(connection: Any, bucket: str, item: Document, now: float) -> rows.Change | AWSError:
    """An error of one key is an entry of the answer, and the others go on: nothing was written for it."""
    try:
        condition = conditions.for_delete(item)
        if (version := item.get("VersionId")) is None:
            return rows.delete(connection, bucket, item["Key"], now, condition)
        return rows.delete_version(connection, bucket, item["Key"], version, condition)
    except AWSError as error:
        if error.code("s3") == "NoSuchBucket":
            raise
        return error


def _deleted(item: Document, change: rows.Change) -> Document:
    entry: Document = {"Key": item["Key"]}
    if "VersionId" in item:
        entry["VersionId"] = item["VersionId"]
    if change.marker:
        entry["DeleteMarker"] = True
        entry["DeleteMarkerVersionId"] = change.version
    return entry


def _error(item: Document, error: AWSError) -> Document:
    entry = {"Key": item["Key"], "Code": error.code("s3"), "Message": error.message}
    return entry | ({"VersionId": item["VersionId"]} if "VersionId" in item else {})
