"""Pipelines, model cards and images: what has versions."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused, role


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


def definition(number: int) -> str:
    return json.dumps({"Version": "2020-12-01", "Steps": [], "Parameters": [{"Name": f"p{number}"}]})


def test_pipelines(platform: Platform, sagemaker: Any) -> None:
    common = {"PipelineName": "p", "RoleArn": role(platform), "ClientRequestToken": "t" * 32}
    arn = sagemaker.create_pipeline(**common, PipelineDefinition=definition(1))["PipelineArn"]
    again = sagemaker.create_pipeline(**common, PipelineDefinition=definition(1))["PipelineArn"]
    assert again == arn, "the token says that it is the same request"
    with pytest.raises(ClientError, match="names must be unique within an AWS account"):
        sagemaker.create_pipeline(**{**common, "ClientRequestToken": "u" * 32}, PipelineDefinition=definition(1))
    assert sagemaker.update_pipeline(PipelineName="p", PipelineDescription="words")["PipelineVersionId"] == 1
    assert sagemaker.update_pipeline(PipelineName="p", PipelineDefinition=definition(2))["PipelineVersionId"] == 2
    assert sagemaker.describe_pipeline(PipelineName="p")["PipelineDefinition"] == definition(2)
    old = sagemaker.describe_pipeline(PipelineName=arn, PipelineVersionId=1)
    assert old["PipelineDefinition"] == definition(1)
    assert old["PipelineArn"] == arn
    sagemaker.update_pipeline_version(
        PipelineArn=arn, PipelineVersionId=1, PipelineVersionAliasOperations={"Add": ["prod"]}
    )
    by_alias = sagemaker.describe_pipeline(PipelineName="p", PipelineVersionAlias="prod")
    assert by_alias["PipelineDefinition"] == definition(1)
    for wrong in ({"PipelineVersionAlias": "none"}, {"PipelineVersionId": 9}):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            sagemaker.describe_pipeline(PipelineName="p", **wrong)
    listed = sagemaker.list_pipeline_versions(PipelineName="p", SortOrder="Ascending")["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in listed] == [1, 2]
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.list_pipeline_versions(PipelineName="none")
    sagemaker.delete_pipeline(PipelineName="p", ClientRequestToken="d" * 32)
    assert sagemaker.create_pipeline(**common, PipelineDefinition=definition(1))["PipelineArn"] == arn
    assert len(sagemaker.list_pipeline_versions(PipelineName="p")["PipelineVersionSummaries"]) == 1


def test_pipelines_do_not_pretend_to_run(platform: Platform, sagemaker: Any) -> None:
    common = {"PipelineName": "p", "RoleArn": role(platform), "ClientRequestToken": "t" * 32}
    for text in ("{", "[]", "{}"):
        with pytest.raises(ClientError, match="Unable to parse pipeline definition"):
            sagemaker.create_pipeline(**common, PipelineDefinition=text)
    with pytest.raises(ClientError) as error:
        sagemaker.create_pipeline(**common, PipelineDefinitionS3Location={"Bucket": "bucket", "ObjectKey": "k"})
    assert refused(error.value)[0] == "NotImplementedException"
    sagemaker.create_pipeline(**common, PipelineDefinition=definition(1))
    with pytest.raises(ClientError) as error:
        sagemaker.start_pipeline_execution(PipelineName="p", ClientRequestToken="t" * 32)
    assert refused(error.value)[0] == "NotImplementedException"


def test_model_cards(sagemaker: Any) -> None:
    sagemaker.create_model_card(ModelCardName="c", Content='{"a": 1}', ModelCardStatus="Draft")
    sagemaker.update_model_card(ModelCardName="c", Content='{"a": 2}')
    sagemaker.update_model_card(ModelCardName="c", ModelCardStatus="Approved")
    shown = sagemaker.describe_model_card(ModelCardName="c")
    assert (shown["ModelCardVersion"], shown["Content"], shown["ModelCardStatus"]) == (2, '{"a": 2}', "Approved")
    old = sagemaker.describe_model_card(ModelCardName="c", ModelCardVersion=1)
    assert (old["ModelCardVersion"], old["Content"], old["ModelCardStatus"]) == (1, '{"a": 1}', "Draft")
    listed = sagemaker.list_model_card_versions(ModelCardName="c", SortOrder="Ascending")
    assert [one["ModelCardVersion"] for one in listed["ModelCardVersionSummaryList"]] == [1, 2]
    approved = sagemaker.list_model_card_versions(ModelCardName="c", ModelCardStatus="Approved")
    assert [one["ModelCardVersion"] for one in approved["ModelCardVersionSummaryList"]] == [2]
    for wrong in ({"Content": "{}", "ModelCardStatus": "Draft"}, {"Content": "no"}):
        with pytest.raises(ClientError) as error:
            sagemaker.update_model_card(ModelCardName="c", **wrong)
        assert refused(error.value)[0] == "ValidationException"
    with pytest.raises(sagemaker.exceptions.ConflictException):
        sagemaker.create_model_card(ModelCardName="c", Content="{}", ModelCardStatus="Draft")
    sagemaker.delete_model_card(ModelCardName="c")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.list_model_card_versions(ModelCardName="c")


def test_image_versions_say_that_their_base_is_missing(platform: Platform, sagemaker: Any) -> None:
    sagemaker.create_image(ImageName="i", RoleArn=role(platform))
    common = {"ImageName": "i", "BaseImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/none:1"}
    first = sagemaker.create_image_version(**common, ClientToken="a", Aliases=["latest"], ReleaseNotes="old")
    assert sagemaker.create_image_version(**common, ClientToken="a") | {"ResponseMetadata": 0} == {
        **first,
        "ResponseMetadata": 0,
    }
    assert first["ImageVersionArn"].endswith(":image-version/i/1")
    sagemaker.create_image_version(**common, ClientToken="b")
    shown = sagemaker.describe_image_version(ImageName="i")
    assert (shown["Version"], shown["ImageVersionStatus"]) == (2, "CREATE_FAILED")
    assert common["BaseImage"] in shown["FailureReason"]
    with pytest.raises(ClientError, match="alias already exists"):
        sagemaker.update_image_version(ImageName="i", Version=2, AliasesToAdd=["latest"])
    sagemaker.update_image_version(ImageName="i", Alias="latest", AliasesToAdd=["x"], ReleaseNotes="new")
    assert sagemaker.describe_image_version(ImageName="i", Alias="x")["ReleaseNotes"] == "new"
    assert sagemaker.list_aliases(ImageName="i")["SageMakerImageVersionAliases"] == ["latest", "x"]
    listed = sagemaker.list_image_versions(ImageName="i", SortBy="VERSION", SortOrder="ASCENDING")["ImageVersions"]
    assert [version["Version"] for version in listed] == [1, 2]
    sagemaker.delete_image_version(ImageName="i", Version=1)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_image_version(ImageName="i", Version=1)
    sagemaker.delete_image(ImageName="i")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.list_image_versions(ImageName="i")
