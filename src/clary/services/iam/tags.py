"""Tags of users, roles, policies and instance profiles: one table, and three operations for each."""

from typing import Any

from clary.resource.call import Call
from clary.resource.service import Handler, Operation
from clary.services.iam import policies
from clary.services.iam.boundaries import modifiable
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import NOUNS, Document, Noun, Request, get, page, put_tags, reader
from clary.services.iam.entities import tags as tags_of
from clary.services.iam.identity import Identity


def table() -> dict[str, Operation]:
    made: dict[str, Handler] = {}
    for kind in ("user", "role", "policy", "instance-profile"):
        noun = NOUNS[kind]
        made |= {
            f"Tag{noun.noun}": _tag(noun),
            f"Untag{noun.noun}": _untag(noun),
            f"List{noun.noun}Tags": _list(noun),
        }
    return {name: Operation(handle) for name, handle in made.items()}


def _entity(connection: Any, noun: Noun, request: Request) -> Entity:
    if noun.kind == "policy":
        return policies.own(connection, request["PolicyArn"])
    entity = get(connection, noun.kind, request[noun.name])
    modifiable(entity.path, entity.name)
    return entity


def _tag(noun: Noun) -> Handler:
    def tag(call: Call[Identity], request: Request) -> None:
        call.state.directory.change(
            lambda connection: put_tags(connection, _entity(connection, noun, request).arn, request["Tags"])
        )

    return tag


def _untag(noun: Noun) -> Handler:
    def untag(call: Call[Identity], request: Request) -> None:
        def work(connection: Any) -> None:
            arn = _entity(connection, noun, request).arn
            gone = {key.lower() for key in request["TagKeys"]}
            for tag in tags_of(connection, arn):
                if tag["Key"].lower() in gone:
                    connection.execute(SQL["tag_delete"], (arn, tag["Key"]))

        call.state.directory.change(work)

    return untag


def _list(noun: Noun) -> Handler:
    def list_tags(call: Call[Identity], request: Request) -> Document:
        if noun.kind == "policy":
            arn = policies.find(reader(call), request["PolicyArn"]).arn
        else:
            arn = get(reader(call), noun.kind, request[noun.name]).arn
        return page(request, "Tags", tags_of(reader(call), arn), lambda tag: str(tag["Key"]).lower(), dict)

    return list_tags
