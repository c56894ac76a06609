"""Who labels and reviews: workforces, their teams, and the pages that they see.

Clary has no labelling portal: a workforce has no SubDomain, and its members come from an identity provider that Clary
does not ask.
"""

import hashlib
import sqlite3
from typing import Any

from clary.errors import Invalid
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation


@operation("CreateWorkforce")
def create_workforce(call: Call[Nouns], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateWorkforce.html: one in each region."""
    if pool := request.get("CognitoConfig"):
        raise Invalid(f"User pool {pool['UserPool']} does not exist.")  # there is no Cognito here to have one
    if "OidcConfig" not in request:
        raise Invalid("Either CognitoConfig or OidcConfig must be specified.")
    plan = call.state.plans["Workforce"]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        if others := pages.every(plan, call, connection):
            raise plan.exists(call.operation, others[0]["arn"], crud.loaded(others[0]))
        document["OidcConfig"].pop("ClientSecret")  # shown to nobody, and nothing here would use it

    return crud.create(plan, call, request, hook)


@operation("UpdateWorkforce")
def update_workforce(call: Call[Nouns], request: Document) -> Document:
    def hook(_call: Call[Nouns], _connection: sqlite3.Connection, document: Document) -> None:
        document["OidcConfig"].pop("ClientSecret", None)

    return crud.update(call.state.plans["Workforce"], call, request, hook)


@operation("CreateWorkteam")
def create_team(call: Call[Nouns], request: Document) -> Document:
    """Without a WorkforceName: in the region's workforce."""
    if any("CognitoMemberDefinition" in member for member in request["MemberDefinitions"]):
        raise Invalid("The workforce has no Amazon Cognito user pool; use OidcMemberDefinition.")
    plan, workforces = call.state.plans["Workteam"], call.state.plans["Workforce"]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        if "WorkforceName" not in document:
            others = pages.every(workforces, call, connection)
            if not others:
                raise workforces.missing(call.operation, call.arn("workforce/default"), {"WorkforceName": "default"})
            document["WorkforceName"] = others[0]["name"]
        document["WorkforceArn"] = workforces.locate(call, {"WorkforceName": document["WorkforceName"]})

    return crud.create(plan, call, request, hook)


@operation("DeleteWorkteam")
def delete_team(call: Call[Nouns], request: Document) -> Document:
    crud.delete(call.state.plans["Workteam"], call, request)
    return {"Success": True}


@operation("CreateFlowDefinition")
def create_flow(call: Call[Nouns], request: Document) -> Document:
    """The page and the team that it names must be there."""
    loop = request.get("HumanLoopConfig", {})

    def hook(_call: Call[Nouns], connection: sqlite3.Connection, _document: Document) -> None:
        for member, noun in (("HumanTaskUiArn", "HumanTaskUi"), ("WorkteamArn", "Workteam")):
            arn = loop.get(member)
            if arn and crud.find(connection, arn) is None:
                raise Invalid(f"{noun} {arn} does not exist.")

    return crud.create(call.state.plans["FlowDefinition"], call, request, hook)


def shown_ui(document: Document, _job: Any, _events: list[Any]) -> Document:
    """Describe tells the template's digest, and not the template."""
    content = document["UiTemplate"]["Content"].encode()
    return {"UiTemplate": {"ContentSha256": hashlib.sha256(content).hexdigest()}}
