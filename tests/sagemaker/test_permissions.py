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


# Each gives a role somewhere below the top of the request.
NESTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("create_domain", {"DomainName": "d", "AuthMode": "IAM", "DefaultUserSettings": {"ExecutionRole": ""}}),
    ("create_user_profile", {"UserProfileName": "u", "UserSettings": {"ExecutionRole": ""}}),
    ("update_domain", {"DefaultSpaceSettings": {"ExecutionRole": ""}}),
    (
        "update_domain",
        {"DomainSettingsForUpdate": {"RStudioServerProDomainSettingsForUpdate": {"DomainExecutionRoleArn": ""}}},
    ),
    ("update_user_profile", {"UserProfileName": "known", "UserSettings": {"ExecutionRole": ""}}),
)


@pytest.mark.parametrize(("name", "members"), NESTED, ids=[name for name, _ in NESTED])
def test_roles_at_any_depth(platform: Platform, user: tuple[Any, Any], name: str, members: dict[str, Any]) -> None:
    sagemaker, permit = user
    root = client(platform, region=sagemaker.meta.region_name)
    domain = root.create_domain(DomainName="d", AuthMode="IAM", DefaultUserSettings={})["DomainId"]
    root.create_user_profile(DomainId=domain, UserProfileName="known")

    def call(asked: Any, arn: str) -> None:
        given = json.loads(json.dumps(members).replace('""', json.dumps(arn)))
        getattr(asked, name)(**given, **({} if name == "create_domain" else {"DomainId": domain}))

    permit({"Action": "sagemaker:*", "Resource": "*"})
    assert f"iam:PassRole on resource: {role(platform)}" in denied(call, asked=sagemaker, arn=role(platform))
    with pytest.raises(ClientError) as error:
        call(root, role(platform) + "-that-is-not")
    code, message = refused(error.value)
    assert (code, "Could not assume role" in message) == ("ValidationException", True)
    passing = {"Action": "iam:PassRole", "Resource": role(platform)}
    permit({"Action": "sagemaker:*", "Resource": "*"}, passing)
    call(sagemaker, role(platform))


def test_roles_that_are_used_later_are_not_passed(platform: Platform, user: tuple[Any, Any]) -> None:
    sagemaker, permit = user
    permit({"Action": "sagemaker:*", "Resource": "*"})
    elsewhere = "arn:aws:iam::999999999999:role/registry"
    canvas = {"ModelRegisterSettings": {"CrossAccountModelRegisterRoleArn": elsewhere}}
    settings = {"CanvasAppSettings": canvas}
    made = sagemaker.create_domain(DomainName="d", AuthMode="IAM", DefaultUserSettings=settings)
    assert sagemaker.describe_domain(DomainId=made["DomainId"])["DefaultUserSettings"] == settings


def test_under_what_it_asks_for(platform: Platform, user: tuple[Any, Any]) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""
    sagemaker, permit = user
    prefix = f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}"
    client(platform, region=sagemaker.meta.region_name).create_model(ModelName="m", PrimaryContainer=IMAGE)
    small = {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "ml.m5.*"}}
    mine = {"StringEquals": {"sagemaker:ModelArn": f"{prefix}:model/m"}}
    shut = {"Bool": {"sagemaker:NetworkIsolation": "true"}}
    permit(
        {"Action": "sagemaker:CreateModel", "Resource": "*", "Condition": shut},
        {"Action": "sagemaker:CreateEndpointConfig", "Resource": "*", "Condition": {**small, **mine}},
        {"Action": "sagemaker:CreateEndpoint", "Resource": f"{prefix}:endpoint/*"},
    )
    denied(sagemaker.create_model, ModelName="open", PrimaryContainer=IMAGE)
    sagemaker.create_model(ModelName="shut", PrimaryContainer=IMAGE, EnableNetworkIsolation=True)
    variant = {"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}

    def config(**changed: Any) -> dict[str, Any]:
        return {"EndpointConfigName": "c", "ProductionVariants": [{**variant, **changed}]}

    denied(sagemaker.create_endpoint_config, **config(InstanceType="ml.p3.2xlarge"))
    denied(sagemaker.create_endpoint_config, **config(ModelName="shut"))
    sagemaker.create_endpoint_config(**config())
    said = denied(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="C")
    assert f"sagemaker:CreateEndpoint on resource: {prefix}:endpoint-config/c" in said
    said = denied(
        sagemaker.update_endpoint_weights_and_capacities,
        EndpointName="e",
        DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredWeight": 1}],
    )
    assert f"sagemaker:UpdateEndpointWeightsAndCapacities on resource: {prefix}:endpoint/e" in said


def test_under_the_key_of_its_output(platform: Platform, user: tuple[Any, Any]) -> None:
    """Who is let in, is told what else is wrong with the request."""
    sagemaker, permit = user
    model = f"arn:aws:sagemaker:{sagemaker.meta.region_name}:{account(platform)}:model/m"
    mine = {"StringEquals": {"sagemaker:OutputKmsKey": "mine", "sagemaker:ModelArn": model}}
    kept = {"NumericLessThanEquals": {"sagemaker:KeepAlivePeriod": "60"}}
    permit(
        {"Action": "sagemaker:CreateTransformJob", "Resource": "*", "Condition": mine},
        {"Action": "sagemaker:CreateTrainingJob", "Resource": "*", "Condition": kept},
    )
    for name, key in (("m", "other"), ("other", "mine")):
        denied(sagemaker.create_transform_job, ModelName=name, TransformOutput={"KmsKeyId": key})
    denied(sagemaker.create_training_job, ResourceConfig={"KeepAlivePeriodInSeconds": 61})
    for method, given in (
        (sagemaker.create_transform_job, {"ModelName": "m", "TransformOutput": {"KmsKeyId": "mine"}}),
        (sagemaker.create_training_job, {"ResourceConfig": {"KeepAlivePeriodInSeconds": 60}}),
    ):
        with pytest.raises(ClientError) as error:
            method(**given)
        assert refused(error.value)[0] == "ValidationException"
