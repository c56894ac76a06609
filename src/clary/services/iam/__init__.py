"""AWS Identity and Access Management: who there is, and who may do what."""

from clary.resource.call import Platform
from clary.resource.service import Service
from clary.services.iam.identity import Identity, bootstrap, environment

__all__ = ["Identity", "bootstrap", "build", "environment"]


def build(platform: Platform, identity: Identity) -> Service:
    """The service itself; `bootstrap` has made what it works on."""
    assert platform.authority is identity.authority
    return Service("iam", {}, identity)
