"""Lineage: artifacts, actions and contexts, and the associations between them.
https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking.html
"""

import sqlite3
import uuid
from typing import Any

from clary.errors import AWSError, Invalid
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation
from clary.services.sagemaker import lineage_job

ENDS = ("Source", "Destination")


def _grouped(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
    place = lineage_job.Place(call.state.plans, call.account, call.region, call.state.now(call))
    document["LineageGroupArn"] = lineage_job.group(connection, place)


@operation("CreateArtifact")
def create_artifact(call: Call[Nouns], request: Document) -> Document:
    return crud.create(call.state.plans["Artifact"], call, {**request, "ArtifactId": uuid.uuid4().hex}, _grouped)


@operation("CreateAction")
def create_action(call: Call[Nouns], request: Document) -> Document:
    return crud.create(call.state.plans["Action"], call, request, _grouped)


@operation("CreateContext")
def create_context(call: Call[Nouns], request: Document) -> Document:
    return crud.create(call.state.plans["Context"], call, request, _grouped)


@operation("DeleteArtifact")
def delete_artifact(call: Call[Nouns], request: Document) -> Document:
    """By ARN, or by source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteArtifact.html"""
    arn, source = request.get("ArtifactArn"), request.get("Source")
    if bool(arn) == bool(source):
        raise Invalid("Either ArtifactArn or Source must be specified.")
    plan = call.state.plans["Artifact"]
    if source:
        rows = pages.every(plan, call, call.platform.store.read())
        same = [row["arn"] for row in rows if crud.loaded(row)["Source"] == source]
        if not same:
            raise plan.missing(call.operation, source["SourceUri"], request)
        arn = same[0]
    return crud.delete(plan, call, {"ArtifactArn": arn}, _unlinked)


@operation("DeleteAction")
def delete_action(call: Call[Nouns], request: Document) -> Document:
    return crud.delete(call.state.plans["Action"], call, request, _unlinked)


@operation("DeleteContext")
def delete_context(call: Call[Nouns], request: Document) -> Document:
    return crud.delete(call.state.plans["Context"], call, request, _unlinked)


def _unlinked(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
    noun = call.operation.name.removeprefix("Delete")
    plan = call.state.plans[noun]
    arn = plan.locate(call, document)
    links = call.state.plans["Association"]
    if any(crud.has_child(links, call, connection, f"$.{end}Arn", arn) for end in ENDS):
        raise plan.in_use(call.operation, arn, document)


def _end(call: Call[Nouns], connection: sqlite3.Connection, end: str, arn: str) -> Document:
    """What an association shows of an entity at its end."""
    row = crud.find(connection, arn)
    kinds = ("Artifact", "Action", "Context", "TrialComponent")
    noun = next((n for n in kinds if arn.startswith(call.arn(f"{call.state.plans[n].kind}/"))), "")
    if row is None or not noun:
        raise AWSError("ResourceNotFound", f"Lineage entity '{arn}' does not exist.")
    document = crud.loaded(row)
    kind = document.get(f"{noun}Type") or document.get("Source", {}).get("SourceType")
    shown = {f"{end}Arn": arn, f"{end}Type": kind, f"{end}Name": document.get(f"{noun}Name")}
    return {member: value for member, value in shown.items() if value}


def _key(request: Document) -> Document:
    return {"AssociationKey": f"{request['SourceArn']}|{request['DestinationArn']}"}


@operation("AddAssociation")
def add(call: Call[Nouns], request: Document) -> Document:
    if request["SourceArn"] == request["DestinationArn"]:
        raise Invalid("The source and the destination of an association must differ.")

    def work(connection: sqlite3.Connection) -> None:
        document: Document = {**_key(request), "CreatedBy": crud.author(call)}
        for end in ENDS:
            document |= _end(call, connection, end, request[f"{end}Arn"])
        if "AssociationType" in request:
            document["AssociationType"] = request["AssociationType"]
        crud.add(call.state.plans["Association"], call, connection, document, {})

    call.platform.store.write(work)
    return {"SourceArn": request["SourceArn"], "DestinationArn": request["DestinationArn"]}


@operation("DeleteAssociation")
def remove(call: Call[Nouns], request: Document) -> Document:
    plan = call.state.plans["Association"]

    def work(connection: sqlite3.Connection) -> None:
        row: Any = crud.find(connection, plan.locate(call, _key(request)))
        if row is None:
            ends = f"'{request['SourceArn']}' and '{request['DestinationArn']}'"
            raise AWSError("ResourceNotFound", f"There is no association between {ends}.")
        crud.forget(connection, row["arn"])

    call.platform.store.write(work)
    return {"SourceArn": request["SourceArn"], "DestinationArn": request["DestinationArn"]}
