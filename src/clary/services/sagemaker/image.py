"""Versions of Studio's images. Clary has no container registry yet, so none can be made of a base image that exists:
each version is what AWS shows for a missing one, CREATE_FAILED, and says why.
"""

import sqlite3
from typing import Any

from clary.errors import Invalid
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation


def _image(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> Any:
    return crud.get(call.state.plans["Image"], call, connection, request)


def _versions(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> list[Any]:
    """The rows of an image's versions, oldest first."""
    rows = pages.every(call.state.plans["ImageVersion"], call, connection)
    return [row for row in rows if crud.loaded(row)["ImageName"] == request["ImageName"]]


def _version(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> Any:
    """The row of the version that `Version` or `Alias` names; the newest without them. Raises for a missing one."""
    _image(call, connection, request)
    plan = call.state.plans["ImageVersion"]
    number, alias = request.get("Version"), request.get("Alias")
    for row in reversed(_versions(call, connection, request)):
        document = crud.loaded(row)
        if (number in (None, document["Version"])) and (alias is None or alias in document.get("Aliases", [])):
            return row
    raise plan.missing(call.operation, plan.locate(call, request), {"Version": number or alias or "", **request})


def _distinct(call: Call[Nouns], connection: sqlite3.Connection, request: Document, aliases: list[str]) -> None:
    """An alias stands for one version of an image."""
    taken = {alias for row in _versions(call, connection, request) for alias in crud.loaded(row).get("Aliases", [])}
    if twice := sorted(taken & {*aliases}):
        raise Invalid(f"An ImageVersion of {request['ImageName']} with the alias already exists: {', '.join(twice)}")


@operation("CreateImageVersion")
def create(call: Call[Nouns], request: Document) -> Document:
    plan = call.state.plans["ImageVersion"]

    def work(connection: sqlite3.Connection) -> str:
        image = _image(call, connection, request)
        for row in _versions(call, connection, request):
            if crud.loaded(row)["ClientToken"] == request["ClientToken"]:
                return str(row["arn"])  # this very request was carried out already
        _distinct(call, connection, request, request.get("Aliases", []))
        holder = crud.loaded(image)
        number = holder.get("LastVersion", 0) + 1
        crud.keep(connection, image["arn"], {**holder, "LastVersion": number})
        failed = {
            "ImageVersionStatus": "CREATE_FAILED",
            "FailureReason": f"The base image {request['BaseImage']} could not be found in Amazon ECR.",
        }
        document = {**request, **failed, "Version": number, "ImageArn": image["arn"]}
        return crud.add(plan, call, connection, document, {})

    return {"ImageVersionArn": call.platform.store.write(work)}


@operation("DescribeImageVersion", inline=True)
def describe(call: Call[Nouns], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        return crud.show(call.state.plans["ImageVersion"], connection, _version(call, connection, request))


@operation("UpdateImageVersion")
def update(call: Call[Nouns], request: Document) -> Document:
    plan = call.state.plans["ImageVersion"]
    rest = {"Alias", "AliasesToAdd", "AliasesToDelete", "Version", "ImageName"}

    def work(connection: sqlite3.Connection) -> str:
        row = _version(call, connection, request)
        document = crud.loaded(row)
        added, gone = request.get("AliasesToAdd", []), {*request.get("AliasesToDelete", [])}
        _distinct(call, connection, request, [alias for alias in added if alias not in document.get("Aliases", [])])
        document |= {member: value for member, value in request.items() if member not in rest}
        document["Aliases"] = sorted({*document.get("Aliases", []), *added} - gone)
        crud.change(plan, call, connection, row["arn"], document)
        return str(row["arn"])

    return {"ImageVersionArn": call.platform.store.write(work)}


@operation("DeleteImageVersion")
def delete(call: Call[Nouns], request: Document) -> Document:
    if request.get("Version") is None and not request.get("Alias"):
        raise Invalid("Either Version or Alias must be specified.")
    call.platform.store.write(lambda connection: crud.forget(connection, _version(call, connection, request)["arn"]))
    return {}


@operation("DeleteImage")
def delete_image(call: Call[Nouns], request: Document) -> Document:
    """With all its versions: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteImage.html"""

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        for row in _versions(call, connection, document):
            crud.forget(connection, row["arn"])

    return crud.delete(call.state.plans["Image"], call, request, hook)


@operation("UpdateImage")
def update_image(call: Call[Nouns], request: Document) -> Document:
    if twice := sorted({*request.get("DeleteProperties", [])} & request.keys()):
        raise Invalid(f"A property cannot be both set and deleted: {', '.join(twice)}")
    return crud.update(call.state.plans["Image"], call, request)


@operation("ListAliases")
def aliases(call: Call[Nouns], request: Document) -> Document:
    """Of one version, or of all."""
    with call.platform.store.moment() as connection:
        _image(call, connection, request)
        rows = [_version(call, connection, request)] if request.get("Version") or request.get("Alias") else None
        rows = rows or _versions(call, connection, request)
    found = sorted({alias for row in rows for alias in crud.loaded(row).get("Aliases", [])})
    query = [call.region, request["ImageName"], request.get("Version"), request.get("Alias")]
    after = pages.opened(request.get("NextToken"), query)
    rest = [alias for alias in found if not after or alias > after[0]]
    size = request.get("MaxResults", pages.PAGE)
    answer: Document = {"SageMakerImageVersionAliases": rest[:size]}
    if len(rest) > size:
        answer["NextToken"] = pages.sealed([rest[size - 1]], query)
    return answer


def versions(call: Call[Nouns], request: Document) -> pages.Keep:
    """ListImageVersions: those of one image, which must be there."""
    _image(call, call.platform.store.read(), request)
    name = request["ImageName"]
    return lambda found: bool(found["ImageName"] == name)
