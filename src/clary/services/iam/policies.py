"""Managed policies: the account's own, with their versions, and AWS's, which nobody can change."""

import re
from dataclasses import replace
from typing import Any, Final

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import managed
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import (
    Document,
    Request,
    add,
    conflict,
    encoded,
    limit,
    missing,
    new,
    page,
    reader,
    remove,
    save,
    tags,
    view,
)
from clary.services.iam.identity import Identity
from clary.services.iam.managed import Managed
from clary.services.iam.policy import grammar

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
SIZE: Final = 6144
VERSIONS: Final = 5

Policy = Managed | Entity


def check(text: str) -> None:
    """Raises MalformedPolicyDocument, or LimitExceeded; white space is not counted."""
    if len("".join(text.split())) > SIZE:
        raise limit(f"Cannot exceed quota for PolicySize: {SIZE}")
    grammar.parse(text, "identity")


def find(connection: Any, arn: str) -> Policy:
    """Raises NoSuchEntity."""
    if known := managed.find(arn):
        return known
    row = connection.execute(SQL["entity_by_arn"], (arn,)).fetchone()
    if row is None or row["kind"] != "policy":
        raise missing(f"Policy {arn} was not found.")
    return Entity.of(row)


def own(connection: Any, arn: str) -> Entity:
    """As `find`, for a policy that may be changed: raises AccessDenied for AWS's, as AWS does."""
    policy = find(connection, arn)
    if isinstance(policy, Managed):
        raise AWSError("AccessDenied", f"Policies managed by AWS cannot be changed: {arn}", 403)
    return policy


class Counts:
    """How many entities have which policy, and how many have it as boundary."""

    def __init__(self, connection: Any) -> None:
        self.attached = {r["policy"]: r["number"] for r in connection.execute(SQL["attachment_counts"])}
        self.boundary = {r["policy"]: r["number"] for r in connection.execute(SQL["boundary_counts"])}


def show(policy: Policy, counts: Counts) -> Document:
    usage = {
        "AttachmentCount": counts.attached.get(policy.arn, 0),
        "PermissionsBoundaryUsageCount": counts.boundary.get(policy.arn, 0),
        "IsAttachable": True,
    }
    if isinstance(policy, Entity):
        version = f"v{policy.document['Default']}"
        return view(policy) | {"DefaultVersionId": version, "UpdateDate": policy.document["Updated"]} | usage
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "CreateDate": managed.CREATED,
        "UpdateDate": managed.CREATED,
        **usage,
    }


def show_all(connection: Any, policy: Policy) -> Document:
    """What Get shows and List does not: description and tags."""
    shown = show(policy, Counts(connection))
    description = policy.document.get("Description") if isinstance(policy, Entity) else policy.description
    if description:
        shown["Description"] = description
    return shown | {"Tags": tags(connection, policy.arn)}


@operation("CreatePolicy")
def create(call: Call[Identity], request: Request) -> Document:
    policy = new(call, "policy", request, "Description")
    policy = replace(policy, document=policy.document | {"Default": 1, "Last": 1, "Updated": policy.created})
    text = request["PolicyDocument"]

    def work(connection: Any) -> Document:
        check(text)
        add(connection, policy, request.get("Tags", ()))
        _add_version(connection, policy, 1, text, preferred=True)
        return {"Policy": show_all(connection, policy)}

    return call.state.directory.change(work)


def _add_version(connection: Any, policy: Entity, number: int, text: str, *, preferred: bool) -> None:
    row = {"policy": policy.id, "number": number, "text": text, "preferred": preferred}
    connection.execute(SQL["version_add"], row | {"created": policy.document["Updated"]})


@operation("GetPolicy")
def get(call: Call[Identity], request: Request) -> Document:
    return {"Policy": show_all(reader(call), find(reader(call), request["PolicyArn"]))}


@operation("ListPolicies")
def list_policies(call: Call[Identity], request: Request) -> Document:
    connection, scope = reader(call), request.get("Scope", "All")
    prefix = request.get("PathPrefix") or "/"
    found: list[Policy] = []
    if scope in {"All", "Local"}:
        found += map(Entity.of, connection.execute(SQL["entities"], ("policy", prefix)))
    if scope in {"All", "AWS"}:
        found += [policy for policy in managed.policies().values() if policy.path.startswith(prefix)]
    counts = Counts(connection)
    usage = request.get("PolicyUsageFilter")
    if usage == "PermissionsBoundary":
        found = [policy for policy in found if policy.arn in counts.boundary]
    if request.get("OnlyAttached") or usage == "PermissionsPolicy":
        found = [policy for policy in found if policy.arn in counts.attached]
    return page(request, "Policies", found, lambda policy: policy.arn, lambda policy: show(policy, counts))


