"""Image versions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, role


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


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
