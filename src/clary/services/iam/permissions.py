"""What each IAM operation asks for, and on what.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Iterable
from typing import Any, Final

from clary.errors import InvalidAccessKey
from clary.resource.call import Call, Permission
from clary.services.iam import names
from clary.services.iam.directory import SQL
from clary.services.iam.entities import NOUNS, reader, tags
from clary.services.iam.identity import Identity

Request = dict[str, Any]

# The member that names the resource, by the operations' own spelling, first match wins.
NAMED: Final = (
    ("GroupName", "group"),
    ("InstanceProfileName", "instance-profile"),
    ("RoleName", "role"),
    ("UserName", "user"),
)
# Operations whose resource is a kind of entity under a path.
LISTS: Final = {
    "ListUsers": "user",
    "ListGroups": "group",
    "ListRoles": "role",
    "ListInstanceProfiles": "instance-profile",
    "ListPolicies": "policy",
}
KEYS: Final = {"CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "GetUser"}
# Operations that say which policy they speak of. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_iam-tags.html
POLICY_VERBS: Final = ("Attach", "Detach")


def permissions(call: Call[Identity], request: Request) -> list[Permission]:
    """Every operation asks for its own action; some for more. Raises InvalidAccessKey for sessions of users and of
    those they vouch for, which may not call IAM.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    """
    name, caller = call.operation.name, call.caller
    if caller.kind != "assumed-role" and "aws:TokenIssueTime" in caller.context:
        raise InvalidAccessKey
    resource = _resource(call, name, request)
    context: dict[str, list[str]] = {}
    if boundary := request.get("PermissionsBoundary"):
        context["iam:PermissionsBoundary"] = [boundary]
    if name.startswith(POLICY_VERBS):
        context["iam:PolicyARN"] = [request.get("PolicyArn", "")]
    if service := request.get("AWSServiceName"):
        context["iam:AWSServiceName"] = [service]
    held = tags(reader(call), resource) if resource.startswith("arn:") else []
    for prefix in ("aws:ResourceTag/", "iam:ResourceTag/"):
        context |= {f"{prefix}{tag['Key']}": [tag["Value"]] for tag in held}
    asked = tag_context(request.get("Tags", ()), request.get("TagKeys", ()))
    found = [Permission(f"iam:{name}", resource, context | asked)]
    if name.startswith("Create") and request.get("Tags"):
        found.append(Permission(f"iam:Tag{name.removeprefix('Create')}", resource, context | asked))
    if name == "AddRoleToInstanceProfile":
        role = _arn(call, "role", request.get("RoleName", ""))
        found.append(Permission("iam:PassRole", role, {"iam:PassedToService": ["ec2.amazonaws.com"]}))
    return found


def tag_context(given: Iterable[Request], keys: Iterable[str] = ()) -> dict[str, list[str]]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html"""
    pairs = [(str(tag.get("Key", "")), str(tag.get("Value", ""))) for tag in given]
    context = {f"aws:RequestTag/{key}": [value] for key, value in pairs}
    if named := [*(key for key, _ in pairs), *keys]:
        context["aws:TagKeys"] = named
    return context


def _resource(call: Call[Identity], name: str, request: Request) -> str:
    path = request.get("PathPrefix") or "/"
    if kind := LISTS.get(name):
        return f"arn:aws:iam::{call.account}:{kind}{path}"
    for member, kind in NAMED:
        if member in request:
            return _arn(call, kind, request[member], request.get("Path"))
    if name == "CreatePolicy":
        return _arn(call, "policy", request.get("PolicyName", ""), request.get("Path"))
    if name in KEYS:
        return call.caller.arn if call.caller.kind == "user" else _arn(call, "user", "*")
    for member in ("PolicyArn", "PolicySourceArn"):
        if member in request:
            return str(request[member])
    return _special(call, name, request)


def _special(call: Call[Identity], name: str, request: Request) -> str:
    if name == "GetAccessKeyLastUsed":
        row = reader(call).execute(SQL["key"], (request.get("AccessKeyId"),)).fetchone()
        owner = row and reader(call).execute(SQL["entity_by_id"], (row["entity"],)).fetchone()
        return str(owner["arn"]) if owner else _arn(call, "user", "*")
    if service := request.get("AWSServiceName"):
        return names.arn(call.account, "role", f"/aws-service-role/{service}/", "*")
    return "*"


def _arn(call: Call[Identity], kind: str, name: str, path: str | None = None) -> str:
    """The ARN of the entity that there is, or of the one that there would be."""
    assert kind in NOUNS
    row = reader(call).execute(SQL["entity_by_name"], (kind, name)).fetchone()
    return str(row["arn"]) if row else names.arn(call.account, kind, path or "/", name)
