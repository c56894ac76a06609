"""The policies that AWS manages, by ARN: what grants access in AWS by this name grants it here.

Each JSON file beside this one is a policy written by us to do what AWS's own description of the policy says
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html); the arrangement of the grants is
ours. `path` and `description` stand beside the document.
"""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

PREFIX: Final = "arn:aws:iam::aws:policy"
CREATED: Final = 1423000000.0  # February 2015, when AWS made the first ones


@dataclass(frozen=True, slots=True)
class Managed:
    name: str
    path: str
    description: str
    text: str

    @property
    def arn(self) -> str:
        return f"{PREFIX}{self.path}{self.name}"

    @property
    def id(self) -> str:
        """`ANPA…`, the same in every account."""
        return "ANPAI" + sha256(self.arn.encode()).hexdigest()[:16].upper()


@cache
def policies() -> dict[str, Managed]:
    """All of them by ARN, in order of name."""
    found = [_read(file.name[:-5], json.loads(file.read_text())) for file in _files()]
    return {policy.arn: policy for policy in found}


def find(arn: str) -> Managed | None:
    return policies().get(arn) if arn.startswith(PREFIX) else None


def kind(arn: str) -> str:
    """How SimulatePrincipalPolicy calls a managed policy.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_Statement.html
    """
    return "aws-managed" if arn.startswith(PREFIX) else "user-managed"


def _files() -> list[Any]:
    return sorted((f for f in files(__name__).iterdir() if f.name.endswith(".json")), key=lambda f: f.name)


def _read(name: str, document: dict[str, Any]) -> Managed:
    policy = {"Version": "2012-10-17", "Statement": document["statement"]}
    return Managed(name, document.get("path", "/"), document["description"], json.dumps(policy, indent=4))
