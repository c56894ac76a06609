"""Create, Describe, Update, Delete and Stop, written once for every noun."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from clary.errors import Invalid
from clary.resource import pages, passed, tags
from clary.resource.call import Call
from clary.resource.resource import Plan, dig
from clary.resource.service import Document, Operation
from clary.store.sql import queries

SQL = queries("clary.store")
TICK = 0.001  # seconds: AWS shows times to the millisecond
ENDED = ("completed", "failed", "stopped")  # the states in which a job stays: jobs/states.py
STOPPING = orjson.dumps({"status": "Stopping"})  # AWS's word, of every noun that runs

Hook = Callable[[Call[Any], sqlite3.Connection, Document], None]


@dataclass(slots=True)
class Nouns:
    """Every plan of a service, by noun: what a service built of resources has as its state."""

    plans: dict[str, Plan] = field(default_factory=dict)
    _last: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self, call: Call[Any]) -> float:
        """Seconds since the epoch, to the millisecond, and later than every time that this gave before: so that the
        order of times is the order of events, also while the system's clock is set back.
        """
        with self._lock:
            if not self._last:
                row = call.platform.store.read().execute(SQL["resource_latest"]).fetchone()
                self._last = max(row["created"] or 0.0, row["modified"] or 0.0)
            self._last = round(max(call.platform.clock(), self._last + TICK), 3)
            return self._last

    def children(self, noun: str) -> list[tuple[Plan, str]]:
        """Who names a resource of `noun` as its parent, and by which member."""
        return [
            (plan, member)
            for plan in self.plans.values()
            for member, parent in plan.resource.parents.items()
            if parent == noun
        ]


def find(connection: sqlite3.Connection, arn: str) -> Any:
    """The row, or None."""
    return connection.execute(SQL["resource_find"], {"arn": arn}).fetchone()


def loaded(row: Any) -> Document:
    """The stored document of a row."""
    document: Document = orjson.loads(row["document"])
    return document


def get(plan: Plan, call: Call[Any], connection: sqlite3.Connection, request: Document) -> Any:
    """The row that `request` names. Raises AWS's error for a missing one."""
    arn = plan.locate(call, request)
    row = find(connection, arn)
    if row is None or row["type"] != plan.noun or not arn.startswith(call.arn("")):
        raise plan.missing(call.operation, arn, request)
    return row


