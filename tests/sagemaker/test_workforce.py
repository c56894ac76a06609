"""Workforces, their teams, and what they are asked."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, client, minimal, refused

ENDS = ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "LogoutEndpoint", "JwksUri")
OIDC = {"ClientId": "id", "ClientSecret": "secret", **dict.fromkeys(ENDS, "https://example.com/oidc")}


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


def test_a_region_has_one_workforce(sagemaker: Any) -> None:
    sagemaker.create_workforce(WorkforceName="w", OidcConfig=OIDC)
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_workforce(WorkforceName="w2", OidcConfig=OIDC)
    shown = sagemaker.describe_workforce(WorkforceName="w")["Workforce"]
    assert shown["OidcConfig"] == {name: value for name, value in OIDC.items() if name != "ClientSecret"}
    members = [{"OidcMemberDefinition": {"Groups": ["g"]}}]
    sagemaker.create_workteam(WorkteamName="t", MemberDefinitions=members, Description="d")
    team = sagemaker.describe_workteam(WorkteamName="t")["Workteam"]
    assert team["WorkforceArn"] == shown["WorkforceArn"]
    with pytest.raises(ClientError) as error:
        sagemaker.delete_workforce(WorkforceName="w")
    assert refused(error.value)[0] == "ResourceInUse"
    assert sagemaker.delete_workteam(WorkteamName="t")["Success"] is True
    sagemaker.delete_workforce(WorkforceName="w")


def test_there_is_no_cognito_here(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.create_workforce(WorkforceName="w", CognitoConfig={"UserPool": "us-west-2_x", "ClientId": "c"})


def test_a_flow_names_what_is_there(platform: Platform, sagemaker: Any) -> None:
    page = f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}:human-task-ui/none"
    team = f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}:workteam/private-crowd/none"
    loop = {"TaskTitle": "t", "TaskDescription": "d", "TaskCount": 1, "HumanTaskUiArn": page, "WorkteamArn": team}
    request = minimal("CreateFlowDefinition", account(platform), HumanLoopConfig=loop)
    with pytest.raises(ClientError, match=r"HumanTaskUi .* does not exist"):
        sagemaker.create_flow_definition(**request)


def test_a_page_is_told_by_its_digest(sagemaker: Any) -> None:
    sagemaker.create_human_task_ui(HumanTaskUiName="u", UiTemplate={"Content": "<p>"})
    shown = sagemaker.describe_human_task_ui(HumanTaskUiName="u")["UiTemplate"]
    assert shown == {"ContentSha256": hashlib.sha256(b"<p>").hexdigest()}
