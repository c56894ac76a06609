"""Hubs and their contents."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused

CONTENT = {"HubName": "h", "HubContentType": "Model", "HubContentName": "c"}
DOCUMENT = {"DocumentSchemaVersion": "2.0.0", "HubContentDocument": '{"a": 1}'}


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    made = client(platform)
    made.create_hub(HubName="h", HubDescription="words")
    return made


def test_contents_have_versions(sagemaker: Any) -> None:
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        sagemaker.import_hub_content(**CONTENT, **DOCUMENT, HubContentVersion=version)
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.import_hub_content(**CONTENT, **DOCUMENT, HubContentVersion="1.9.0")
    assert sagemaker.describe_hub_content(**CONTENT)["HubContentVersion"] == "1.10.0"
    shown = sagemaker.describe_hub_content(**CONTENT, HubContentVersion="1.0.0")
    assert shown["HubContentDocument"] == '{"a": 1}'
    assert shown["HubArn"] == sagemaker.describe_hub(HubName="h")["HubArn"]
    listed = sagemaker.list_hub_contents(HubName="h", HubContentType="Model")["HubContentSummaries"]
    assert [one["HubContentVersion"] for one in listed] == ["1.10.0"]
    versions = sagemaker.list_hub_content_versions(**CONTENT, MinVersion="1.9.0")["HubContentSummaries"]
    assert sorted(one["HubContentVersion"] for one in versions) == ["1.10.0", "1.9.0"]
    sagemaker.update_hub_content(**CONTENT, HubContentVersion="1.0.0", HubContentDescription="new")
    assert sagemaker.describe_hub_content(**CONTENT, HubContentVersion="1.0.0")["HubContentDescription"] == "new"


def test_hubs_keep_their_contents(sagemaker: Any) -> None:
    sagemaker.import_hub_content(**CONTENT, **DOCUMENT)
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_hub(HubName="h")
    sagemaker.delete_hub_content(**CONTENT, HubContentVersion="1.0.0")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_hub_content(**CONTENT)
    sagemaker.delete_hub(HubName="h")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.import_hub_content(**CONTENT, **DOCUMENT)


def test_documents_are_json(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.import_hub_content(**CONTENT, **{**DOCUMENT, "HubContentDocument": "{"})
    assert refused(error.value)[0] == "ValidationException"
