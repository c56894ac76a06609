"""The lineage that comes about by itself: what each job was made from and with, and what it made.

https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-auto-creation.html
"""

import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from clary.resource import crud
from clary.resource.resource import Plan
from clary.resource.service import Document
from clary.store.sql import queries

SQL: Final = queries("clary.services.sagemaker")
GROUP: Final = "sagemaker-default-lineage-group"
Ends = list[tuple[str, str]]  # URIs, and the types that artifacts of them have: DataSet, Image, Model, Checkpoint


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when entities are made that no request asks for."""

    plans: Mapping[str, Plan]
    account: str
    region: str
    now: float

    def arn(self, plan: Plan, document: Document) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{plan.kind}/{plan.key(document)}"

    def add(self, connection: sqlite3.Connection, noun: str, document: Document) -> str:
        """The ARN, also of one that is there already."""
        plan = self.plans[noun]
        arn = self.arn(plan, document)
        if crud.find(connection, arn) is None:
            values = {
                "arn": arn,
                "service": plan.service,
                "type": noun,
                "account": self.account,
                "region": self.region,
                "name": plan.key(document),
                "document": orjson.dumps(document).decode(),
                "created": self.now,
            }
            connection.execute(crud.SQL["resource_add"], values)
        return arn


def group(connection: sqlite3.Connection, place: Place) -> str:
    """Lineage belongs to a group, of which each account has one in each region, from its first entity on.
    https://docs.aws.amazon.com/sagemaker/latest/dg/xaccount-lineage-tracking.html
    """
    return place.add(connection, "LineageGroup", {"LineageGroupName": GROUP, "DisplayName": GROUP})


def track(connection: sqlite3.Connection, place: Place, component: Any, inputs: Ends, outputs: Ends) -> None:
    """Within a transaction: a component, a row, was made from the one and made the other. May be told twice."""
    shown = crud.loaded(component)
    here = {"Arn": component["arn"], "Type": shown["Source"]["SourceType"], "Name": shown["TrialComponentName"]}
    for uri, kind in inputs:
        _tie(connection, place, _artifact(connection, place, uri, kind), here, "ContributedTo")
    for uri, kind in outputs:
        _tie(connection, place, here, _artifact(connection, place, uri, kind), "Produced")


def _artifact(connection: sqlite3.Connection, place: Place, uri: str, kind: str) -> dict[str, str]:
    """There is one artifact of a URI, whoever made it.
    https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-entities.html
    """
    where = {"uri": uri, "account": place.account, "region": place.region}
    found = connection.execute(SQL["artifact_of"], where).fetchone()
    if found is None:
        document = {
            "ArtifactId": uuid.uuid4().hex,
            "ArtifactType": kind,
            "Source": {"SourceUri": uri, "SourceTypes": []},
            "Properties": {},
            "CreatedBy": {},
            "LastModifiedBy": {},
            "LineageGroupArn": group(connection, place),
        }
        return {"Arn": place.add(connection, "Artifact", document), "Type": kind}
    document = crud.loaded(crud.find(connection, found["arn"]))
    shown = {"Arn": found["arn"], "Type": document["ArtifactType"], "Name": document.get("ArtifactName")}
    return {member: value for member, value in shown.items() if value}


def _tie(
    connection: sqlite3.Connection, place: Place, source: dict[str, str], destination: dict[str, str], how: str
) -> None:
    document = {"AssociationKey": f"{source['Arn']}|{destination['Arn']}", "AssociationType": how, "CreatedBy": {}}
    for end, entity in (("Source", source), ("Destination", destination)):
        document |= {f"{end}{member}": value for member, value in entity.items()}
    place.add(connection, "Association", document)
