"""AWS Security Token Service: who am I, and temporary credentials."""

from typing import Any

from clary.resource.call import Call, Permission, Platform
from clary.resource.service import Service, collect
from clary.services.iam.identity import Identity
from clary.services.sts import assume, caller, refused

__all__ = ["build"]

# They need no permission, or look for themselves what their caller may.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
OPEN = {
    *("GetCallerIdentity", "GetSessionToken", "AssumeRole", "GetFederationToken"),
    *("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"),
}


def build(platform: Platform, identity: Identity) -> Service:
    assert platform.authority is identity.authority
    operations = collect([caller, assume, refused])
    taking = ("AssumeRole", "GetSessionToken", "GetFederationToken")
    unused = {name: {"MinimumSessionTokenSize"} for name in taking} | {
        "AssumeRole": {"MinimumSessionTokenSize", "ProvidedContexts"}
    }
    return Service("sts", operations, identity, permissions, unused=unused)


def permissions(call: Call[Identity], _request: dict[str, Any]) -> list[Permission]:
    return [] if call.operation.name in OPEN else [Permission(f"sts:{call.operation.name}")]
