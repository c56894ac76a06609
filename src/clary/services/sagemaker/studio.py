"""Studio's domains, and what is refused around them: Clary opens no Studio, so a domain has no URL and no files."""

import secrets
import sqlite3
import string

from clary.errors import NotImplementedHere
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation

LETTERS = string.ascii_lowercase + string.digits


@operation("CreateDomain")
def create_domain(call: Call[Nouns], request: Document) -> Document:
    if request["AuthMode"] == "SSO":
        raise NotImplementedHere("CreateDomain: Clary has no IAM Identity Center; use the AuthMode IAM.")
    name = "d-" + "".join(secrets.choice(LETTERS) for _ in range(12))
    return crud.create(call.state.plans["Domain"], call, {**request, "DomainId": name})


@operation("DeleteStudioLifecycleConfig")
def delete_lifecycle(call: Call[Nouns], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteStudioLifecycleConfig.html: it must not be
    attached to a domain or user profile.
    """
    plan = call.state.plans["StudioLifecycleConfig"]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        arn = plan.locate(call, document)
        for noun in ("Domain", "UserProfile"):
            if crud.mentions(call.state.plans[noun], call, connection, arn):
                raise plan.in_use(call.operation, arn, document)

    return crud.delete(plan, call, request, hook)


@operation("CreateAlgorithm")
def create_algorithm(call: Call[Nouns], request: Document) -> Document:
    if request.get("ValidationSpecification") or request.get("CertifyForMarketplace"):
        raise NotImplementedHere("CreateAlgorithm: Clary does not validate or certify algorithms yet.")
    return crud.create(call.state.plans["Algorithm"], call, request)
