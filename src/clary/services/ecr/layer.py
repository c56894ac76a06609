"""Layers: looked for, uploaded in parts, mounted, read. One blob serves all repositories that have the same bytes.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html
"""

import sqlite3
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr.digests import DIGEST, algorithm_of
from clary.services.ecr.passwords import TICKET
from clary.services.ecr.state import ECR, SQL, Document, registry_url, repository
from clary.services.ecr.uploads import gone

PART = 20 << 20  # bytes: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
LINK = 3600.0  # seconds that a download URL works


def find(connection: sqlite3.Connection, row: sqlite3.Row, digest: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None
    found = connection.execute(SQL["layer"], {"repository": row["id"], "digest": digest}).fetchone()
    return found


def claim(state: ECR, row: sqlite3.Row, digest: str) -> sqlite3.Row | None:
    """As `find`, and the layer stays for a day, since whoever is told of it need not bring it."""
    found = find(state.store.read(), row, digest)
    if found is None or found["claimed"] > state.clock() - 3600:
        return found

    def work(connection: sqlite3.Connection) -> sqlite3.Row | None:
        values = {"repository": row["id"], "digest": digest, "at": state.clock()}
        return found if connection.execute(SQL["layer_claim"], values).rowcount else None

    return state.write(work)


def add(state: ECR, connection: sqlite3.Connection, repository: int, digest: str, blob: int, size: int) -> bool:
    """The layer, made of this blob or of one that has the same bytes already; False where it was there. Within the
    writer's transaction.
    """
    place = {"repository": repository, "digest": digest}
    if connection.execute(SQL["layer"], place).fetchone():
        connection.execute(SQL["layer_claim"], place | {"at": state.clock()})
        return False
    known = connection.execute(SQL["layer_anywhere"], {"digest": digest}).fetchone()
    values = {"blob": known["blob"] if known else blob, "size": size, "claimed": state.clock()}
    connection.execute(SQL["layer_add"], place | values)
    return True


def complete(state: ECR, row: sqlite3.Row, name: str, digest: str, blob: int, size: int) -> bool:
    """The upload, taken by the caller, becomes a layer; False where the repository had it. What is not what its digest
    says goes at once. Raises InvalidLayerException and UploadNotFoundException.
    """
    made = state.uploads.hash_of(name, blob, size, algorithm_of(digest))
    if made != digest:
        state.uploads.remove(name)
        state.blobs.delete([blob])
        raise AWSError(
            "InvalidLayerException", f"Layer digest '{digest}' does not match the calculated layer digest '{made}'"
        )
    state.uploads.cut(blob, size)

    def work(connection: sqlite3.Connection) -> tuple[bool, list[int]]:
        if connection.execute(SQL["upload_delete"], {"id": name}).fetchone() is None:
            return False, [-1]
        new = add(state, connection, row["id"], digest, blob, size)
        return new, [] if connection.execute(SQL["blob_named"], {"blob": blob}).fetchone()[0] else [blob]

    new, doomed = state.write(work, blob=blob)
    state.uploads.forget(name)
    if doomed == [-1]:
        state.blobs.delete([blob])
        raise gone(name)
    state.blobs.delete(doomed)
    return new


def mount(state: ECR, source: sqlite3.Row, target: sqlite3.Row, digest: str) -> bool:
    """A layer of one repository is in another, too; False where the first does not have it."""

    def work(connection: sqlite3.Connection) -> bool:
        found = find(connection, source, digest)
        if found is not None:
            add(state, connection, target["id"], digest, found["blob"], found["size"])
        return found is not None

    return state.write(work)


@operation("BatchCheckLayerAvailability")
def check(call: Call[ECR], request: Document) -> Document:
    row = repository(call, request)
    layers, failures = [], []
    for digest in dict.fromkeys(request["layerDigests"]):
        if not DIGEST.fullmatch(digest):
            failures.append(
                {
                    "layerDigest": digest,
                    "failureCode": "InvalidLayerDigest",
                    "failureReason": "The layer digest provided in the request is invalid",
                }
            )
            continue
        found = claim(call.state, row, digest)
        shown: Document = {"layerDigest": digest, "layerAvailability": "AVAILABLE" if found else "UNAVAILABLE"}
        if found is not None:
            shown["layerSize"] = found["size"]
        layers.append(shown)
    return {"layers": layers, "failures": failures}


@operation("GetDownloadUrlForLayer")
def link(call: Call[ECR], request: Document) -> Document:
    """A URL of this gateway that works without a signature for an hour."""
    row, digest = repository(call, request), request["layerDigest"]
    if find(call.platform.store.read(), row, digest) is None:
        raise AWSError(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist in the repository with name '{row['name']}' in the "
            f"registry with id '{call.account}'",
        )
    url = registry_url(call.request, call.region, call.account)
    ticket = call.state.tickets.seal([call.region, row["name"], digest], call.platform.clock() + LINK)
    return {
        "downloadUrl": f"{url}/v2/{row['name']}/blobs/{digest}?{TICKET}={ticket}",
        "layerDigest": digest,
    }


@operation("InitiateLayerUpload")
def initiate(call: Call[ECR], request: Document) -> Document:
    return {"uploadId": call.state.uploads.begin(repository(call, request)["id"]), "partSize": PART}


@operation("UploadLayerPart")
def upload(call: Call[ECR], request: Document) -> Document:
    row, name, uploads = repository(call, request), request["uploadId"], call.state.uploads
    part, first, last = request["layerPartBlob"], request["partFirstByte"], request["partLastByte"]
    taken = uploads.take(row["id"], name)
    if first != taken["size"] or last - first + 1 != len(part) or not part:
        uploads.release(name)
        raise AWSError(
            "InvalidLayerPartException",
            f"Part of {len(part)} bytes from {first} to {last} is no part that follows byte {taken['size'] - 1}",
            registryId=call.account,
            repositoryName=row["name"],
            uploadId=name,
            lastValidByteReceived=max(0, taken["size"] - 1),
        )
    inflow = uploads.receive(taken, len(part))
    try:
        inflow.write([part])
        inflow.finish()
    finally:
        inflow.abort()
    return {**_place(call, row, name), "lastByteReceived": last}


@operation("CompleteLayerUpload")
def end(call: Call[ECR], request: Document) -> Document:
    row, name, state = repository(call, request), request["uploadId"], call.state
    digest = request["layerDigests"][0]
    if len(request["layerDigests"]) > 1 or not DIGEST.fullmatch(digest):
        raise AWSError("InvalidParameterException", "CompleteLayerUpload takes one digest")
    taken = state.uploads.take(row["id"], name)
    try:
        if not taken["size"]:
            raise AWSError("EmptyUploadException", f"The upload '{name}' does not contain any layer parts")
        new = complete(state, row, name, digest, taken["blob"], taken["size"])
    finally:
        state.uploads.release(name)
    if not new:
        raise AWSError(
            "LayerAlreadyExistsException",
            f"The layer with digest '{digest}' already exists in the repository with name '{row['name']}'",
        )
    return {**_place(call, row, name), "layerDigest": digest}


def _place(call: Call[ECR], row: Any, name: str) -> Document:
    return {"registryId": call.account, "repositoryName": row["name"], "uploadId": name}
