"""The model registry: versions, approval, policies."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused

SPEC = {"Containers": [{"Image": "image"}], "SupportedContentTypes": ["text/csv"]}


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    made = client(platform)
    made.create_model_package_group(ModelPackageGroupName="group")
    return made


def test_versions_count_up_and_are_given_once(sagemaker: Any) -> None:
    arns = [
        sagemaker.create_model_package(ModelPackageGroupName="group", InferenceSpecification=SPEC)["ModelPackageArn"]
        for _ in range(2)
    ]
    assert [arn.rsplit(":", 1)[1] for arn in arns] == ["model-package/group/1", "model-package/group/2"]
    sagemaker.delete_model_package(ModelPackageName=arns[1])
    third = sagemaker.create_model_package(ModelPackageGroupName="group")["ModelPackageArn"]
    assert third.endswith("/3")
    shown = sagemaker.describe_model_package(ModelPackageName=arns[0])
    assert shown["ModelPackageGroupName"] == "group"
    assert shown["ModelPackageVersion"] == 1
    assert shown["ModelApprovalStatus"] == "PendingManualApproval"
    assert shown["InferenceSpecification"] == SPEC
    assert shown["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="group")["ModelPackageSummaryList"]
    assert sorted(one["ModelPackageVersion"] for one in listed) == [1, 3]
    assert all("ModelPackageName" not in one for one in listed)
    assert sagemaker.list_model_packages()["ModelPackageSummaryList"] == [], "unversioned ones, if nothing is said"


def test_approval(sagemaker: Any) -> None:
    arn = sagemaker.create_model_package(ModelPackageGroupName="group", CustomerMetadataProperties={"a": "1", "b": "2"})
    arn = arn["ModelPackageArn"]
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="good",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    shown = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (shown["ModelApprovalStatus"], shown["ApprovalDescription"]) == ("Approved", "good")
    assert shown["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    found = sagemaker.list_model_packages(ModelPackageGroupName="group", ModelApprovalStatus="Approved")
    assert [one["ModelPackageArn"] for one in found["ModelPackageSummaryList"]] == [arn]
    found = sagemaker.list_model_packages(ModelPackageGroupName="group", ModelApprovalStatus="Rejected")
    assert found["ModelPackageSummaryList"] == []
    both = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, arn[:-1] + "9"])
    assert both["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert [*both["BatchDescribeModelPackageErrorMap"]] == [arn[:-1] + "9"]


def test_groups_keep_their_packages(sagemaker: Any) -> None:
    arn = sagemaker.create_model_package(ModelPackageGroupName="group")["ModelPackageArn"]
    with pytest.raises(ClientError) as error:
        sagemaker.delete_model_package_group(ModelPackageGroupName="group")
    assert refused(error.value)[0] == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="group")
    with pytest.raises(ClientError) as error:
        sagemaker.create_model_package(ModelPackageGroupName="group")
    code, message = refused(error.value)
    assert code == "ValidationException"
    assert message.endswith("model-package-group/group does not exist.")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "ValidationException"),
        ({"ModelPackageName": "a", "ModelPackageGroupName": "group"}, "ValidationException"),
        ({"ModelPackageName": "a", "CertifyForMarketplace": True}, "NotImplementedException"),
    ],
)
def test_what_makes_no_package(sagemaker: Any, members: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_model_package(**members)
    assert refused(error.value)[0] == code


def test_group_policies(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.get_model_package_group_policy(ModelPackageGroupName="group")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName="group", ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName="group")["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName="group")
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.delete_model_package_group_policy(ModelPackageGroupName="group")
    with pytest.raises(ClientError, match="not valid JSON"):
        sagemaker.put_model_package_group_policy(ModelPackageGroupName="group", ResourcePolicy="{")
