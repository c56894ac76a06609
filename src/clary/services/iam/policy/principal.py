"""Whom a resource-based policy speaks of.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

# How a policy names the one who asks. It decides which other policies can still refuse:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
Naming = Literal["session", "identity", "anyone", "account", "service"]

_ACCOUNT: Final = re.compile(r"\d{12}|arn:aws:iam::(\d{12}):root")


@dataclass(frozen=True, slots=True)
class Asker:
    """The one who asks, as policies may name it. An AWS service has a name and no ARN."""

    arn: str = ""  # of the session, if it is one
    principal: str = ""  # of the user or role behind it
    account: str = ""
    kind: str = ""  # as Caller.kind, or "service"
    service: str = ""  # sagemaker.amazonaws.com


class Principals:
    """A Principal or NotPrincipal element."""

    __slots__ = ("_accounts", "_anyone", "_arns", "_services")

    def __init__(self, element: Any) -> None:
        lists = {"AWS": element} if element == "*" else element
        named = _strings(lists.get("AWS", []))
        self._anyone = "*" in named
        found = {name: match for name in named if (match := _ACCOUNT.fullmatch(name))}
        self._accounts = {match.group(1) or match.group() for match in found.values()}
        self._arns = set(named) - set(found)
        self._services = set(_strings(lists.get("Service", [])))

    def naming(self, asker: Asker) -> Naming | None:
        """The most direct way in which the asker is named; None if it is not."""
        if asker.service:
            return "service" if asker.service in self._services or self._anyone else None
        if asker.arn in self._arns:
            return "session" if asker.arn != asker.principal else "identity"
        if asker.principal in self._arns and asker.principal:
            return "identity"
        if self._anyone:
            return "anyone"
        return "account" if asker.account in self._accounts else None

    def exempts(self, asker: Asker) -> bool:
        """Whether a NotPrincipal with this list leaves the asker out: it has to name it at every level.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if asker.service:
            return asker.service in self._services
        if self._anyone:
            return True
        levels = {asker.arn, asker.principal} - {""}
        whole = asker.kind == "root" or levels <= self._arns
        return asker.account in self._accounts and whole


def _strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
