"""Pipelines: a definition, kept in versions. Clary does not run them yet: StartPipelineExecution is not there.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-versioning.html
"""

import json
import sqlite3

from clary.errors import AWSError, Invalid, NotImplementedHere
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation

VERSIONED = (
    "PipelineDefinition",
    "PipelineDescription",
    "ParallelismConfiguration",
    "RoleArn",
    "PipelineVersionAliases",
)


def _checked(request: Document) -> None:
    if "PipelineDefinitionS3Location" in request:
        raise NotImplementedHere("Clary does not read pipeline definitions from S3 yet; give a PipelineDefinition.")
    if "PipelineDefinition" not in request:
        return
    try:
        definition = json.loads(request["PipelineDefinition"])
    except ValueError as error:
        raise Invalid(f"Unable to parse pipeline definition. {error}") from error
    if not isinstance(definition, dict) or "Version" not in definition or "Steps" not in definition:
        raise Invalid("Unable to parse pipeline definition. It must be an object with Version and Steps.")


@operation("CreatePipeline")
def create(call: Call[Nouns], request: Document) -> Document:
    _checked(request)
    if "PipelineDefinition" not in request:
        raise Invalid("Either PipelineDefinition or PipelineDefinitionS3Location must be specified.")
    request.setdefault("PipelineDisplayName", request["PipelineName"])

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        plan = call.state.plans["Pipeline"]
        arn = plan.locate(call, document)
        if crud.find(connection, arn) is not None:
            raise plan.exists(call.operation, arn, document)
        _save(call, connection, document, 1)

    return crud.create(call.state.plans["Pipeline"], call, request, hook)


def _save(call: Call[Nouns], connection: sqlite3.Connection, document: Document, version: int) -> None:
    document["PipelineVersionId"] = version
    kept = {member: document[member] for member in VERSIONED if member in document}
    arn = call.state.plans["Pipeline"].locate(call, document)
    row = {**kept, "PipelineName": document["PipelineName"], "PipelineVersionId": version, "PipelineArn": arn}
    crud.add(call.state.plans["PipelineVersion"], call, connection, row, {})


@operation("UpdatePipeline")
def update(call: Call[Nouns], request: Document) -> Document:
    _checked(request)

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        if "PipelineDefinition" in request:
            _save(call, connection, document, document["PipelineVersionId"] + 1)

    return crud.update(call.state.plans["Pipeline"], call, request, hook)


@operation("DescribePipeline", inline=True)
def describe(call: Call[Nouns], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        return _described(call, connection, request)


def _described(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> Document:
    plan = call.state.plans["Pipeline"]
    row = crud.get(plan, call, connection, request)
    shown = crud.show(plan, connection, row)
    wanted = request.get("PipelineVersionId")
    versions = call.state.plans["PipelineVersion"]
    if alias := request.get("PipelineVersionAlias"):
        every = (crud.loaded(found) for found in pages.every(versions, call, connection))
        mine = (one for one in every if one["PipelineName"] == crud.loaded(row)["PipelineName"])
        wanted = next(
            (one["PipelineVersionId"] for one in mine if alias in one.get("PipelineVersionAliases", [])), None
        )
        if wanted is None:
            raise AWSError("ResourceNotFound", f"Pipeline '{row['arn']}' has no version with the alias {alias}.")
    if wanted is None:
        return shown
    name = crud.loaded(row)["PipelineName"]
    version = crud.get(versions, call, connection, {"PipelineName": name, "PipelineVersionId": wanted})
    return {**shown, **crud.pruned(plan, crud.loaded(version)), "CreationTime": version["created"]}


@operation("UpdatePipelineVersion")
def update_version(call: Call[Nouns], request: Document) -> Document:
    name = request["PipelineArn"].rsplit("/", 1)[-1]
    plan = call.state.plans["PipelineVersion"]

    def work(connection: sqlite3.Connection) -> None:
        row = crud.get(
            plan, call, connection, {"PipelineName": name, "PipelineVersionId": request["PipelineVersionId"]}
        )
        document = crud.loaded(row)
        for member in ("PipelineVersionDisplayName", "PipelineVersionDescription"):
            if member in request:
                document[member] = request[member]
        wishes = request.get("PipelineVersionAliasOperations", {})
        aliases = {*document.get("PipelineVersionAliases", []), *wishes.get("Add", [])} - {*wishes.get("Remove", [])}
        document["PipelineVersionAliases"] = sorted(aliases)
        crud.change(plan, call, connection, row["arn"], document)

    call.platform.store.write(work)
    return {"PipelineArn": request["PipelineArn"], "PipelineVersionId": request["PipelineVersionId"]}


@operation("DeletePipeline")
def delete(call: Call[Nouns], request: Document) -> Document:
    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        for row in pages.every(call.state.plans["PipelineVersion"], call, connection):
            if crud.loaded(row)["PipelineName"] == document["PipelineName"]:
                crud.forget(connection, row["arn"])

    return crud.delete(call.state.plans["Pipeline"], call, request, hook)


def versions(call: Call[Nouns], request: Document) -> pages.Keep:
    """ListPipelineVersions: those of one pipeline, which must be there."""
    name = crud.loaded(crud.get(call.state.plans["Pipeline"], call, call.platform.store.read(), request))[
        "PipelineName"
    ]
    return lambda found: bool(found["PipelineName"] == name)
