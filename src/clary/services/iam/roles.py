"""Roles: identities that are assumed, by whom their trust policy says."""

from dataclasses import replace
from typing import Any, Final

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import used
from clary.services.iam.boundaries import check_boundary, modifiable
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import (
    Document,
    Request,
    add,
    by_name,
    conflict,
    details,
    encoded,
    get,
    limit,
    missing,
    new,
    page,
    reader,
    remove,
    save,
    view,
)
from clary.services.iam.identity import Identity
from clary.services.iam.policy import grammar
from clary.services.iam.policy.statement import listed
from clary.services.iam.users import bare

HOUR: Final = 3600
TRUST_SIZE: Final = 2048  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
TRUST: Final = "AssumeRolePolicyDocument"
# Service-linked roles have names of their own; others follow from the service's.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
LINKED: Final = {
    "sagemaker": "AmazonSageMakerNotebooks",
    "redshift": "Redshift",
    "sagemaker.application-autoscaling": "ApplicationAutoScaling_SageMakerEndpoint",
    "ecs": "ECS",
    "autoscaling": "AutoScaling",
    "elasticloadbalancing": "ElasticLoadBalancing",
    "elasticmapreduce": "EMRCleanup",
    "lakeformation.amazonaws": "LakeFormationDataAccess",
}


def show(role: Entity) -> Document:
    """What List shows too."""
    shown = view(role) | {TRUST: encoded(role.document[TRUST])}
    if description := role.document.get("Description"):
        shown["Description"] = description
    shown["MaxSessionDuration"] = role.document.get("MaxSessionDuration", HOUR)
    return shown


def show_all(call: Call[Identity], role: Entity) -> Document:
    last = used.last(call.state.directory, role.id) or {}
    last.pop("ServiceName", None)
    return show(role) | details(reader(call), role) | {"RoleLastUsed": last}


def check_trust(connection: Any, text: str, account: str) -> None:
    """Raises MalformedPolicyDocument, or LimitExceeded."""
    if len("".join(text.split())) > TRUST_SIZE:
        raise limit(f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")
    for element in listed(grammar.parse(text, "trust")["Statement"]):
        principal = element.get("Principal", element.get("NotPrincipal"))
        for name in listed(principal.get("AWS", [])) if isinstance(principal, dict) else ():
            identity = name.startswith(f"arn:aws:iam::{account}:") and not name.endswith(":root")
            if identity and connection.execute(SQL["entity_by_arn"], (name,)).fetchone() is None:
                raise grammar.invalid_principal("AWS", name)


@operation("CreateRole")
def create(call: Call[Identity], request: Request) -> Document:
    role = new(call, "role", request, TRUST, "Description", "MaxSessionDuration")

    def work(connection: Any) -> Document:
        check_trust(connection, role.document[TRUST], call.account)
        check_boundary(connection, role.boundary)
        add(connection, role, request.get("Tags", ()))
        return {"Role": show(role) | details(connection, role)}

    return call.state.directory.change(work)


@operation("GetRole")
def get_role(call: Call[Identity], request: Request) -> Document:
    return {"Role": show_all(call, get(reader(call), "role", request["RoleName"]))}


@operation("ListRoles")
def list_roles(call: Call[Identity], request: Request) -> Document:
    rows = reader(call).execute(SQL["entities"], ("role", request.get("PathPrefix") or "/"))
    return page(request, "Roles", map(Entity.of, rows), by_name, show)


@operation("UpdateRole")
def update(call: Call[Identity], request: Request) -> Document:
    _change(call, request, {name: request[name] for name in ("Description", "MaxSessionDuration") if name in request})
    return {}


@operation("UpdateRoleDescription")
def update_description(call: Call[Identity], request: Request) -> Document:
    return {"Role": show(_change(call, request, {"Description": request["Description"]}))}


@operation("UpdateAssumeRolePolicy")
def update_trust(call: Call[Identity], request: Request) -> None:
    _change(call, request, {TRUST: request["PolicyDocument"]})


def _change(call: Call[Identity], request: Request, members: Document) -> Entity:
    def work(connection: Any) -> Entity:
        role = get(connection, "role", request["RoleName"])
        modifiable(role.path, role.name)
        if TRUST in members:
            check_trust(connection, members[TRUST], call.account)
        changed = replace(role, document=role.document | members)
        save(connection, changed)
        return changed

    return call.state.directory.change(work)


@operation("DeleteRole")
def delete(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        role = get(connection, "role", request["RoleName"])
        modifiable(role.path, role.name)
        if connection.execute(SQL["holders"], (role.id,)).fetchone():
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        bare(connection, role)
        remove(connection, role)

    call.state.directory.change(work)


@operation("CreateServiceLinkedRole")
def create_linked(call: Call[Identity], request: Request) -> Document:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html"""
    service = request["AWSServiceName"]
    if not service.endswith(".amazonaws.com"):
        raise AWSError("InvalidInput", f"{service} is not a valid service principal.")
    stem = service.removesuffix(".amazonaws.com")
    name = f"AWSServiceRoleFor{LINKED.get(stem) or ''.join(map(str.capitalize, stem.replace('.', '-').split('-')))}"
    if suffix := request.get("CustomSuffix"):
        name += f"_{suffix}"
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow",'
        f'"Principal":{{"Service":["{service}"]}}}}]}}'
    )
    members = {"RoleName": name, "Path": f"/aws-service-role/{service}/", TRUST: trust}
    role = new(call, "role", members | {"Description": request.get("Description")}, TRUST, "Description")

    def work(connection: Any) -> None:
        if connection.execute(SQL["entity_by_name"], ("role", name)).fetchone():
            raise AWSError(
                "InvalidInput",
                f"Service role name {name} has been taken in this account, please try a different suffix.",
            )
        add(connection, role)

    call.state.directory.change(work)
    return {"Role": show(role)}


@operation("DeleteServiceLinkedRole")
def delete_linked(call: Call[Identity], request: Request) -> Document:
    """Done at once; the task that AWS reports is over when it is asked for."""

    def work(connection: Any) -> str:
        role = get(connection, "role", request["RoleName"])
        if not role.path.startswith("/aws-service-role/"):
            raise missing(f"The role with name {role.name} cannot be found.")
        remove(connection, role)
        return f"task{role.path}{role.name}/{role.id}"

    return {"DeletionTaskId": call.state.directory.change(work)}


@operation("GetServiceLinkedRoleDeletionStatus")
def deletion_status(call: Call[Identity], request: Request) -> Document:
    parts = request["DeletionTaskId"].split("/")
    if len(parts) != 5 or parts[:2] != ["task", "aws-service-role"]:
        raise missing(f"Deletion task {request['DeletionTaskId']} not found.")
    exists = reader(call).execute(SQL["entity_by_id"], (parts[4],)).fetchone()
    return {"Status": "NOT_STARTED" if exists else "SUCCEEDED"}
