"""Pipelines and their versions."""

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