def author(call: Call[Any]) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UserContext.html"""
    return {"IamIdentity": {"Arn": call.caller.arn, "PrincipalId": call.caller.user_id}}


def create(plan: Plan, call: Call[Nouns], request: Document, hook: Hook | None = None) -> Document:
    """Returns what Create answers. `hook` runs in the transaction, before the row is there: it sees the others, and may
    change the document.
    """
    if plan.resource.check:
        plan.resource.check(call, request)
    passed.check(call, request)
    given_tags = tags.checked(request.get("Tags") or ())
    document = _begun(plan, call, request)

    def work(connection: sqlite3.Connection) -> Any:
        if (made := _made_before(plan, call, connection, request)) is not None:
            return made
        if hook:
            hook(call, connection, document)
        for member, noun in plan.resource.parents.items():
            if member in document:
                get(call.state.plans[noun], call, connection, document)
        return find(connection, add(plan, call, connection, document, given_tags))

    row = call.platform.store.write(work)
    if plan.resource.recipe:
        call.platform.wake()
    shown = pages.document(plan, row)
    return {member: shown[member] for member in plan.create_members if member in shown}


def _begun(plan: Plan, call: Call[Nouns], request: Document) -> Document:
    """The request without its tags, with what AWS adds to it."""
    document = {name: value for name, value in request.items() if name != "Tags"}
    for member, value in plan.resource.also.items():
        document.setdefault(member, value.format_map(document) if isinstance(value, str) else value)
    return {**document, **dict.fromkeys(plan.signed, author(call))}


def add(
    plan: Plan, call: Call[Nouns], connection: sqlite3.Connection, document: Document, named: dict[str, str]
) -> str:
    """Within a transaction: the row, its tags, and for what runs its job and first event. Returns the ARN."""
    now = call.state.now(call)
    arn = plan.locate(call, {**document, plan.arn_member: None})
    values = {
        "arn": arn,
        "service": plan.service,
        "type": plan.noun,
        "account": call.account,
        "region": call.region,
        "name": plan.key(document),
        "document": orjson.dumps(document).decode(),
        "created": now,
    }
    try:
        connection.execute(SQL["resource_add"], values)
    except sqlite3.IntegrityError:
        raise plan.exists(call.operation, arn, document) from None
    tags.put(connection, arn, named)
    if plan.resource.recipe:
        recipe = f"{plan.service}.{plan.noun}"
        connection.execute(SQL["job_add"], {"arn": arn, "recipe": recipe, "state": "pending", "due": now})
        connection.execute(SQL["event_add"], {"arn": arn, "at": now, "state": "pending", "message": "", "detail": None})
    return arn


def _made_before(plan: Plan, call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> Any:
    """The row, or None, when this very request, by its token, was carried out already."""
    token = request.get(plan.token) if plan.token else None
    if not token or not request.get(plan.name):
        return None
    row = find(connection, plan.locate(call, request))
    if row is None or loaded(row).get(plan.token) != token:
        return None
    return row


def describe(plan: Plan, call: Call[Nouns], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        return show(plan, connection, get(plan, call, connection, request))


def show(plan: Plan, connection: sqlite3.Connection, row: Any) -> Document:
    """What Describe answers for a row that was read in this moment: else its job may have ended, or gone, since."""
    document = pages.document(plan, row)
    if plan.resource.view:
        job = connection.execute(SQL["job_find"], {"arn": row["arn"]}).fetchone()
        document |= plan.resource.view(
            document, job, connection.execute(SQL["event_all"], {"arn": row["arn"]}).fetchall()
        )
    if "Tags" in plan.describe_members:
        document["Tags"] = [{"Key": key, "Value": value} for key, value in tags.read(connection, row["arn"]).items()]
    shown = pruned(plan, document)
    return {plan.wrapped: shown} if plan.wrapped else shown


def pruned(plan: Plan, document: Document) -> Document:
    """What of a document Describe gives."""
    return {member: value for member, value in document.items() if member in plan.describe_members}


def update(plan: Plan, call: Call[Nouns], request: Document, hook: Hook | None = None) -> Document:
    """Given members replace, but for those that the resource merges; `hook` sees the document as it will be."""
    passed.check(call, request)

    def work(connection: sqlite3.Connection) -> Any:
        row = get(plan, call, connection, request)
        document = merged(plan, loaded(row), request)
        if hook:
            hook(call, connection, document)
        change(plan, call, connection, row["arn"], document)
        row = find(connection, row["arn"])
        return show(plan, connection, row) if plan.wrapped in members else pages.document(plan, row)

    shape = call.operation.output_shape
    members = shape.members if shape else {}
    shown = call.platform.store.write(work)
    return {member: shown[member] for member in members if member in shown}


def change(plan: Plan, call: Call[Nouns], connection: sqlite3.Connection, arn: str, document: Document) -> None:
    """Within a transaction: the document is now this."""
    if "LastModifiedBy" in plan.signed:
        document["LastModifiedBy"] = author(call)
    text = orjson.dumps(document).decode()
    connection.execute(SQL["resource_change"], {"arn": arn, "document": text, "modified": call.state.now(call)})


def keep(connection: sqlite3.Connection, arn: str, document: Document) -> None:
    """Within a transaction: the document is now this, which is no change that the user would see as one."""
    values = {"arn": arn, "document": orjson.dumps(document).decode(), "modified": find(connection, arn)["modified"]}
    connection.execute(SQL["resource_change"], values)


def merged(plan: Plan, document: Document, request: Document) -> Document:
    """The document after an Update. AWS's members say by their endings what they do: AliasesToAdd, PropertiesToRemove,
    DomainSettingsForUpdate, and DeleteProperties, which names members.
    """
    kept = {*plan.labels, plan.arn_member, "Tags", "ClientToken", "ClientRequestToken"}
    found = dict(document)
    for member, value in request.items():
        base = member.removesuffix("ToRemove").removesuffix("ToAdd").removesuffix("ForUpdate")
        if member in kept:
            continue
        if member == "DeleteProperties":
            found = {name: old for name, old in found.items() if name not in value}
        elif member.endswith("ToRemove"):
            continue  # below: removal has the last word
        elif member.endswith("ToAdd"):
            found[base] = [*found.get(base, []), *value]
        elif (member in plan.resource.merge or member.endswith("ForUpdate")) and isinstance(found.get(base), dict):
            found[base] = {**found[base], **value}
        else:
            found[base] = value
    for member, value in request.items():
        base = member.removesuffix("ToRemove")
        if base != member and isinstance(found.get(base), dict):
            found[base] = {name: old for name, old in found[base].items() if name not in value}
    return found


def delete(plan: Plan, call: Call[Nouns], request: Document, hook: Hook | None = None) -> Document:
    """Refused while children name it as their parent; `hook` may refuse too, or clear away what belongs to it."""

    def work(connection: sqlite3.Connection) -> Any:
        row = get(plan, call, connection, request)
        document = loaded(row)
        for child, member in call.state.children(plan.noun):
            if has_child(child, call, connection, f"$.{member}", dig(document, [member])):
                raise plan.in_use(call.operation, row["arn"], document)
        if hook:
            hook(call, connection, document)
        forget(connection, row["arn"])
        return row

    row = call.platform.store.write(work)
    shape = call.operation.output_shape
    return {plan.arn_member: row["arn"]} if shape is not None and plan.arn_member in shape.members else {}


def forget(connection: sqlite3.Connection, arn: str) -> None:
    """Within a transaction: the row, its tags and its past are gone."""
    connection.execute(SQL["resource_remove"], {"arn": arn})
    connection.execute(SQL["job_remove"], {"arn": arn})
    connection.execute(SQL["event_clear"], {"arn": arn})
    connection.execute(SQL["tag_clear"], {"arn": arn})


def has_child(plan: Plan, call: Call[Nouns], connection: sqlite3.Connection, path: str, value: Any) -> bool:
    """Whether a resource of the plan's noun has `value` under `path`, which is SQLite's: $.ExperimentName."""
    values = {"service": plan.service, "type": plan.noun, "account": call.account, "region": call.region}
    return bool(connection.execute(SQL["resource_child"], {**values, "path": path, "value": value}).fetchone())


def mentions(plan: Plan, call: Call[Nouns], connection: sqlite3.Connection, arn: str) -> bool:
    """Whether a resource of the plan's noun has the ARN anywhere in its document."""
    return any(f'"{arn}"' in row["document"] for row in pages.every(plan, call, connection))


