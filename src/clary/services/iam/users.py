"""Users and groups, and who is in which."""

from dataclasses import replace
from typing import Any

from clary.errors import AWSError, Invalid
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import names
from clary.services.iam.boundaries import check_boundary
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import (
    Document,
    Request,
    add,
    by_name,
    conflict,
    details,
    get,
    limit,
    page,
    reader,
    remove,
    save,
    view,
)
from clary.services.iam.entities import new as new_entity
from clary.services.iam.identity import Identity

GROUPS_PER_USER = 10  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


def user_name(call: Call[Identity], request: Request) -> str:
    """The user that a request names, or the one who asks. Raises ValidationError for sessions without a user."""
    if name := request.get("UserName"):
        return str(name)
    if call.caller.kind != "user":
        raise Invalid("Must specify userName when calling with non-User credentials")
    return names.name_of(call.caller.arn)


@operation("CreateUser")
def create_user(call: Call[Identity], request: Request) -> Document:
    user = new_entity(call, "user", request)

    def work(connection: Any) -> Document:
        check_boundary(connection, user.boundary)
        add(connection, user, request.get("Tags", ()))
        return {"User": view(user) | details(connection, user)}

    return call.state.directory.change(work)


@operation("GetUser")
def get_user(call: Call[Identity], request: Request) -> Document:
    """Without a name: the user who asks, or the account itself for root.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
    """
    if call.caller.kind == "root" and not request.get("UserName"):
        row = reader(call).execute(SQL["keys"], (None,)).fetchone()
        return {
            "User": {
                "Path": "/",
                "UserName": "root",
                "UserId": call.account,
                "Arn": call.caller.arn,
                "CreateDate": row["created"],
            }
        }
    user = get(reader(call), "user", user_name(call, request))
    return {"User": view(user) | details(reader(call), user)}


@operation("ListUsers")
def list_users(call: Call[Identity], request: Request) -> Document:
    rows = reader(call).execute(SQL["entities"], ("user", request.get("PathPrefix") or "/"))
    return page(request, "Users", map(Entity.of, rows), by_name, view)


@operation("UpdateUser")
def update_user(call: Call[Identity], request: Request) -> None:
    _rename(call, "user", request["UserName"], request.get("NewUserName"), request.get("NewPath"))


@operation("DeleteUser")
def delete_user(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        user = get(connection, "user", request["UserName"])
        if connection.execute(SQL["holders"], (user.id,)).fetchone():
            raise conflict("Cannot delete entity, must remove user from groups first.")
        if connection.execute(SQL["keys"], (user.id,)).fetchone():
            raise conflict("Cannot delete entity, must delete access keys first.")
        bare(connection, user)
        remove(connection, user)

    call.state.directory.change(work)


def bare(connection: Any, entity: Entity) -> None:
    """Raises DeleteConflict if the entity has policies."""
    if connection.execute(SQL["inline"], (entity.id,)).fetchone():
        raise conflict("Cannot delete entity, must delete policies first.")
    if connection.execute(SQL["attached"], (entity.id,)).fetchone():
        raise conflict("Cannot delete entity, must detach all policies first.")


@operation("CreateGroup")
def create_group(call: Call[Identity], request: Request) -> Document:
    group = new_entity(call, "group", request)
    call.state.directory.change(lambda connection: add(connection, group))
    return {"Group": view(group)}


@operation("GetGroup")
def get_group(call: Call[Identity], request: Request) -> Document:
    group = get(reader(call), "group", request["GroupName"])
    users = map(Entity.of, reader(call).execute(SQL["members"], (group.id,)))
    return {"Group": view(group), **page(request, "Users", users, by_name, view)}


@operation("ListGroups")
def list_groups(call: Call[Identity], request: Request) -> Document:
    rows = reader(call).execute(SQL["entities"], ("group", request.get("PathPrefix") or "/"))
    return page(request, "Groups", map(Entity.of, rows), by_name, view)


@operation("ListGroupsForUser")
def groups_for_user(call: Call[Identity], request: Request) -> Document:
    user = get(reader(call), "user", request["UserName"])
    rows = reader(call).execute(SQL["holders"], (user.id,))
    return page(request, "Groups", map(Entity.of, rows), by_name, view)


@operation("UpdateGroup")
def update_group(call: Call[Identity], request: Request) -> None:
    _rename(call, "group", request["GroupName"], request.get("NewGroupName"), request.get("NewPath"))


@operation("DeleteGroup")
def delete_group(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        group = get(connection, "group", request["GroupName"])
        if connection.execute(SQL["members"], (group.id,)).fetchone():
            raise conflict("Cannot delete entity, must remove users from group first.")
        bare(connection, group)
        remove(connection, group)

    call.state.directory.change(work)


@operation("AddUserToGroup")
def join(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        group = get(connection, "group", request["GroupName"])
        user = get(connection, "user", request["UserName"])
        held = {row["id"] for row in connection.execute(SQL["holders"], (user.id,))}
        if group.id not in held and len(held) >= GROUPS_PER_USER:
            raise limit(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER}")
        connection.execute(SQL["member_add"], (group.id, user.id))

    call.state.directory.change(work)


@operation("RemoveUserFromGroup")
def leave(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        group = get(connection, "group", request["GroupName"])
        user = get(connection, "user", request["UserName"])
        connection.execute(SQL["member_delete"], (group.id, user.id))

    call.state.directory.change(work)


def _rename(call: Call[Identity], kind: str, name: str, new: str | None, path: str | None) -> None:
    def work(connection: Any) -> None:
        old = get(connection, kind, name)
        name_, path_ = new or old.name, path or old.path
        taken = connection.execute(SQL["entity_by_name"], (kind, name_)).fetchone()
        if taken is not None and taken["id"] != old.id:
            raise AWSError("EntityAlreadyExists", f"{kind.capitalize()} with name {name_} already exists.")
        renamed = replace(old, name=name_, path=path_, arn=names.arn(call.account, kind, path_, name_))
        save(connection, renamed)
        connection.execute(SQL["tags_move"], (renamed.arn, old.arn))

    call.state.directory.change(work)
