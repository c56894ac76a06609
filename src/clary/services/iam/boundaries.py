"""Permissions boundaries: the most that a user or role may, whatever its policies say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import Operation
from clary.services.iam.directory import policy_text
from clary.services.iam.entities import NOUNS, Request, get, missing, save
from clary.services.iam.identity import Identity


def check_boundary(connection: Any, arn: str | None) -> None:
    """Raises NoSuchEntity if there is no such policy."""
    if arn is not None and policy_text(connection, arn) is None:
        raise missing(f"Scope ARN: {arn} does not exist or is not attachable.")


def table() -> dict[str, Operation]:
    return {
        f"{verb}{NOUNS[kind].noun}PermissionsBoundary": Operation(_setting(kind))
        for kind in ("user", "role")
        for verb in ("Put", "Delete")
    }


def _setting(kind: str) -> Callable[[Call[Identity], Request], None]:
    def put(call: Call[Identity], request: Request) -> None:
        """Delete is a Put of nothing."""

        def work(connection: Any) -> None:
            entity = get(connection, kind, request[NOUNS[kind].name])
            modifiable(entity.path, entity.name)
            boundary = request.get("PermissionsBoundary")
            check_boundary(connection, boundary)
            save(connection, replace(entity, boundary=boundary))

        call.state.directory.change(work)

    return put


def modifiable(path: str, name: str) -> None:
    """Raises UnmodifiableEntity for service-linked roles.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
    """
    if path.startswith("/aws-service-role/"):
        raise AWSError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
        )
