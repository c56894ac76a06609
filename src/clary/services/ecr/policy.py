"""Policies of repositories and of the registry, by which every request is judged.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
"""

import sqlite3
from typing import Any

from clary.errors import AccessDenied, AWSError
from clary.resource.call import Call, Permission
from clary.resource.service import operation
from clary.services.ecr import setting
from clary.services.ecr.state import ECR, SQL, Document, arn, invalid, repository, statements
from clary.services.iam.policy import grammar

REGISTRY = "policy"  # the name of the setting


def _checked(text: str, *, elsewhere: bool) -> None:
    """Raises InvalidParameterException. `elsewhere`: whether statements name resources, as the registry's do."""
    try:
        document = grammar.load(text)
        if not isinstance(document, dict):
            raise invalid("PolicyText", "Invalid repository policy provided")
        statements = document.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            if not isinstance(statement, dict) or (not elsewhere and statement.keys() & {"Resource", "NotResource"}):
                raise invalid("PolicyText", "Invalid repository policy provided")
        grammar.check(_named(document), "resource")
    except (ValueError, AWSError) as error:
        said = error.message if isinstance(error, AWSError) else "it is no JSON"
        if "failed to satisfy constraint" in said:
            raise
        raise invalid("PolicyText", f"Invalid repository policy provided: {said}") from error


def _named(document: Document) -> Document:
    """With the resource that statements leave out."""
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return {**document, "Statement": [{"Resource": "*", **statement} for statement in listed]}


@operation("SetRepositoryPolicy")
def put(call: Call[ECR], request: Document) -> Document:
    text = request["policyText"]
    _checked(text, elsewhere=False)
    if not request.get("force"):
        _stay(call, request, text)

    def work(connection: sqlite3.Connection) -> None:
        row = repository(call, request, connection)
        connection.execute(SQL["repository_policy"], {"id": row["id"], "policy": text})

    call.state.write(work)
    return {**_place(call, request), "policyText": text}


def _stay(call: Call[ECR], request: Document, text: str) -> None:
    """Nobody locks themselves out without `force`. Raises InvalidParameterException."""
    resource = arn(call, request["repositoryName"])
    document = {"Statement": [{**each, "Resource": resource} for each in statements(text)]}
    try:
        call.authorize(Permission("ecr:SetRepositoryPolicy", resource, {}, document))
    except AccessDenied as error:
        raise invalid(
            "PolicyText",
            "The new repository policy will prevent the caller from setting one again; force takes it nevertheless",
        ) from error


@operation("GetRepositoryPolicy")
def get(call: Call[ECR], request: Document) -> Document:
    return {**_place(call, request), "policyText": _had(call, repository(call, request))}


@operation("DeleteRepositoryPolicy")
def delete(call: Call[ECR], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> str:
        row = repository(call, request, connection)
        had = _had(call, row)
        connection.execute(SQL["repository_policy"], {"id": row["id"], "policy": ""})
        return had

    return {**_place(call, request), "policyText": call.state.write(work)}


def _had(call: Call[ECR], row: sqlite3.Row) -> str:
    if not row["policy"]:
        raise AWSError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{row['name']}' in the registry with id "
            f"'{call.account}'",
        )
    return str(row["policy"])


def _place(call: Call[ECR], request: Document) -> Document:
    return {"registryId": call.account, "repositoryName": request["repositoryName"]}


@operation("PutRegistryPolicy")
def put_registry(call: Call[ECR], request: Document) -> Document:
    _checked(request["policyText"], elsewhere=True)
    setting.put(call, REGISTRY, request["policyText"])
    return {"registryId": call.account, "policyText": request["policyText"]}


@operation("GetRegistryPolicy")
def get_registry(call: Call[ECR], _request: Document) -> Document:
    return {"registryId": call.account, "policyText": _registry(call, setting.get(call, REGISTRY))}


@operation("DeleteRegistryPolicy")
def delete_registry(call: Call[ECR], _request: Document) -> Document:
    return {"registryId": call.account, "policyText": _registry(call, setting.drop(call, REGISTRY))}


def _registry(call: Call[Any], text: str) -> str:
    if not text:
        raise AWSError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{call.account}'",
        )
    return text
