"""One request to the distribution API: who asks, for which repository, and whether they may."""

import sqlite3
from dataclasses import dataclass, replace

from clary.resource.call import Call, Caller, Platform
from clary.services.ecr import state
from clary.services.ecr.passwords import basic, unauthorized
from clary.services.ecr.state import ECR, HOST
from clary.wire.message import Request
from clary.wire.models import service_model


@dataclass(frozen=True, slots=True)
class Visit:
    """A request whose caller is known. `call` is as one to ECR's JSON API."""

    call: Call[ECR]
    account: str  # of the registry that is asked

    @property
    def state(self) -> ECR:
        return self.call.state

    @property
    def request(self) -> Request:
        return self.call.request

    def allow(self, name: str, *actions: str) -> sqlite3.Row:
        """The row of the repository, with which the caller may do all of this. Raises AccessDenied and
        RepositoryNotFoundException.
        """
        call = self.call
        row = state.find(call.platform.store.read(), call.region, name) if self.account == call.account else None
        for action in actions:
            call.authorize(state.permission(call, action, name, row))
        if row is None:
            raise state.no_repository(name, self.account)
        return row

    def doing(self, operation: str) -> Call[ECR]:
        """The call as another operation's."""
        return replace(self.call, operation=service_model("ecr").operation_model(operation))


def arrive(platform: Platform, shared: ECR, request: Request) -> Visit:
    """By user and password. Raises AWSError: UNAUTHORIZED, or DENIED where the password is over."""
    given = basic(request.headers.get("authorization", ""))
    if given is None:
        raise unauthorized()
    holder = shared.passwords.open(*given)
    request.caller = holder.caller.arn
    return visit(platform, shared, request, holder.caller, holder.region)


def visit(platform: Platform, shared: ECR, request: Request, caller: Caller, region: str) -> Visit:
    """The name that AWS gives a registry says its account and region; elsewhere they are the password's."""
    named = HOST.fullmatch(host_of(request))
    operation = service_model("ecr").operation_model("BatchGetImage")
    region = named["region"] if named else region
    call = Call(platform, shared, "ecr", operation, request, caller, region, "")
    return Visit(call, named["account"] if named else shared.account)


def host_of(request: Request) -> str:
    return request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdecimal() else request.host
