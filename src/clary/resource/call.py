"""One authenticated request on its way to an operation, and what every service can reach."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from clary.config import Config
from clary.resource.bus import Bus
from clary.store.db import Store
from clary.wire.message import Request

if TYPE_CHECKING:  # botocore takes 0.2 s to import, which `clary env` need not wait for
    from botocore.model import OperationModel

S = TypeVar("S", covariant=True)  # noqa: PLC0105 - the state that a service's operations share


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `arn` is what GetCallerIdentity answers; `principal` is what policies are attached to (a role, not its
    session).
    """

    kind: Literal["root", "user", "assumed-role", "federated-user", "anonymous"]
    account: str
    arn: str
    user_id: str
    principal: str = ""
    access_key: str = ""
    session_policies: tuple[str, ...] = ()  # JSON texts and managed policy ARNs given to AssumeRole
    context: Mapping[str, list[str]] = field(default_factory=dict)  # aws:PrincipalTag/…, aws:userid, …


@dataclass(frozen=True, slots=True)
class Permission:
    """What an operation asks of IAM: may the caller do `action` on `resource`, under these condition keys?

    `resource_policy` is the resource's own policy document, if it has one; `resource_account` whose it is.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, list[str]] = field(default_factory=dict)
    resource_policy: Mapping[str, Any] | None = None
    resource_account: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """How a request was signed, in the words of the s3: condition keys."""

    how: Literal["REST-HEADER", "REST-QUERY-STRING", "POST"]
    version: Literal["AWS", "AWS4-HMAC-SHA256"]
    at: float | None = None  # seconds since the epoch; presigned by Version 4 only


class Authority(Protocol):
    """IAM as the other services see it."""

    def allow(self, caller: Caller, permission: Permission, context: Mapping[str, list[str]]) -> None:
        """Returns if the caller may; raises errors.AccessDenied with AWS's sentence if not."""

    def pass_role(self, caller: Caller, role_arn: str, service: str, context: Mapping[str, list[str]]) -> None:
        """Returns if the role exists, trusts `service` (say "sagemaker.amazonaws.com") and the caller has
        iam:PassRole for it; raises errors.AWSError or AccessDenied if not.
        """


@dataclass(slots=True)
class Platform:
    """What the composition root (app.py) makes once, and every operation can reach."""

    config: Config
    store: Store
    bus: Bus
    clock: Callable[[], float]  # seconds since the epoch
    authority: Authority
    wake: Callable[[], None] = lambda: None  # the job engine: there is a new job, or one is to stop


class Lazy(Mapping[str, list[str]]):
    """Condition keys that are put together only when a policy asks for one, since most don't."""

    @cached_property
    def _all(self) -> dict[str, list[str]]:
        raise NotImplementedError

    def __getitem__(self, key: str) -> list[str]:
        return self._all[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


class Keys(Lazy):
    """The global condition keys of a request.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """

    def __init__(self, caller: Caller, request: Request, region: str, now: float) -> None:
        self._facts = caller, request, region, now

    @property
    def seen(self) -> bool:
        """Whether a policy has asked."""
        return "_all" in self.__dict__

    @cached_property
    def _all(self) -> dict[str, list[str]]:
        caller, request, region, now = self._facts
        return {
            **caller.context,
            "aws:CurrentTime": [str(now)],
            "aws:EpochTime": [str(int(now))],
            "aws:SecureTransport": ["true" if request.scheme == "https" else "false"],
            "aws:SourceIp": [request.peer],
            "aws:UserAgent": [request.headers.get("user-agent", "")],
            "aws:Referer": [v] if (v := request.headers.get("referer")) else [],
            "aws:RequestedRegion": [region],
        }


@dataclass(slots=True)
class Call(Generic[S]):
    platform: Platform
    state: S
    service: str  # botocore's name
    operation: "OperationModel"
    request: Request
    caller: Caller
    region: str
    id: str  # x-amzn-RequestId
    signed: Signed | None = None  # None: anonymous

    @property
    def account(self) -> str:
        return self.platform.config.account_id

    @property
    def context(self) -> Mapping[str, list[str]]:
        """The global condition keys of this request."""
        return Keys(self.caller, self.request, self.region, self.platform.clock())

    def arn(self, resource: str, service: str = "") -> str:
        """`arn:aws:sagemaker:us-west-2:123456789012:model/m` for `model/m`."""
        prefix = service or self.operation.service_model.signing_name
        return f"arn:aws:{prefix}:{self.region}:{self.account}:{resource}"

    def authorize(self, permission: Permission) -> None:
        """For what only shows while an operation runs; what it always asks for is in the service's `permissions`."""
        self.platform.authority.allow(self.caller, permission, self.context)

    def pass_role(self, role_arn: str, service: str) -> None:
        self.platform.authority.pass_role(self.caller, role_arn, service, self.context)
