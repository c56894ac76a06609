"""Credentials: the root's, a user's, and sessions of roles, users and those they vouch for."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from clary.services.iam import environment
from clary.services.iam.names import access_key_id, account_of
from iam.people import account, keys, policy, trust, unique, user

if TYPE_CHECKING:
    from conftest import Platform


def test_root_is_the_account(platform: Platform) -> None:
    identity = platform.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"
    assert len(identity["Account"]) == 12
    assert identity["UserId"] == identity["Account"]
    for name in ("root.json", "secret.key"):
        assert stat.S_IMODE((platform.home / name).stat().st_mode) == 0o600


def test_the_database_holds_no_secret(platform: Platform) -> None:
    _, (_, secret) = user(platform)
    for file in platform.home.glob("state.db*"):
        held = file.read_bytes()
        assert secret.encode() not in held
        assert platform.root[1].encode() not in held


def test_a_user_knows_itself_and_may_nothing(platform: Platform) -> None:
    name, who = user(platform)
    identity = platform.client("sts", keys=who).get_caller_identity()
    assert identity["Arn"].endswith(f":user/{name}")
    assert identity["UserId"].startswith("AIDA")
    with pytest.raises(ClientError) as caught:
        platform.client("iam", keys=who).list_roles()
    number = identity["Account"]
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": f"User: arn:aws:iam::{number}:user/{name} is not authorized to perform: iam:ListRoles on resource: "
        f"arn:aws:iam::{number}:role/ because no identity-based policy allows the iam:ListRoles action",
    }


def test_an_explicit_deny_is_named(platform: Platform) -> None:
    name, who = user(platform, policy("iam:*"))
    platform.client("iam").put_user_policy(
        UserName=name, PolicyName="d", PolicyDocument=policy("iam:ListRoles", effect="Deny")
    )
    with pytest.raises(ClientError, match=r"with an explicit deny in an identity-based policy$"):
        platform.client("iam", keys=who).list_roles()
    platform.client("iam", keys=who).list_users()


def test_a_key_stops_at_once(platform: Platform) -> None:
    name, who = user(platform)
    sts, iam = platform.client("sts", keys=who), platform.client("iam")
    sts.get_caller_identity()
    iam.update_access_key(UserName=name, AccessKeyId=who[0], Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
    iam.update_access_key(UserName=name, AccessKeyId=who[0], Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=who[0])
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()


def test_environment_gives_the_default_role(platform: Platform) -> None:
    made = environment(platform.home, "ann@example.com, or so")
    who = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    arn = platform.client("sts", keys=who).get_caller_identity()["Arn"]
    role = "AmazonSageMaker-ExecutionRole"
    assert arn == f"arn:aws:sts::{made['Account']}:assumed-role/{role}/ann@example.com,-or-so"
    platform.client("s3", keys=who).list_buckets()
    platform.client("iam", keys=who).get_role(RoleName=role)


def test_sessions_survive_a_kill(own_platform: Platform) -> None:
    made = environment(own_platform.home, "ann")
    who = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    name, user_keys = user(own_platform)
    own_platform.kill()
    own_platform.start()
    own_platform.client("sts", keys=who).get_caller_identity()
    assert own_platform.client("sts", keys=user_keys).get_caller_identity()["Arn"].endswith(f"user/{name}")


def test_assume_role(platform: Platform) -> None:
    iam, role = platform.client("iam"), unique("role")
    name, who = user(platform, policy("sts:*"))
    made = iam.create_role(
        RoleName=role, Path="/team/", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account(platform)}:root"})
    )["Role"]
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(["iam:ListUsers", "iam:ListRoles"]))
    answer = platform.client("sts", keys=who).assume_role(
        RoleArn=made["Arn"],
        RoleSessionName="me",
        Policy=policy("iam:ListUsers"),
        DurationSeconds=900,
    )
    assert answer["AssumedRoleUser"]["AssumedRoleId"] == f"{made['RoleId']}:me"
    identity = platform.client("sts", keys=keys(answer)).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{account(platform)}:assumed-role/{role}/me"
    inside = platform.client("iam", keys=keys(answer))
    inside.list_users()
    with pytest.raises(ClientError, match="because no session policy allows the iam:ListRoles action"):
        inside.list_roles()
    with pytest.raises(ClientError, match="because no identity-based policy allows the iam:ListGroups action"):
        inside.list_groups()
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    iam.delete_role(RoleName=role)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        inside.list_users()
    assert name


def test_assume_role_is_refused(platform: Platform) -> None:
    iam, role = platform.client("iam"), unique("role")
    name, who = user(platform)
    sts, number = platform.client("sts", keys=who), account(platform)
    arn = iam.create_role(
        RoleName=role,
        AssumeRolePolicyDocument=trust(
            {"AWS": f"arn:aws:iam::{number}:user/{name}"}, Condition={"StringEquals": {"sts:ExternalId": "77"}}
        ),
    )["Role"]["Arn"]
    with pytest.raises(ClientError, match="because no role trust policy allows the sts:AssumeRole action"):
        sts.assume_role(RoleArn=arn, RoleSessionName="me")
    sts.assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="77")  # the trust policy names the user itself
    with pytest.raises(ClientError, match="sts:TagSession"):
        sts.assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="77", Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration set for this role"):
        sts.assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="77", DurationSeconds=7200)
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust({"AWS": number}))
    with pytest.raises(ClientError, match="because no identity-based policy allows the sts:AssumeRole action"):
        sts.assume_role(RoleArn=arn, RoleSessionName="me")
    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole on resource"):
        sts.assume_role(RoleArn=f"{arn}-not", RoleSessionName="me")
    with pytest.raises(ClientError, match="Roles may not be assumed by root accounts"):
        platform.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")


def test_tags_of_a_session_decide_and_go_on(platform: Platform) -> None:
    iam, number = platform.client("iam"), account(platform)
    _, who = user(platform, policy("sts:*"))
    first, second = unique("role"), unique("role")
    open_trust = trust({"AWS": number}, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])
    for role in (first, second):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=open_trust)
        condition = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "ann"}}
        iam.put_role_policy(
            RoleName=role,
            PolicyName="p",
            PolicyDocument=policy(["iam:ListUsers", "sts:*"], Condition=condition),
        )
    given = {"RoleSessionName": "me", "SourceIdentity": "ann", "TransitiveTagKeys": ["team"]}
    arns = [f"arn:aws:iam::{number}:role/{role}" for role in (first, second)]
    red = platform.client("sts", keys=who).assume_role(RoleArn=arns[0], Tags=[{"Key": "team", "Value": "red"}], **given)
    platform.client("iam", keys=keys(red)).list_users()
    blue = platform.client("sts", keys=who).assume_role(
        RoleArn=arns[0], Tags=[{"Key": "team", "Value": "blue"}], **given
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        platform.client("iam", keys=keys(blue)).list_users()
    chained = platform.client("sts", keys=keys(red))
    iam.update_role(RoleName=second, MaxSessionDuration=7200)
    with pytest.raises(ClientError, match="1 hour session limit for roles assumed by role chaining"):
        chained.assume_role(RoleArn=arns[1], RoleSessionName="you", DurationSeconds=7200)
    onward = chained.assume_role(RoleArn=arns[1], RoleSessionName="you")
    platform.client("iam", keys=keys(onward)).list_users()


def test_session_and_federation_tokens(platform: Platform) -> None:
    name, who = user(platform, policy(["s3:ListAllMyBuckets", "iam:ListUsers", "sts:GetFederationToken"]))
    sts = platform.client("sts", keys=who)
    session = keys(sts.get_session_token(DurationSeconds=900))
    assert platform.client("sts", keys=session).get_caller_identity()["Arn"].endswith(f":user/{name}")
    platform.client("s3", keys=session).list_buckets()
    platform.client("iam", keys=who).list_users()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        platform.client("iam", keys=session).list_users()
    with pytest.raises(ClientError, match="AccessDenied"):
        platform.client("sts", keys=session).get_session_token()
    bare = keys(sts.get_federation_token(Name="bob"))
    with pytest.raises(ClientError, match="because no session policy allows"):
        platform.client("s3", keys=bare).list_buckets()
    answer = sts.get_federation_token(Name="bob", Policy=policy("s3:List*"))
    assert answer["FederatedUser"]["Arn"].endswith(":federated-user/bob")
    platform.client("s3", keys=keys(answer)).list_buckets()


def test_tokens_cannot_be_mixed(platform: Platform) -> None:
    _, who = user(platform)
    sts = platform.client("sts", keys=who)
    first, second = keys(sts.get_session_token()), keys(sts.get_session_token())
    for bad in (
        (first[0], first[1], second[2]),
        (first[0], second[1], first[2]),
        (first[0], first[1]),
        (first[0], first[1], first[2][:-8] + "AAAAAAA="),
        (who[0], who[1], first[2]),
    ):
        with pytest.raises(ClientError, match=r"InvalidClientTokenId|SignatureDoesNotMatch"):
            platform.client("sts", keys=bad).get_caller_identity()


def test_what_is_not_there_says_so(platform: Platform) -> None:
    sts = platform.client("sts")
    role = f"arn:aws:iam::{account(platform)}:role/x"
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="me", WebIdentityToken="t" * 20)
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        sts.assume_role_with_saml(
            RoleArn=role, PrincipalArn=f"arn:aws:iam::{account(platform)}:saml-provider/p", SAMLAssertion="aaaa"
        )
    with pytest.raises(ClientError, match="NotImplemented"):
        sts.assume_root(
            TargetPrincipal=account(platform), TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/Audit"}
        )
    with pytest.raises(ClientError, match="InvalidAuthorizationMessage"):
        sts.decode_authorization_message(EncodedMessage="x")
    with pytest.raises(ClientError, match=r"NotImplemented.*CreateLoginProfile"):
        platform.client("iam").create_login_profile(UserName="x", Password="yyyyyyyy")


def test_key_ids_hold_the_account(platform: Platform) -> None:
    assert account_of(access_key_id("ASIA", "000000000007")) == "000000000007"
    info = platform.client("sts").get_access_key_info(AccessKeyId=platform.root[0])
    assert info["Account"] == account(platform) == json.loads((platform.home / "root.json").read_text())["Account"]
