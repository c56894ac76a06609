"""Repositories by the JSON API."""

from typing import Any

import pytest

from ecr.tools import Door, image, unique
from s3.tools import refused


def test_create_describe_delete(door: Door, ecr: Any, platform: Any) -> None:
    name = f"team/{unique()}"
    made = ecr.create_repository(repositoryName=name, tags=[{"Key": "team", "Value": "a"}])["repository"]
    account = platform.client("sts").get_caller_identity()["Account"]
    assert made["repositoryArn"] == f"arn:aws:ecr:us-west-2:{account}:repository/{name}"
    assert made["repositoryUri"] == f"127.0.0.1:{platform.port}/{name}"
    assert made["imageTagMutability"] == "MUTABLE"
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    with refused("RepositoryAlreadyExistsException", f"'{name}' already exists"):
        ecr.create_repository(repositoryName=name)
    (shown,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert shown == made
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "team", "Value": "a"}]

    door.push(name, image())
    with refused("RepositoryNotEmptyException", "still contains images"):
        ecr.delete_repository(repositoryName=name)
    assert ecr.delete_repository(repositoryName=name, force=True)["repository"] == made
    with refused("RepositoryNotFoundException", f"The repository with name '{name}' does not exist in the registry"):
        ecr.describe_repositories(repositoryNames=[name])
    ecr.create_repository(repositoryName=name)  # tags and images of the one before are gone
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == []
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


def test_regions_are_apart(platform: Any, door: Door) -> None:
    name = door.repository()
    elsewhere = platform.client("ecr", region="eu-central-1")
    with refused("RepositoryNotFoundException"):
        elsewhere.describe_repositories(repositoryNames=[name])
    elsewhere.create_repository(repositoryName=name)
    door.push(name, image(), "t")
    assert elsewhere.list_images(repositoryName=name)["imageIds"] == []
    there = Door(platform, region="eu-central-1")  # which region a login is for, its password says
    there.push(name, image(), "u")
    assert [each["imageTag"] for each in elsewhere.list_images(repositoryName=name)["imageIds"]] == ["u"]


def test_pages(platform: Any) -> None:
    ecr = platform.client("ecr", region="ap-south-1")
    names = sorted(unique() for _ in range(5))
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["repositories"]) for page in pages] == [2, 2, 1]
    assert [each["repositoryName"] for page in pages for each in page["repositories"]] == names
    with refused("InvalidParameterException"):
        ecr.describe_repositories(repositoryNames=names[:1], maxResults=3)
    with refused("RepositoryNotFoundException", "123456789012"):
        ecr.describe_repositories(registryId="123456789012")


@pytest.mark.parametrize("name", ["Upper", "a", "-a", "a//b", "a b", "x" * 257])
def test_names(ecr: Any, name: str) -> None:
    with refused("InvalidParameterException", "repositoryName"):
        ecr.create_repository(repositoryName=name)


def test_mutability(door: Door, ecr: Any) -> None:
    name = door.repository(imageTagMutability="IMMUTABLE")
    first, second = image(), image()
    door.push(name, first, "v1")
    door.push(name, first, "v1")  # the same again changes nothing
    door.push(name, second)
    put = {"repositoryName": name, "imageManifest": second.manifest.decode(), "imageTag": "v1"}
    with refused("ImageTagAlreadyExistsException", "cannot be overwritten because the tag is immutable"):
        ecr.put_image(**put)
    assert door("PUT", f"/v2/{name}/manifests/v1", second.manifest).error == (400, "TAG_INVALID")
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    with refused("InvalidParameterException", "imageTagMutabilityExclusionFilters"):
        ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE_WITH_EXCLUSION")
    ecr.put_image_tag_mutability(
        repositoryName=name,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    door.push(name, first, "dev-1")
    door.push(name, second, "dev-1")
    with refused("ImageTagAlreadyExistsException"):
        ecr.put_image(**put)
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")
    assert (
        "imageTagMutabilityExclusionFilters" not in ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    )
    assert ecr.put_image(**put)["image"]["imageId"] == {"imageDigest": second.digest, "imageTag": "v1"}


def test_scanning_is_kept(ecr: Any, door: Door) -> None:
    name = door.repository(imageScanningConfiguration={"scanOnPush": True})
    (found,) = ecr.batch_get_repository_scanning_configuration(repositoryNames=[name])["scanningConfigurations"]
    assert (found["scanOnPush"], found["scanFrequency"]) == (True, "SCAN_ON_PUSH")
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": False})
    assert ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["imageScanningConfiguration"] == {
        "scanOnPush": False
    }
    with refused("NotImplementedException", "StartImageScan"):
        ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "t"})


def test_tags(ecr: Any, door: Door) -> None:
    arn = ecr.describe_repositories(repositoryNames=[door.repository()])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    with refused("InvalidTagParameterException", "aws:"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": "aws:x", "Value": ""}])
    with refused("TooManyTagsException"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": str(n), "Value": ""} for n in range(50)])
    with refused("RepositoryNotFoundException"):
        ecr.list_tags_for_resource(resourceArn=f"{arn}-none")
    with refused("InvalidParameterException"):
        ecr.tag_resource(resourceArn="arn:aws:s3:::x", tags=[])
