"""IAM's operations through boto3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iam.people import account, policy, trust, unique, user

if TYPE_CHECKING:
    from conftest import Platform

SAGEMAKER = trust({"Service": "sagemaker.amazonaws.com"})
ANY = policy("s3:*")


def refused(code: str, message: str, function: Any, **given: Any) -> None:
    with pytest.raises(ClientError) as caught:
        function(**given)
    assert caught.value.response["Error"]["Code"] == code
    assert message in caught.value.response["Error"]["Message"]


def test_users_and_groups(platform: Platform) -> None:
    iam, name, group = platform.client("iam"), unique("user"), unique("group")
    made = iam.create_user(UserName=name, Path="/a/b/", Tags=[{"Key": "team", "Value": "red"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{account(platform)}:user/a/b/{name}"
    assert made["Tags"] == [{"Key": "team", "Value": "red"}]
    assert iam.get_user(UserName=name)["User"] == made
    assert [u["UserName"] for u in iam.list_users(PathPrefix="/a/")["Users"]] == [name]
    refused(
        "EntityAlreadyExists", f"User with name {name.upper()} already exists.", iam.create_user, UserName=name.upper()
    )
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=name)
    assert [u["UserName"] for u in iam.get_group(GroupName=group)["Users"]] == [name]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=name)["Groups"]] == [group]
    refused("DeleteConflict", "must remove users from group first", iam.delete_group, GroupName=group)
    refused("DeleteConflict", "must remove user from groups first", iam.delete_user, UserName=name)
    iam.update_user(UserName=name, NewUserName=f"{name}x", NewPath="/")
    renamed = iam.get_user(UserName=f"{name}x")["User"]
    assert (renamed["UserId"], renamed["Tags"]) == (made["UserId"], made["Tags"])
    refused("NoSuchEntity", f"The user with name {name} cannot be found.", iam.get_user, UserName=name)
    iam.update_group(GroupName=group, NewGroupName=f"{group}x")
    refused("NoSuchEntity", f"The group with name {group} cannot be found.", iam.get_group, GroupName=group)
    iam.remove_user_from_group(GroupName=f"{group}x", UserName=f"{name}x")
    iam.delete_group(GroupName=f"{group}x")
    iam.delete_user(UserName=f"{name}x")


def test_a_group_grants_to_its_users(platform: Platform) -> None:
    iam, group = platform.client("iam"), unique("group")
    name, who = user(platform)
    theirs = platform.client("iam", keys=who)
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    refused("AccessDenied", "iam:ListUsers", theirs.list_users)
    iam.add_user_to_group(GroupName=group, UserName=name)
    theirs.list_users()
    assert theirs.get_user()["User"]["UserName"] == name
    iam.remove_user_from_group(GroupName=group, UserName=name)
    refused("AccessDenied", "iam:ListUsers", theirs.list_users)


def test_roles(platform: Platform) -> None:
    iam, name = platform.client("iam"), unique("role")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=SAGEMAKER, Description="for tests", MaxSessionDuration=7200
    )["Role"]
    assert made["AssumeRolePolicyDocument"] == json.loads(SAGEMAKER)
    found = iam.get_role(RoleName=name)["Role"]
    assert (found["Description"], found["MaxSessionDuration"], found["RoleLastUsed"]) == ("for tests", 7200, {})
    assert found["RoleId"].startswith("AROA")
    iam.update_role(RoleName=name, Description="changed")
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "changed"
    assert iam.update_role_description(RoleName=name, Description="again")["Role"]["Description"] == "again"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"Service": "glue.amazonaws.com"}))
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName=name, Tags=[{"Key": "A", "Value": "3"}])
    iam.untag_role(RoleName=name, TagKeys=["b"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "A", "Value": "3"}]
    iam.put_role_policy(RoleName=name, PolicyName="in", PolicyDocument=ANY)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["in"]
    assert iam.get_role_policy(RoleName=name, PolicyName="in")["PolicyDocument"] == json.loads(ANY)
    refused("DeleteConflict", "must delete policies first", iam.delete_role, RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="in")
    refused(
        *("NoSuchEntity", "The role policy with name in cannot be found.", iam.get_role_policy),
        RoleName=name,
        PolicyName="in",
    )
    iam.delete_role(RoleName=name)
    refused("NoSuchEntity", f"The role with name {name} cannot be found.", iam.get_role, RoleName=name)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "This policy contains invalid Json"),
        (ANY, "Missing required field Principal"),
        (trust({"Service": "sagemaker.amazonaws.com"}, Resource="*"), "Has prohibited field Resource"),
        (trust({"AWS": "*"}, "s3:Get*"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trust({"Service": "sagemaker"}), 'Invalid principal in policy: "SERVICE":"sagemaker"'),
        (trust({"AWS": "ann"}), 'Invalid principal in policy: "AWS":"ann"'),
    ],
)
def test_trust_policies_are_checked(platform: Platform, document: str, sentence: str) -> None:
    create = platform.client("iam").create_role
    refused("MalformedPolicyDocument", sentence, create, RoleName=unique(), AssumeRolePolicyDocument=document)


def test_a_trusted_user_must_exist(platform: Platform) -> None:
    arn = f"arn:aws:iam::{account(platform)}:user/nobody"
    create = platform.client("iam").create_role
    message = f'Invalid principal in policy: "AWS":"{arn}"'
    refused("MalformedPolicyDocument", message, create, RoleName=unique(), AssumeRolePolicyDocument=trust({"AWS": arn}))


def test_managed_policies(platform: Platform) -> None:
    iam, name, role = platform.client("iam"), unique("policy"), unique("role")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=ANY, Description="d")["Policy"]["Arn"]
    for number in range(2, 6):
        version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=ANY, SetAsDefault=number == 3)
        assert version["PolicyVersion"]["VersionId"] == f"v{number}"
    refused(
        *("LimitExceeded", "can have up to 5 versions", iam.create_policy_version),
        PolicyArn=arn,
        PolicyDocument=ANY,
    )
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["DefaultVersionId"], found["AttachmentCount"], found["Description"]) == ("v3", 0, "d")
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [
        "v5",
        "v4",
        "v3",
        "v2",
        "v1",
    ]
    refused("DeleteConflict", "default version", iam.delete_policy_version, PolicyArn=arn, VersionId="v3")
    for version in ("v1", "v2", "v4"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=SAGEMAKER)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == [
        {"PolicyName": name, "PolicyArn": arn}
    ]
    assert [r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == [role]
    refused("DeleteConflict", "attached to entities", iam.delete_policy, PolicyArn=arn)
    refused("DeleteConflict", "must detach all policies first", iam.delete_role, RoleName=role)
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    refused("NoSuchEntity", f"Policy {arn} was not found.", iam.detach_role_policy, RoleName=role, PolicyArn=arn)
    refused("DeleteConflict", "more than one version", iam.delete_policy, PolicyArn=arn)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v5")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy(PolicyArn=arn)
    missing = f"Policy {arn} does not exist or is not attachable."
    refused("NoSuchEntity", missing, iam.attach_role_policy, RoleName=role, PolicyArn=arn)


@pytest.mark.parametrize(
    "name",
    [
        *("AmazonSageMakerFullAccess", "AmazonS3FullAccess", "service-role/AWSGlueServiceRole", "AdministratorAccess"),
        *("AmazonRedshiftFullAccess", "AmazonRedshiftAllCommandsFullAccess", "AmazonEC2ContainerRegistryFullAccess"),
    ],
)
def test_policies_of_aws(platform: Platform, name: str) -> None:
    iam, arn = platform.client("iam"), f"arn:aws:iam::aws:policy/{name}"
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert found["Arn"] == arn
    version = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Version"] == "2012-10-17"
    assert arn in {p["Arn"] for p in iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]}
    refused("AccessDenied", "managed by AWS", iam.delete_policy, PolicyArn=arn)


def test_access_keys(platform: Platform) -> None:
    iam = platform.client("iam")
    name, who = user(platform, policy("iam:*"))
    refused("NoSuchEntity", "cannot be found", iam.delete_access_key, UserName=name, AccessKeyId="AKIA" + "A" * 16)
    own = platform.client("iam", keys=who)
    second = own.create_access_key()["AccessKey"]
    assert second["UserName"] == name
    refused("LimitExceeded", "AccessKeysPerUser: 2", own.create_access_key)
    assert {k["AccessKeyId"] for k in own.list_access_keys()["AccessKeyMetadata"]} == {who[0], second["AccessKeyId"]}
    used = iam.get_access_key_last_used(AccessKeyId=who[0])
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == (name, "iam")
    unused = iam.get_access_key_last_used(AccessKeyId=second["AccessKeyId"])["AccessKeyLastUsed"]
    assert unused == {"ServiceName": "N/A", "Region": "N/A"}


def test_instance_profiles(platform: Platform) -> None:
    iam, name, role = platform.client("iam"), unique("profile"), unique("role")
    iam.create_instance_profile(InstanceProfileName=name)
    assert name in {p["InstanceProfileName"] for p in iam.list_instance_profiles(MaxItems=1000)["InstanceProfiles"]}
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [r["RoleName"] for r in found["Roles"]] == [role]
    assert [
        p["InstanceProfileName"] for p in iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    ] == [name]
    refused(
        *("LimitExceeded", "InstanceSessionsPerInstanceProfile: 1", iam.add_role_to_instance_profile),
        InstanceProfileName=name,
        RoleName=role,
    )
    refused("DeleteConflict", "instance profile first", iam.delete_role, RoleName=role)
    refused("DeleteConflict", "instance profile first", iam.delete_instance_profile, InstanceProfileName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=name)


def test_a_boundary_limits(platform: Platform) -> None:
    iam = platform.client("iam")
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    name, who = user(platform, policy("*"), PermissionsBoundary=boundary)
    found = iam.get_user(UserName=name)["User"]["PermissionsBoundary"]
    assert found == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    platform.client("s3", keys=who).list_buckets()
    theirs = platform.client("iam", keys=who)
    refused("AccessDenied", "because no permissions boundary allows the iam:ListUsers action", theirs.list_users)
    iam.delete_user_permissions_boundary(UserName=name)
    theirs.list_users()


def test_pages(platform: Platform) -> None:
    iam, path = platform.client("iam"), f"/{unique('path')}/"
    names = sorted(unique("page") for _ in range(7))
    for name in names:
        iam.create_group(GroupName=name, Path=path)
    first = iam.list_groups(PathPrefix=path, MaxItems=3)
    assert (len(first["Groups"]), first["IsTruncated"]) == (3, True)
    pages = iam.get_paginator("list_groups").paginate(PathPrefix=path, PaginationConfig={"PageSize": 3})
    assert [g["GroupName"] for page in pages for g in page["Groups"]] == names
    refused("ValidationError", "Invalid Marker", iam.list_groups, Marker="?")


def test_account(platform: Platform) -> None:
    iam = platform.client("iam")
    assert iam.get_account_summary()["SummaryMap"]["VersionsPerPolicyQuota"] == 5
    alias = unique("alias")
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    iam.delete_account_alias(AccountAlias=alias)
    details = iam.get_account_authorization_details(Filter=["Role", "AWSManagedPolicy"], MaxItems=1000)
    (role,) = (r for r in details["RoleDetailList"] if r["RoleName"] == "AmazonSageMaker-ExecutionRole")
    assert role["AttachedManagedPolicies"][0]["PolicyName"] == "AmazonSageMakerFullAccess"
    assert "AmazonSageMakerFullAccess" in {p["PolicyName"] for p in details["Policies"]}


def test_service_linked_roles(platform: Platform) -> None:
    iam = platform.client("iam")
    service = f"{unique('svc')}.amazonaws.com"
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    assert role["Path"] == f"/aws-service-role/{service}/"
    refused("UnmodifiableEntity", "only modifiable by AWS", iam.delete_role, RoleName=role["RoleName"])
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_limits_on_size(platform: Platform) -> None:
    iam, name = platform.client("iam"), unique("user")
    iam.create_user(UserName=name)
    big = policy([f"s3:Get{number:05}" for number in range(400)])
    refused(
        *("LimitExceeded", f"Maximum policy size of 2048 bytes exceeded for user {name}", iam.put_user_policy),
        UserName=name,
        PolicyName="p",
        PolicyDocument=big,
    )


def test_permissions_on_resources_and_tags(platform: Platform) -> None:
    iam, number = platform.client("iam"), account(platform)
    mine = policy("iam:*", f"arn:aws:iam::{number}:role/mine/*")
    _, who = user(platform, mine)
    theirs, name = platform.client("iam", keys=who), unique("role")
    theirs.create_role(RoleName=name, Path="/mine/", AssumeRolePolicyDocument=SAGEMAKER)
    theirs.get_role(RoleName=name)
    refused("AccessDenied", "iam:GetRole", theirs.get_role, RoleName="AmazonSageMaker-ExecutionRole")
    _, who = user(platform, policy("iam:CreateUser", Condition={"StringEquals": {"aws:RequestTag/team": "red"}}))
    theirs = platform.client("iam", keys=who)
    refused("AccessDenied", "iam:CreateUser", theirs.create_user, UserName=unique())
    tags = [{"Key": "team", "Value": "red"}]
    refused("AccessDenied", "iam:TagUser", theirs.create_user, UserName=unique(), Tags=tags)
    assert iam


def test_pass_role_as_sagemaker_asks(platform: Platform) -> None:
    iam, role, number = platform.client("iam"), unique("role"), account(platform)
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=SAGEMAKER)["Role"]["Arn"]
    passing = policy("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
    name, who = user(platform, passing)
    iam.put_user_policy(UserName=name, PolicyName="q", PolicyDocument=policy("iam:AddRoleToInstanceProfile"))
    profile = unique("profile")
    iam.create_instance_profile(InstanceProfileName=profile)
    platform.client("iam", keys=who).add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_user_policy(UserName=name, PolicyName="p")
    refused(
        *("AccessDenied", f"iam:PassRole on resource: {arn}"),
        platform.client("iam", keys=who).add_role_to_instance_profile,
        InstanceProfileName=profile,
        RoleName=role,
    )
    assert number in arn
