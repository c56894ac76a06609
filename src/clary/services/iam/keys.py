"""Access keys of users and of the account's root."""

import sqlite3
from typing import Any, Final

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import names, used
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import Document, Request, get, limit, missing, page, reader
from clary.services.iam.identity import Identity
from clary.services.iam.users import user_name

KEYS: Final = 2  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


def _owner(connection: sqlite3.Connection, call: Call[Identity], request: Request) -> tuple[str | None, str]:
    """The id and name of the user that a request speaks of; (None, "root") where root asks about itself."""
    if call.caller.kind == "root" and not request.get("UserName"):
        return None, "root"
    user = get(connection, "user", user_name(call, request))
    return user.id, user.name


def _held(connection: sqlite3.Connection, owner: str | None, access_key: str) -> None:
    if access_key not in {row["id"] for row in connection.execute(SQL["keys"], (owner,))}:
        raise missing(f"The Access Key with id {access_key} cannot be found.")


@operation("CreateAccessKey")
def create(call: Call[Identity], request: Request) -> Document:
    now = float(int(call.platform.clock()))

    def work(connection: Any) -> tuple[str, str]:
        owner, name = _owner(connection, call, request)
        if len(connection.execute(SQL["keys"], (owner,)).fetchall()) >= KEYS:
            raise limit(f"Cannot exceed quota for AccessKeysPerUser: {KEYS}")
        id_ = names.access_key_id("AKIA", call.account)
        connection.execute(SQL["key_add"], (id_, owner, now))
        return id_, name

    id_, name = call.state.directory.change(work)
    made = {"UserName": name, "AccessKeyId": id_, "Status": "Active", "CreateDate": now}
    return {"AccessKey": made | {"SecretAccessKey": call.state.credentials.secret(id_)}}


@operation("ListAccessKeys")
def list_keys(call: Call[Identity], request: Request) -> Document:
    owner, name = _owner(reader(call), call, request)
    rows = reader(call).execute(SQL["keys"], (owner,)).fetchall()

    def show(row: sqlite3.Row) -> Document:
        return {"UserName": name, "AccessKeyId": row["id"], "Status": row["status"], "CreateDate": row["created"]}

    return page(request, "AccessKeyMetadata", rows, lambda row: row["id"], show)


@operation("UpdateAccessKey")
def update(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        _held(connection, _owner(connection, call, request)[0], request["AccessKeyId"])
        connection.execute(SQL["key_status"], (request["Status"], request["AccessKeyId"]))

    call.state.directory.change(work)


@operation("DeleteAccessKey")
def delete(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        _held(connection, _owner(connection, call, request)[0], request["AccessKeyId"])
        connection.execute(SQL["key_delete"], (request["AccessKeyId"],))
        connection.execute(SQL["used_delete"], (request["AccessKeyId"],))

    call.state.directory.change(work)


@operation("GetAccessKeyLastUsed")
def last_used(call: Call[Identity], request: Request) -> Document:
    row = reader(call).execute(SQL["key"], (request["AccessKeyId"],)).fetchone()
    if row is None:
        raise missing(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
    used.write_down(call.state.authority, call.state.directory)
    shown: Document = {"AccessKeyLastUsed": used.last(call.state.directory, row["id"]) or used.NEVER}
    if row["entity"] is not None:
        owner = reader(call).execute(SQL["entity_by_id"], (row["entity"],)).fetchone()
        shown["UserName"] = Entity.of(owner).name
    return shown
