"""Instance profiles: what hands a role to an instance."""

from typing import Any

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import roles
from clary.services.iam.boundaries import modifiable
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import (
    Document,
    Request,
    add,
    by_name,
    conflict,
    get,
    limit,
    missing,
    new,
    page,
    reader,
    remove,
    tags,
    view,
)
from clary.services.iam.identity import Identity


def show(connection: Any, profile: Entity) -> Document:
    held = [roles.show(Entity.of(row)) for row in connection.execute(SQL["members"], (profile.id,))]
    return view(profile) | {"Roles": held}


@operation("CreateInstanceProfile")
def create(call: Call[Identity], request: Request) -> Document:
    profile = new(call, "instance-profile", request)

    def work(connection: Any) -> Document:
        add(connection, profile, request.get("Tags", ()))
        return {"InstanceProfile": show(connection, profile) | {"Tags": tags(connection, profile.arn)}}

    return call.state.directory.change(work)


@operation("GetInstanceProfile")
def get_profile(call: Call[Identity], request: Request) -> Document:
    profile = get(reader(call), "instance-profile", request["InstanceProfileName"])
    return {"InstanceProfile": show(reader(call), profile) | {"Tags": tags(reader(call), profile.arn)}}


@operation("ListInstanceProfiles")
def list_profiles(call: Call[Identity], request: Request) -> Document:
    rows = reader(call).execute(SQL["entities"], ("instance-profile", request.get("PathPrefix") or "/")).fetchall()
    return page(request, "InstanceProfiles", map(Entity.of, rows), by_name, lambda each: show(reader(call), each))


@operation("ListInstanceProfilesForRole")
def profiles_of_role(call: Call[Identity], request: Request) -> Document:
    role = get(reader(call), "role", request["RoleName"])
    rows = reader(call).execute(SQL["holders"], (role.id,)).fetchall()
    return page(request, "InstanceProfiles", map(Entity.of, rows), by_name, lambda each: show(reader(call), each))


@operation("DeleteInstanceProfile")
def delete(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        profile = get(connection, "instance-profile", request["InstanceProfileName"])
        if connection.execute(SQL["members"], (profile.id,)).fetchone():
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        remove(connection, profile)

    call.state.directory.change(work)


@operation("AddRoleToInstanceProfile")
def add_role(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        profile = get(connection, "instance-profile", request["InstanceProfileName"])
        role = get(connection, "role", request["RoleName"])
        modifiable(role.path, role.name)
        if connection.execute(SQL["members"], (profile.id,)).fetchone():
            raise limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
        connection.execute(SQL["member_add"], (profile.id, role.id))

    call.state.directory.change(work)


@operation("RemoveRoleFromInstanceProfile")
def remove_role(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        profile = get(connection, "instance-profile", request["InstanceProfileName"])
        role = get(connection, "role", request["RoleName"])
        if not connection.execute(SQL["member_delete"], (profile.id, role.id)).rowcount:
            raise missing(f"The role with name {role.name} cannot be found.")

    call.state.directory.change(work)
