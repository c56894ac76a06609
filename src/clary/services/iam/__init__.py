"""AWS Identity and Access Management: who there is, and who may do what."""

from clary.resource.call import Platform
from clary.resource.service import Service, collect
from clary.services.iam import (
    account,
    attachments,
    boundaries,
    container,
    keys,
    policies,
    profiles,
    roles,
    simulate,
    tags,
    used,
    users,
)
from clary.services.iam.identity import Identity, bootstrap, environment
from clary.services.iam.permissions import permissions

__all__ = ["Identity", "bootstrap", "build", "environment"]


def build(platform: Platform, identity: Identity, runs: container.Runs = lambda _arn: False) -> Service:
    """The service itself; `bootstrap` has made what it works on. `runs`: whether what has an ARN still runs, and so is
    given credentials.
    """
    assert platform.authority is identity.authority
    return Service(
        name="iam",
        operations={
            **collect([users, roles, policies, profiles, keys, account, simulate]),
            **attachments.table(),
            **boundaries.table(),
            **tags.table(),
        },
        state=identity,
        permissions=permissions,
        raw=container.raw(identity, runs),
        tick=lambda: used.write_down(identity.authority, identity.directory),
        unused={
            "SimulateCustomPolicy": {"OrderedOrganizationPolicyInputList", "ResourceHandlingOption"},
            "SimulatePrincipalPolicy": {"PolicyExclusionList", "ResourceHandlingOption"},
        },
        close=lambda: used.write_down(identity.authority, identity.directory),
    )
