"""Each request asks IAM on the ARN that it is about, under the tags there and the tags to be."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import account, client, fresh, refused, role

IMAGE = {"Image": "image"}
TAG = [{"Key": "team", "Value": "red"}]


@pytest.fixture
def user(platform: Platform) -> tuple[Any, Any]:
    """SageMaker as a user of no permissions, and the function that gives it some."""
    iam = platform.client("iam")
    name = fresh("user")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]

    def permit(*statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))

    return client(platform, keys=(keys["AccessKeyId"], keys["SecretAccessKey"])), permit


def denied(function: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as error:
        function(**members)
    code, message = refused(error.value)
    assert code == "AccessDeniedException", message
    return message


def test_on_the_arn_of_what_is_to_be(platform: Platform, user: tuple[Any, Any]) -> None:
    sagemaker, permit = user
    prefix = f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}"
    said = denied(sagemaker.create_model, ModelName="mine", PrimaryContainer=IMAGE)
    assert f"sagemaker:CreateModel on resource: {prefix}:model/mine" in said
    permit({"Action": "sagemaker:*", "Resource": f"{prefix}:model/mine"})
    sagemaker.create_model(ModelName="mine", PrimaryContainer=IMAGE)
    denied(sagemaker.create_model, ModelName="other", PrimaryContainer=IMAGE)
    denied(sagemaker.list_models)
    assert "iam:PassRole" in denied(
        sagemaker.create_model, ModelName="mine", PrimaryContainer=IMAGE, ExecutionRoleArn=role(platform)
    )


def test_under_the_tags(user: tuple[Any, Any]) -> None:
    sagemaker, permit = user
    red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    permit(
        {"Action": "sagemaker:CreateModel", "Resource": "*", "Condition": {"Null": {"aws:RequestTag/team": "false"}}},
        {"Action": ["sagemaker:DescribeModel", "sagemaker:DeleteModel"], "Resource": "*", "Condition": red},
    )
    denied(sagemaker.create_model, ModelName="m", PrimaryContainer=IMAGE)
    assert "sagemaker:AddTags" in denied(sagemaker.create_model, ModelName="m", PrimaryContainer=IMAGE, Tags=TAG)
    permit(
        {"Action": ["sagemaker:CreateModel", "sagemaker:AddTags"], "Resource": "*"},
        {"Action": ["sagemaker:DescribeModel", "sagemaker:DeleteModel"], "Resource": "*", "Condition": red},
    )
    sagemaker.create_model(ModelName="m", PrimaryContainer=IMAGE, Tags=TAG)
    sagemaker.create_model(ModelName="plain", PrimaryContainer=IMAGE)
    assert sagemaker.describe_model(ModelName="m")["ModelName"] == "m"
    denied(sagemaker.describe_model, ModelName="plain")
    sagemaker.delete_model(ModelName="m")
