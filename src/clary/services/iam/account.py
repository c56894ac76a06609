"""The account as a whole: alias, counts, and everything that it grants."""

from typing import Any, Final

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import managed, policies, profiles, roles
from clary.services.iam.attachments import attached, inline
from clary.services.iam.directory import SQL, Entity
from clary.services.iam.entities import Document, Request, details, encoded, missing, page, reader, view
from clary.services.iam.identity import Identity

ALIAS: Final = "account-alias"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
QUOTAS: Final = {
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10240,
    "AssumeRolePolicySizeQuota": 2048,
    "PolicySizeQuota": 6144,
    "PolicyVersionsInUseQuota": 10000,
    "VersionsPerPolicyQuota": 5,
    "GroupsPerUserQuota": 10,
    "AccessKeysPerUserQuota": 2,
    "SigningCertificatesPerUserQuota": 2,
    "AttachedPoliciesPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "GlobalEndpointTokenVersion": 1,
}
# What Clary does not have, and so has none of.
NONE: Final = ("MFADevices", "MFADevicesInUse", "AccountMFAEnabled", "ServerCertificates", "Providers")


@operation("GetAccountSummary")
def summary(call: Call[Identity], _request: Request) -> Document:
    connection = reader(call)
    counts = {row["kind"]: row["number"] for row in connection.execute(SQL["entity_counts"])}
    versions = connection.execute("SELECT count(*) FROM iam_version").fetchone()[0]
    own = {
        "Users": counts.get("user", 0),
        "Groups": counts.get("group", 0),
        "Roles": counts.get("role", 0),
        "Policies": counts.get("policy", 0),
        "InstanceProfiles": counts.get("instance-profile", 0),
        "PolicyVersionsInUse": versions,
        "AccountAccessKeysPresent": 1,
        "AccountSigningCertificatesPresent": 0,
        "AccountPasswordPresent": 0,
    }
    return {"SummaryMap": {**QUOTAS, **dict.fromkeys(NONE, 0), **own}}


@operation("CreateAccountAlias")
def create_alias(call: Call[Identity], request: Request) -> None:
    def work(connection: Any) -> None:
        connection.execute("DELETE FROM fact WHERE key = ?", (ALIAS,))
        connection.execute(SQL["fact_put"], (ALIAS, request["AccountAlias"]))

    call.state.directory.change(work)


@operation("DeleteAccountAlias")
def delete_alias(call: Call[Identity], request: Request) -> None:
    alias = request["AccountAlias"]

    def work(connection: Any) -> None:
        if not connection.execute("DELETE FROM fact WHERE key = ? AND value = ?", (ALIAS, alias)).rowcount:
            raise missing(f"The Account Alias {alias} does not exist.")

    call.state.directory.change(work)


@operation("ListAccountAliases")
def list_aliases(call: Call[Identity], request: Request) -> Document:
    row = reader(call).execute(SQL["fact"], (ALIAS,)).fetchone()
    return page(request, "AccountAliases", [row["value"]] if row else [], str, str)


@operation("GetAccountAuthorizationDetails")
def authorization_details(call: Call[Identity], request: Request) -> Document:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html"""
    connection = reader(call)
    wanted = set(request.get("Filter") or ("User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"))
    found: list[tuple[str, policies.Policy]] = []
    for word, kind in (("User", "user"), ("Group", "group"), ("Role", "role"), ("LocalManagedPolicy", "policy")):
        if word in wanted:
            found += [(kind, Entity.of(row)) for row in connection.execute(SQL["entities"], (kind, "/"))]
    counts = policies.Counts(connection)
    if "AWSManagedPolicy" in wanted:
        found += [("policy", p) for p in managed.policies().values() if p.arn in counts.attached]
    paged = page(request, "Found", found, lambda each: f"{each[0]} {each[1].arn}", lambda each: each)
    shown: list[tuple[str, policies.Policy]] = paged.pop("Found")
    lists = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role"}
    for member, kind in lists.items():
        paged[member] = [_detail(connection, e) for k, e in shown if k == kind and isinstance(e, Entity)]
    paged["Policies"] = [
        policies.show(p, counts) | {"PolicyVersionList": policies.versions(connection, p)}
        for kind, p in shown
        if kind == "policy"
    ]
    return paged


def _detail(connection: Any, entity: Entity) -> Document:
    texts = inline(connection, entity).items()
    written = [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in texts]
    shown = view(entity) | details(connection, entity) | {"AttachedManagedPolicies": attached(connection, entity)}
    holders = [Entity.of(row) for row in connection.execute(SQL["holders"], (entity.id,))]
    if entity.kind == "user":
        shown |= {"UserPolicyList": written, "GroupList": [group.name for group in holders]}
    elif entity.kind == "group":
        shown |= {"GroupPolicyList": written}
    elif entity.kind == "role":
        held = [profiles.show(connection, profile) for profile in holders]
        shown |= {"RolePolicyList": written, "InstanceProfileList": held}
        shown[roles.TRUST] = encoded(entity.document[roles.TRUST])
    else:
        raise AWSError("InvalidInput", entity.kind)
    return shown
