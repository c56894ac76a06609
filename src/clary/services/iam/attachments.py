"""Policies of users, roles and groups: written inline, or attached. The same for all three, so made from a table."""

from typing import Any, Final

from clary.resource.call import Call
from clary.resource.service import Handler, Operation
from clary.services.iam import managed
from clary.services.iam.boundaries import modifiable
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import NOUNS, Document, Noun, Request, encoded, limit, missing, page, reader
from clary.services.iam.entities import get as get_entity
from clary.services.iam.identity import Identity
from clary.services.iam.names import name_of
from clary.services.iam.policy import grammar

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ATTACHED: Final = 10
INLINE: Final = {"user": 2048, "group": 5120, "role": 10240}


def table() -> dict[str, Operation]:
    made: dict[str, Handler] = {}
    for kind in INLINE:
        noun = NOUNS[kind]
        made |= {
            f"Put{noun.noun}Policy": _put(noun),
            f"Get{noun.noun}Policy": _get(noun),
            f"Delete{noun.noun}Policy": _delete(noun),
            f"List{noun.noun}Policies": _list(noun),
            f"Attach{noun.noun}Policy": _attach(noun),
            f"Detach{noun.noun}Policy": _detach(noun),
            f"ListAttached{noun.noun}Policies": _list_attached(noun),
        }
    return {name: Operation(handle) for name, handle in made.items()}


def inline(connection: Any, entity: Entity) -> dict[str, str]:
    """Texts by name."""
    return {row["name"]: row["text"] for row in connection.execute(SQL["inline"], (entity.id,))}


def attached(connection: Any, entity: Entity) -> list[Document]:
    """As ListAttached shows them, by name."""
    arns = [row["policy"] for row in connection.execute(SQL["attached"], (entity.id,))]
    return sorted(({"PolicyName": name_of(arn), "PolicyArn": arn} for arn in arns), key=lambda p: p["PolicyName"])


def _put(noun: Noun) -> Handler:
    def put(call: Call[Identity], request: Request) -> None:
        name, text = request["PolicyName"], request["PolicyDocument"]

        def work(connection: Any) -> None:
            entity = get_entity(connection, noun.kind, request[noun.name])
            modifiable(entity.path, entity.name)
            grammar.parse(text, "identity")
            texts = inline(connection, entity) | {name: text}
            if sum(len("".join(each.split())) for each in texts.values()) > INLINE[noun.kind]:
                raise limit(f"Maximum policy size of {INLINE[noun.kind]} bytes exceeded for {noun.kind} {entity.name}")
            connection.execute(SQL["inline_put"], (entity.id, name, text))

        call.state.directory.change(work)

    return put


def _get(noun: Noun) -> Handler:
    def get(call: Call[Identity], request: Request) -> Document:
        entity, name = get_entity(reader(call), noun.kind, request[noun.name]), request["PolicyName"]
        text = inline(reader(call), entity).get(name)
        if text is None:
            raise missing(f"The {noun.kind} policy with name {name} cannot be found.")
        return {noun.name: entity.name, "PolicyName": name, "PolicyDocument": encoded(text)}

    return get


def _delete(noun: Noun) -> Handler:
    def delete(call: Call[Identity], request: Request) -> None:
        def work(connection: Any) -> None:
            entity = get_entity(connection, noun.kind, request[noun.name])
            modifiable(entity.path, entity.name)
            if not connection.execute(SQL["inline_delete"], (entity.id, request["PolicyName"])).rowcount:
                raise missing(f"The {noun.kind} policy with name {request['PolicyName']} cannot be found.")

        call.state.directory.change(work)

    return delete


def _list(noun: Noun) -> Handler:
    def list_inline(call: Call[Identity], request: Request) -> Document:
        entity = get_entity(reader(call), noun.kind, request[noun.name])
        return page(request, "PolicyNames", inline(reader(call), entity), str, str)

    return list_inline


def _attach(noun: Noun) -> Handler:
    def attach(call: Call[Identity], request: Request) -> None:
        arn = request["PolicyArn"]

        def work(connection: Any) -> None:
            entity = get_entity(connection, noun.kind, request[noun.name])
            modifiable(entity.path, entity.name)
            row = connection.execute(SQL["entity_by_arn"], (arn,)).fetchone()
            if managed.find(arn) is None and (row is None or row["kind"] != "policy"):
                raise missing(f"Policy {arn} does not exist or is not attachable.")
            held = {row["policy"] for row in connection.execute(SQL["attached"], (entity.id,))}
            if arn not in held and len(held) >= ATTACHED:
                raise limit(f"Cannot exceed quota for PoliciesPer{noun.noun}: {ATTACHED}")
            connection.execute(SQL["attach"], (entity.id, arn))

        call.state.directory.change(work)

    return attach


def _detach(noun: Noun) -> Handler:
    def detach(call: Call[Identity], request: Request) -> None:
        arn = request["PolicyArn"]

        def work(connection: Any) -> None:
            entity = get_entity(connection, noun.kind, request[noun.name])
            modifiable(entity.path, entity.name)
            if not connection.execute(SQL["detach"], (entity.id, arn)).rowcount:
                raise missing(f"Policy {arn} was not found.")

        call.state.directory.change(work)

    return detach


def _list_attached(noun: Noun) -> Handler:
    def list_attached(call: Call[Identity], request: Request) -> Document:
        entity = get_entity(reader(call), noun.kind, request[noun.name])
        prefix = request.get("PathPrefix") or "/"
        found = [shown for shown in attached(reader(call), entity) if path_of(shown["PolicyArn"]).startswith(prefix)]
        return page(request, "AttachedPolicies", found, lambda shown: shown["PolicyArn"], dict)

    return list_attached


def path_of(arn: str) -> str:
    """`/a/` of arn:aws:iam::aws:policy/a/P."""
    middle = arn.partition(":policy/")[2].rpartition("/")[0]
    return f"/{middle}/" if middle else "/"