@operation("DeletePolicy")
def delete(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        policy = own(connection, request["PolicyArn"])
        counts = Counts(connection)
        if policy.arn in counts.attached or policy.arn in counts.boundary:
            raise conflict("Cannot delete a policy attached to entities.")
        if len(connection.execute(SQL["versions"], (policy.id,)).fetchall()) > 1:
            raise conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        remove(connection, policy)

    call.state.directory.change(work)


@operation("CreatePolicyVersion")
def create_version(call: Call[Identity], request: Request) -> Document:
    text, preferred = request["PolicyDocument"], bool(request.get("SetAsDefault"))

    def work(connection: Any) -> Document:
        policy = own(connection, request["PolicyArn"])
        check(text)
        if len(connection.execute(SQL["versions"], (policy.id,)).fetchall()) >= VERSIONS:
            raise limit(
                f"A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must "
                "delete an existing version."
            )
        number, now = policy.document["Last"] + 1, float(int(call.platform.clock()))
        policy = replace(policy, document=policy.document | {"Last": number, "Updated": now})
        _add_version(connection, policy, number, text, preferred=False)
        save(connection, policy)
        if preferred:
            _prefer(connection, policy, number)
        return {"PolicyVersion": {"VersionId": f"v{number}", "IsDefaultVersion": preferred, "CreateDate": now}}

    return call.state.directory.change(work)


def _prefer(connection: Any, policy: Entity, number: int) -> None:
    connection.execute(SQL["version_prefer"], {"policy": policy.id, "number": number})
    save(connection, replace(policy, document=policy.document | {"Default": number}))


def versions(connection: Any, policy: Policy) -> list[Document]:
    """Newest first, with their documents."""
    if isinstance(policy, Managed):
        return [_show_version(1, managed.CREATED, policy.text, preferred=True)]
    return [
        _show_version(row["number"], row["created"], row["text"], preferred=bool(row["preferred"]))
        for row in connection.execute(SQL["versions"], (policy.id,))
    ]


def _show_version(number: int, created: float, text: str, *, preferred: bool) -> Document:
    return {
        "VersionId": f"v{number}",
        "IsDefaultVersion": preferred,
        "CreateDate": created,
        "Document": encoded(text),
    }


def _version(connection: Any, policy: Policy, version: str) -> Document:
    found = [shown for shown in versions(connection, policy) if shown["VersionId"] == version]
    if not found:
        raise missing(f"Policy {policy.arn} version {version} does not exist or is not attachable.")
    return found[0]


@operation("GetPolicyVersion")
def get_version(call: Call[Identity], request: Request) -> Document:
    policy = find(reader(call), request["PolicyArn"])
    return {"PolicyVersion": _version(reader(call), policy, request["VersionId"])}


@operation("ListPolicyVersions")
def list_versions(call: Call[Identity], request: Request) -> Document:
    policy = find(reader(call), request["PolicyArn"])
    found = [{name: shown[name] for name in shown if name != "Document"} for shown in versions(reader(call), policy)]
    # Newest first, as AWS lists them.
    return page(request, "Versions", found, lambda shown: f"{10**9 - _number(shown['VersionId']):010}", dict)


def _number(version: str) -> int:
    return int(re.sub(r"[.].*", "", version[1:]))


@operation("SetDefaultPolicyVersion")
def set_default(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        policy = own(connection, request["PolicyArn"])
        _version(connection, policy, request["VersionId"])
        _prefer(connection, policy, _number(request["VersionId"]))

    call.state.directory.change(work)


@operation("DeletePolicyVersion")
def delete_version(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        policy = own(connection, request["PolicyArn"])
        if _version(connection, policy, request["VersionId"])["IsDefaultVersion"]:
            raise conflict("Cannot delete the default version of a policy.")
        connection.execute(SQL["version_delete"], (policy.id, _number(request["VersionId"])))

    call.state.directory.change(work)


@operation("ListEntitiesForPolicy")
def entities(call: Call[Identity], request: Request) -> Document:
    connection, usage = reader(call), request.get("PolicyUsageFilter")
    policy, wanted = find(connection, request["PolicyArn"]), request.get("EntityFilter")
    found: list[Entity] = []
    if usage != "PermissionsBoundary":
        found += map(Entity.of, connection.execute(SQL["attachments_of"], (policy.arn,)))
    if usage != "PermissionsPolicy":
        found += map(Entity.of, connection.execute(SQL["bounded_by"], (policy.arn,)))
    kinds = {"User": "user", "Role": "role", "Group": "group"}
    prefix = request.get("PathPrefix") or "/"
    held = {
        entity.id: entity
        for entity in found
        if entity.path.startswith(prefix) and entity.kind == kinds.get(wanted or "", entity.kind)
    }
    paged = page(request, "Found", held.values(), lambda entity: f"{entity.kind}/{entity.name}", lambda entity: entity)
    shown: list[Entity] = paged.pop("Found")
    for noun, kind in kinds.items():
        ours = [entity for entity in shown if entity.kind == kind]
        paged[f"Policy{noun}s"] = [{f"{noun}Name": entity.name, f"{noun}Id": entity.id} for entity in ours]
    return paged
