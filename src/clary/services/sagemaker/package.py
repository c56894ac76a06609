"""The model registry: packages of their own, and versions in a group.

A version's ARN is model-package/<group>/<version>; versions count up and are never given twice.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

import json
import sqlite3
from typing import Any

from clary.errors import AWSError, Invalid, NotImplementedHere
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation


def _group(call: Call[Nouns], connection: sqlite3.Connection, name: str) -> tuple[str, Document]:
    """The group's ARN and document. Raises AWS's error for a missing one."""
    row = crud.get(call.state.plans["ModelPackageGroup"], call, connection, {"ModelPackageGroupName": name})
    return row["arn"], crud.loaded(row)


@operation("CreateModelPackage")
def create_package(call: Call[Nouns], request: Document) -> Document:
    name, group = request.get("ModelPackageName"), request.get("ModelPackageGroupName")
    if name and group:
        raise Invalid(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if not name and not group:
        raise Invalid("Missing ARN.")
    if request.get("ValidationSpecification") or request.get("CertifyForMarketplace"):
        raise NotImplementedHere("CreateModelPackage: Clary does not validate or certify packages yet.")
    if name and (status := request.get("ModelApprovalStatus")):
        raise Invalid(f"ModelApprovalStatus {status} may be given for packages in a group only.")
    if group:
        request.setdefault("ModelApprovalStatus", "PendingManualApproval")

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        if not group:
            document["UnversionedName"] = name
            return
        arn, holder = _group(call, connection, group)
        version = holder.get("LastVersion", 0) + 1
        crud.keep(connection, arn, {**holder, "LastVersion": version})
        held = holder["ModelPackageGroupName"]
        document.update(ModelPackageGroupName=held, ModelPackageVersion=version, ModelPackageName=f"{held}/{version}")

    return crud.create(call.state.plans["ModelPackage"], call, request, hook)


def shown(document: Document, _job: Any, _events: list[Any]) -> Document:
    """Describe gives a version its group's name."""
    return {"ModelPackageName": document["ModelPackageName"].partition("/")[0]}


def given(call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListModelPackages: those of one group, or by type; unversioned ones if nothing is said."""
    group = request.get("ModelPackageGroupName")
    kind = request.get("ModelPackageType", "Versioned" if group else "Unversioned")
    if group:
        _, holder = _group(call, call.platform.store.read(), group)
        group = holder["ModelPackageGroupName"]
    return lambda found: (
        (not group or found.get("ModelPackageGroupName") == group)
        and (kind == "Both" or (kind == "Versioned") == ("ModelPackageVersion" in found))
    )


@operation("BatchDescribeModelPackage")
def batch_describe(call: Call[Nouns], request: Document) -> Document:
    plan = call.state.plans["ModelPackage"]
    connection = call.platform.store.read()
    found: Document = {}
    errors: Document = {}
    for arn in request["ModelPackageArnList"]:
        try:
            found[arn] = crud.show(plan, connection, crud.get(plan, call, connection, {"ModelPackageName": arn}))
        except AWSError as error:
            errors[arn] = {"ErrorCode": error.code("json"), "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


@operation("PutModelPackageGroupPolicy")
def put_policy(call: Call[Nouns], request: Document) -> Document:
    try:
        json.loads(request["ResourcePolicy"])
    except ValueError as error:
        raise Invalid(f"The resource policy is not valid JSON: {error}") from error

    def work(connection: sqlite3.Connection) -> Document:
        arn, holder = _group(call, connection, request["ModelPackageGroupName"])
        crud.keep(connection, arn, {**holder, "ResourcePolicy": request["ResourcePolicy"]})
        return {"ModelPackageGroupArn": arn}

    return call.platform.store.write(work)


@operation("GetModelPackageGroupPolicy", inline=True)
def get_policy(call: Call[Nouns], request: Document) -> Document:
    arn, holder = _group(call, call.platform.store.read(), request["ModelPackageGroupName"])
    if "ResourcePolicy" not in holder:
        raise Invalid(f"Cannot find resource policy for Model Package Group: {arn}")
    return {"ResourcePolicy": holder["ResourcePolicy"]}


@operation("DeleteModelPackageGroupPolicy")
def delete_policy(call: Call[Nouns], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> None:
        arn, holder = _group(call, connection, request["ModelPackageGroupName"])
        if holder.pop("ResourcePolicy", None) is None:
            raise Invalid(f"Cannot find resource policy for Model Package Group: {arn}")
        crud.keep(connection, arn, holder)

    call.platform.store.write(work)
    return {}
