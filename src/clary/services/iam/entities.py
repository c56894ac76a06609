"""What users, roles, groups, policies and instance profiles have in common: finding, showing and paging them."""

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from clary.errors import AWSError, Invalid
from clary.resource.call import Call
from clary.services.iam import names
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.identity import Identity

Request = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noun:
    """How AWS spells one kind of entity."""

    kind: str
    noun: str  # User: as in CreateUser
    name: str  # UserName
    missing: str  # what NoSuchEntity says
    exists: str  # what EntityAlreadyExists says


NOUNS: Final = {
    noun.kind: noun
    for noun in (
        Noun("user", "User", "UserName", "The user with name {} cannot be found.", "User with name {} already exists."),
        Noun("role", "Role", "RoleName", "The role with name {} cannot be found.", "Role with name {} already exists."),
        Noun(
            *("group", "Group", "GroupName"),
            *("The group with name {} cannot be found.", "Group with name {} already exists."),
        ),
        Noun(
            *("instance-profile", "InstanceProfile", "InstanceProfileName"),
            *("Instance Profile {} cannot be found.", "Instance Profile {} already exists."),
        ),
        Noun(
            *("policy", "Policy", "PolicyName"),
            *("Policy {} was not found.", "A policy called {} already exists. Duplicate names are not allowed."),
        ),
    )
}


def missing(sentence: str) -> AWSError:
    return AWSError("NoSuchEntity", sentence)


def conflict(sentence: str) -> AWSError:
    return AWSError("DeleteConflict", sentence)


def limit(sentence: str) -> AWSError:
    return AWSError("LimitExceeded", sentence)


def reader(call: Call[Identity]) -> sqlite3.Connection:
    return call.platform.store.read()


def get(connection: sqlite3.Connection, kind: str, name: str) -> Entity:
    """Raises NoSuchEntity in AWS's words."""
    row = connection.execute(SQL["entity_by_name"], (kind, name)).fetchone()
    if row is None:
        raise missing(NOUNS[kind].missing.format(name))
    return Entity.of(row)


def add(connection: sqlite3.Connection, entity: Entity, tags: Sequence[Document] = ()) -> None:
    """Raises EntityAlreadyExists in AWS's words."""
    if connection.execute(SQL["entity_by_name"], (entity.kind, entity.name)).fetchone():
        raise AWSError("EntityAlreadyExists", NOUNS[entity.kind].exists.format(entity.name))
    connection.execute(SQL["entity_add"], row(entity))
    put_tags(connection, entity.arn, tags)


def save(connection: sqlite3.Connection, entity: Entity) -> None:
    connection.execute(SQL["entity_set"], row(entity))


def remove(connection: sqlite3.Connection, entity: Entity) -> None:
    connection.execute(SQL["entity_delete"], (entity.id,))
    connection.execute(SQL["tags_delete"], (entity.arn,))
    connection.execute(SQL["used_delete"], (entity.id,))


def row(entity: Entity) -> Document:
    return {
        "id": entity.id,
        "kind": entity.kind,
        "name": entity.name,
        "path": entity.path,
        "arn": entity.arn,
        "boundary": entity.boundary,
        "document": json.dumps(entity.document),
        "created": entity.created,
    }


def new(call: Call[Identity], kind: str, request: Request, *kept: str) -> Entity:
    """An entity of this request, not stored yet; `kept` are the members that go into its document."""
    name, path = request[NOUNS[kind].name], request.get("Path") or "/"
    return Entity(
        id=names.unique_id(kind),
        kind=kind,
        name=name,
        path=path,
        arn=names.arn(call.account, kind, path, name),
        boundary=request.get("PermissionsBoundary"),
        document={member: request[member] for member in kept if request.get(member) is not None},
        created=float(int(call.platform.clock())),
    )


def view(entity: Entity) -> Document:
    """The members that each noun has."""
    noun = NOUNS[entity.kind]
    return {
        "Path": entity.path,
        noun.name: entity.name,
        f"{noun.noun}Id": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
    }


def details(connection: sqlite3.Connection, entity: Entity) -> Document:
    """What Get shows and List does not: tags and boundary."""
    shown: Document = {}
    if found := tags(connection, entity.arn):
        shown["Tags"] = found
    if entity.boundary:
        shown["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": entity.boundary,
        }
    return shown


def tags(connection: sqlite3.Connection, arn: str) -> list[Document]:
    return [{"Key": tag["key"], "Value": tag["value"]} for tag in connection.execute(SQL["tags"], (arn,))]


def put_tags(connection: sqlite3.Connection, arn: str, given: Sequence[Document]) -> None:
    """Raises InvalidInput or LimitExceeded. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"""
    keys = [tag["Key"].lower() for tag in given]
    if len(set(keys)) != len(keys):
        raise AWSError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in keys):
        raise AWSError("InvalidInput", "The tag key prefix aws: is reserved and cannot be used.")
    held = {tag["Key"].lower(): tag["Key"] for tag in tags(connection, arn)}
    if len(held.keys() | set(keys)) > 50:
        raise limit("The number of tags has reached the maximum limit.")
    for tag in given:
        if old := held.get(tag["Key"].lower()):
            connection.execute(SQL["tag_delete"], (arn, old))
        connection.execute(SQL["tag_put"], (arn, tag["Key"], tag["Value"]))


def encoded(text: str) -> str:
    """Policies travel percent-encoded in IAM's answers.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
    """
    return quote(text, safe="")


def page(
    request: Request, member: str, items: Iterable[Any], key: Callable[[Any], str], show: Callable[[Any], Any]
) -> Document:
    """One page of what a List answers: items after the marker, at most MaxItems (100)."""
    held = sorted(items, key=key)
    if marker := request.get("Marker"):
        after = _unmarker(marker)
        held = [item for item in held if key(item) > after]
    size = request.get("MaxItems") or 100
    shown: Document = {member: [show(item) for item in held[:size]], "IsTruncated": len(held) > size}
    if len(held) > size:
        shown["Marker"] = base64.urlsafe_b64encode(key(held[size - 1]).encode()).decode()
    return shown


def _unmarker(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"Invalid Marker: {marker}") from error


def by_name(entity: Entity) -> str:
    return entity.name.lower()
