"""Domains, their profiles and spaces, and what they use."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, client, minimal, refused, role


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


def domain(sagemaker: Any, **members: Any) -> str:
    made = sagemaker.create_domain(DomainName="d", AuthMode="IAM", DefaultUserSettings={}, **members)
    return str(made["DomainId"])


def test_domains_keep_their_members(sagemaker: Any) -> None:
    one, two = domain(sagemaker), domain(sagemaker)
    for name in (one, two):
        sagemaker.create_user_profile(DomainId=name, UserProfileName="u")
        sagemaker.create_space(DomainId=name, SpaceName="s")
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_user_profile(DomainId=one, UserProfileName="u")
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.create_user_profile(DomainId="d-none", UserProfileName="u")
    (found,) = sagemaker.list_user_profiles(DomainIdEquals=one)["UserProfiles"]
    assert found["DomainId"] == one
    assert len(sagemaker.list_user_profiles(UserProfileNameContains="u")["UserProfiles"]) == 2
    assert sagemaker.list_user_profiles(UserProfileNameContains=one)["UserProfiles"] == []
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_domain(DomainId=one)
    sagemaker.delete_user_profile(DomainId=one, UserProfileName="u")
    sagemaker.delete_space(DomainId=one, SpaceName="s")
    sagemaker.delete_domain(DomainId=one)


def test_settings_are_changed_in_part(platform: Platform, sagemaker: Any) -> None:
    name = domain(sagemaker)
    sagemaker.update_domain(DomainId=name, DefaultUserSettings={"ExecutionRole": role(platform)})
    sagemaker.update_domain(
        DomainId=name,
        DefaultUserSettings={"SecurityGroups": ["sg-1"]},
        DomainSettingsForUpdate={"ExecutionRoleIdentityConfig": "DISABLED"},
    )
    shown = sagemaker.describe_domain(DomainId=name)
    assert shown["DefaultUserSettings"] == {"ExecutionRole": role(platform), "SecurityGroups": ["sg-1"]}
    assert shown["DomainSettings"] == {"ExecutionRoleIdentityConfig": "DISABLED"}


def test_lifecycle_configs_in_use_stay(sagemaker: Any) -> None:
    request = minimal("CreateStudioLifecycleConfig", "123456789012")
    arn = sagemaker.create_studio_lifecycle_config(**request)["StudioLifecycleConfigArn"]
    name = domain(sagemaker)
    settings = {"JupyterServerAppSettings": {"LifecycleConfigArns": [arn]}}
    sagemaker.update_domain(DomainId=name, DefaultUserSettings=settings)
    key = {"StudioLifecycleConfigName": request["StudioLifecycleConfigName"]}
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_studio_lifecycle_config(**key)
    sagemaker.delete_domain(DomainId=name)
    sagemaker.delete_studio_lifecycle_config(**key)


def test_algorithms_are_not_validated(platform: Platform, sagemaker: Any) -> None:
    request = minimal("CreateAlgorithm", account(platform), CertifyForMarketplace=True)
    with pytest.raises(ClientError) as error:
        sagemaker.create_algorithm(**request)
    assert refused(error.value)[0] == "NotImplementedException"