def stop(plan: Plan, call: Call[Nouns], request: Document) -> Document:
    """Asks for the end of what runs; the job engine sees to it. Raises Invalid where nothing runs any more."""

    def work(connection: sqlite3.Connection) -> None:
        row = get(plan, call, connection, request)
        job = connection.execute(SQL["job_find"], {"arn": row["arn"]}).fetchone()
        if job is None or job["state"] in ENDED:
            raise Invalid(f"The request was rejected because the {plan.noun} is in a terminal state: {row['arn']}")
        halt(connection, job, call.state.now(call))

    call.platform.store.write(work)
    call.platform.wake()
    return {}


def halt(connection: sqlite3.Connection, job: Any, now: float) -> None:
    """Within a transaction: somebody wants this job, a row, to end. Wake the engine afterwards."""
    if not job["stop"]:
        values = {"arn": job["arn"], "at": now, "state": job["state"], "message": "", "detail": STOPPING}
        connection.execute(SQL["event_add"], values)
        connection.execute(SQL["job_stop"], {"arn": job["arn"]})


def operations(plan: Plan, listing: pages.Listing | None) -> dict[str, Operation]:
    """The generic operations that the model has for this noun; a noun that does one in its own way replaces it."""
    verbs: dict[str, Operation] = {
        "Create": Operation(lambda call, request: create(plan, call, request)),
        "Describe": Operation(lambda call, request: describe(plan, call, request), inline=True),
        "Update": Operation(lambda call, request: update(plan, call, request)),
        "Delete": Operation(lambda call, request: delete(plan, call, request)),
    }
    if listing:
        verbs["List"] = Operation(listing.page)
    if plan.resource.recipe:
        verbs["Stop"] = Operation(lambda call, request: stop(plan, call, request))
    return {name: verbs[verb] for verb, name in plan.operations.items() if verb in verbs}
