"""What the tests of identity have in common: users, roles and their clients."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Platform

_numbers = itertools.count(1)


def unique(prefix: str = "t") -> str:
    """A name that no other test on this platform has."""
    return f"{prefix}-{next(_numbers)}"


def policy(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def user(platform: Platform, allowed: str | None = None, **given: Any) -> tuple[str, tuple[str, str]]:
    """A new user with one inline policy; its name and its keys."""
    iam, name = platform.client("iam"), unique("user")
    iam.create_user(UserName=name, **given)
    if allowed is not None:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowed)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, (key["AccessKeyId"], key["SecretAccessKey"])


def keys(answer: dict[str, Any]) -> tuple[str, str, str]:
    """The keys in what STS answers."""
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


def account(platform: Platform) -> str:
    found: str = platform.client("sts").get_caller_identity()["Account"]
    return found
