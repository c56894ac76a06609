"""S3 as a service: what it is made of, and what it does at its start, now and then, and at its end."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from clary.resource.call import Call, Platform
from clary.resource.service import Document, Later, Operation, Raw, Result, Service, collect
from clary.services.s3 import (
    attributes,
    buckets,
    checksums,
    completion,
    copying,
    lists,
    multipart,
    reading,
    removal,
    tagging,
    uploads,
    writing,
)
from clary.services.s3.blobs import Folder
from clary.services.s3.place import Places
from clary.services.s3.rows import SQL
from clary.services.s3.settings import hooks, permissions
from clary.services.s3.settings.book import Book
from clary.services.s3.settings.postform import Find
from clary.services.s3.state import S3
from clary.wire.message import Request

log = logging.getLogger(__name__)
Files = Callable[[S3], Callable[[Request], Raw | None]]

MODULES = (buckets, reading, writing, removal, copying, lists, multipart, completion, uploads, tagging, attributes)
REMEMBERED = 7 * 86400  # seconds for which a finished upload answers once more


def build(platform: Platform, find: Find, *others: str, files: Files | None = None) -> Service:
    """`find` gives credentials by access key id and token: browsers' forms bring a signature of their own. `others` are
    statements for the blobs that other services have in this folder. `files` makes what takes the requests of the file
    system (webhdfs/) out.
    """
    blobs = Folder(platform.config.home / "blobs")
    settings = Book(platform.store)
    places = Places(platform.store, blobs)
    state = S3(platform.store, blobs, platform.bus, platform.clock, platform.config, settings, places)
    operations = {name: _verified(operation) for name, operation in collect([*MODULES, *hooks.MODULES]).items()}
    forms, folders = hooks.raw(platform, state, find, operations["PutObject"]), files(state) if files else None
    sweeper = threading.Thread(target=_sweep, args=(state, blobs, others), name="s3-sweep", daemon=True)
    sweeper.start()

    def tick() -> None:
        hooks.tick(state)
        before = state.clock() - REMEMBERED
        oldest = state.store.read().execute(SQL["completed_oldest"]).fetchone()["at"]
        if oldest is not None and oldest < before:
            state.write(lambda connection: connection.execute(SQL["completed_forget"], (before,)))

    def close() -> None:
        sweeper.join()
        blobs.close()

    return Service(
        "s3",
        operations,
        state,
        permissions.permissions,
        anonymous=True,
        raw=forms if folders is None else lambda request: folders(request) or forms(request),
        finish=hooks.finish,
        tick=tick,
        close=close,
        unused=hooks.UNUSED | UNUSED,
    )


def _verified(operation: Operation) -> Operation:
    """A body that is read whole is what its client says it is. Raises BadDigest, InvalidDigest and InvalidRequest.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    if operation.sink is not None:  # it checks for itself, while the body comes
        return operation

    def handle(call: Call[S3], request: Document) -> Result | Later:
        if call.request.body and "requestAlgorithmMember" in call.operation.http_checksum:  # else they are of an object
            checksums.check(call.request.headers, call.request.body)
        return operation.handle(call, request)

    return replace(operation, handle=handle)


def _sweep(state: S3, blobs: Folder, others: tuple[str, ...]) -> None:
    """Blobs that a crash left without a row."""
    connection = state.store.read()
    try:
        gone = blobs.sweep(row[0] for query in (SQL["blobs"], *others) for row in connection.execute(query))
    except OSError:
        log.exception("orphaned blobs could not be swept; the next start tries again")
        return
    if gone:
        log.info("swept %d blobs that a crash had left behind", gone)


_ENCRYPTION = {"SSEKMSEncryptionContext", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled", "SSECustomerKey"}
_WRITING = _ENCRYPTION | {"StorageClass", "RequestPayer", "WebsiteRedirectLocation"}
UNUSED = {  # accepted and, where S3 does, told again, but nothing is done with it: the disk is not encrypted by us
    "PutObject": _WRITING,
    "CopyObject": _WRITING | {"CopySourceSSECustomerKey"},
    "CreateMultipartUpload": _WRITING,
    "UploadPart": {"SSECustomerKey", "RequestPayer"},
    "UploadPartCopy": {"SSECustomerKey", "CopySourceSSECustomerKey", "RequestPayer"},
    "CompleteMultipartUpload": {"RequestPayer"},
    "AbortMultipartUpload": {"RequestPayer"},
    "GetObject": {"RequestPayer"},
    "HeadObject": {"RequestPayer"},
    "DeleteObject": {"MFA", "RequestPayer", "BypassGovernanceRetention"},
    "DeleteObjects": {"MFA", "RequestPayer", "BypassGovernanceRetention"},
    "ListObjects": {"RequestPayer", "OptionalObjectAttributes"},
    "ListObjectsV2": {"RequestPayer", "OptionalObjectAttributes"},
    "ListObjectVersions": {"RequestPayer", "OptionalObjectAttributes"},
    "ListParts": {"RequestPayer"},
    "ListMultipartUploads": {"RequestPayer"},
    "PutBucketVersioning": {"MFA"},
}
