"""AWS Security Token Service: who am I, and temporary credentials."""

from clary.resource.call import Platform
from clary.resource.service import Service, collect
from clary.services.iam.identity import Identity
from clary.services.sts import caller

__all__ = ["build"]


def build(platform: Platform, identity: Identity) -> Service:
    assert platform.authority is identity.authority
    return Service("sts", collect([caller]), identity, lambda _call, _request: [])
