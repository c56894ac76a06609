"""Images by the JSON API, and the layers that go with them."""

from pathlib import Path
from typing import Any

from ecr.tools import INDEX, OCI, Door, Image, described, digest_of, image, index, layer_of
from s3.tools import refused
from waiting import until


def ids(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((each["imageDigest"], each.get("imageTag", "")) for each in answer["imageIds"])


def test_put_get_describe(door: Door, ecr: Any) -> None:
    name, made = door.repository(), image("a", "b")
    put = {"repositoryName": name, "imageManifest": made.manifest.decode(), "imageTag": "v1"}
    with refused("LayersNotFoundException", digest_of(made.layers[0])):
        ecr.put_image(**put)
    for blob in (*made.layers, made.config):
        door.bring(name, blob)
    with refused("ImageDigestDoesNotMatchException"):
        ecr.put_image(**put, imageDigest=f"sha256:{'0' * 64}")
    shown = ecr.put_image(**put)["image"]
    assert shown["imageId"] == {"imageDigest": made.digest, "imageTag": "v1"}
    assert shown["imageManifest"] == made.manifest.decode()
    with refused("ImageAlreadyExistsException", f"Image with digest '{made.digest}' and tag 'v1' already exists"):
        ecr.put_image(**put)
    ecr.put_image(**put | {"imageTag": "v2"})
    (detail,) = ecr.describe_images(repositoryName=name)["imageDetails"]
    assert detail["imageTags"] == ["v1", "v2"]
    assert detail["imageSizeInBytes"] == sum(map(len, (*made.layers, made.config)))
    assert detail["imageManifestMediaType"] == OCI
    assert "lastRecordedPullTime" not in detail
    wanted = [{"imageTag": "v1"}, {"imageTag": "none"}, {"imageDigest": "sha256:1"}, {}]
    answer = ecr.batch_get_image(repositoryName=name, imageIds=wanted)
    assert [each["imageManifest"] for each in answer["images"]] == [made.manifest.decode()]
    codes = ["ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag"]
    assert [each["failureCode"] for each in answer["failures"]] == codes
    both = [{"imageTag": "v1", "imageDigest": f"sha256:{'0' * 64}"}]
    (failure,) = ecr.batch_get_image(repositoryName=name, imageIds=both)["failures"]
    assert failure["failureCode"] == "ImageTagDoesNotMatchDigest"
    (detail,) = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "v2"}])["imageDetails"]
    assert detail["lastRecordedPullTime"] >= detail["imagePushedAt"]
    with refused("ImageNotFoundException", f"within the repository with name '{name}'"):
        ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "none"}])


def test_manifests_that_are_none(door: Door, ecr: Any) -> None:
    name = door.repository()
    for text in (
        "{}",
        "[]",
        "no",
        '{"schemaVersion": 1}',
        '{"schemaVersion": 2, "config": {"digest": 3}, "layers": []}',
    ):
        with refused("InvalidParameterException"):
            ecr.put_image(repositoryName=name, imageManifest=text, imageTag="t")
        answer = door("PUT", f"/v2/{name}/manifests/t", text, Content_Type=OCI)
        assert answer.error == (400, "MANIFEST_INVALID"), text
    with refused("InvalidParameterException", "imageTag"):
        ecr.put_image(repositoryName=name, imageManifest=image().manifest.decode(), imageTag="a b")


def test_lists_and_pages(door: Door, ecr: Any) -> None:
    name = door.repository()
    made = [image() for _ in range(3)]
    for number, each in enumerate(made):
        door.push(name, each, f"t{number}")
    loose = door.push(name, image())
    expected = sorted([*((each.digest, f"t{number}") for number, each in enumerate(made)), (loose, "")])
    pages = list(ecr.get_paginator("list_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 3}))
    assert [len(page["imageIds"]) for page in pages] == [3, 1]
    assert sorted(pair for page in pages for pair in ids(page)) == expected
    untagged = {"tagStatus": "UNTAGGED"}
    assert ids(ecr.list_images(repositoryName=name, filter=untagged)) == [(loose, "")]
    assert len(ecr.list_images(repositoryName=name, filter={"tagStatus": "TAGGED"})["imageIds"]) == 3
    assert ecr.list_images(repositoryName=name, filter={"imageStatus": "ARCHIVED"})["imageIds"] == []
    details = [
        each["imageDigest"]
        for page in ecr.get_paginator("describe_images").paginate(
            repositoryName=name, filter={"tagStatus": "TAGGED"}, PaginationConfig={"PageSize": 2}
        )
        for each in page["imageDetails"]
    ]
    assert details == sorted(each.digest for each in made)
    with refused("InvalidParameterException", "nextToken"):
        ecr.list_images(repositoryName=name, nextToken="nonsense")


def test_delete_by_tag_and_digest(door: Door, ecr: Any) -> None:
    name, made = door.repository(), image()
    door.push(name, made, "a")
    door.push(name, made, "b")
    answer = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "a"}, {"imageTag": "none"}])
    assert ids(answer) == [(made.digest, "a")]
    assert [each["failureCode"] for each in answer["failures"]] == ["ImageNotFound"]
    assert ids(ecr.list_images(repositoryName=name)) == [(made.digest, "b")]
    door.push(name, made, "c")
    answer = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": made.digest}])
    assert ids(answer) == [(made.digest, "b"), (made.digest, "c")]
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


def test_a_list_holds_its_images(door: Door, ecr: Any) -> None:
    name, parts = door.repository(), (image(), image(architecture="arm64"))
    document = index(*parts)
    assert door("PUT", f"/v2/{name}/manifests/multi", document, Content_Type=INDEX).error == (
        400,
        "MANIFEST_BLOB_UNKNOWN",
    )
    with refused("ReferencedImagesNotFoundException", parts[0].digest):
        ecr.put_image(repositoryName=name, imageManifest=document.decode(), imageTag="multi")
    for part in parts:
        door.push(name, part)
    assert door("PUT", f"/v2/{name}/manifests/multi", document, Content_Type=INDEX).status == 201
    single = {"imageDigest": parts[0].digest}
    (failure,) = ecr.batch_delete_image(repositoryName=name, imageIds=[single])["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert digest_of(document) in failure["failureReason"]
    answer = ecr.batch_delete_image(repositoryName=name, imageIds=[single, {"imageTag": "multi"}])
    assert not answer["failures"]  # in one request, in whichever order
    assert ids(ecr.list_images(repositoryName=name)) == [(parts[1].digest, "")]


def files(platform: Any) -> list[Path]:
    return [path for path in (platform.home / "blobs").rglob("*") if path.is_file()]


def test_blobs_are_shared_and_go_with_the_last(own_platform: Any) -> None:
    door = Door(own_platform)
    here, there = door.repository(), door.repository()
    common = layer_of(common="x" * 1000)
    first, second = Image((common, layer_of(a="a"))), Image((common, layer_of(b="b")))
    door.push(here, first, "1")
    door.push(here, second, "2")
    door.push(there, first, "1")
    wait_for(own_platform, 5)  # 3 layers, 2 configs
    door.ecr.batch_delete_image(repositoryName=here, imageIds=[{"imageTag": "1"}])
    assert door("GET", f"/v2/{here}/blobs/{digest_of(first.layers[1])}").error == (404, "BLOB_UNKNOWN")
    assert door("GET", f"/v2/{there}/blobs/{digest_of(first.layers[1])}").body == first.layers[1]
    assert door("GET", f"/v2/{here}/blobs/{digest_of(common)}").body == common
    door.ecr.delete_repository(repositoryName=there, force=True)
    wait_for(own_platform, 3)
    door.ecr.batch_delete_image(repositoryName=here, imageIds=[{"imageTag": "2"}])
    wait_for(own_platform, 0)


def wait_for(platform: Any, count: int) -> None:
    """Blobs that have lost their last name go a few seconds later."""
    until(lambda: len(files(platform)) == count, lambda: files(platform))


def test_referrers(door: Door, ecr: Any) -> None:
    name, made = door.repository(), image()
    door.push(name, made, "v1")
    kinds = ("application/vnd.example.signature", "application/vnd.example.sbom")
    signs = [image(artifactType=kind, subject=described(made.manifest, OCI), annotations={"k": kind}) for kind in kinds]
    for sign in signs:
        for blob in (*sign.layers, sign.config):
            door.bring(name, blob)
        answer = door("PUT", f"/v2/{name}/manifests/{sign.digest}", sign.manifest, Content_Type=OCI)
        assert answer.headers["oci-subject"] == made.digest
    found = door("GET", f"/v2/{name}/referrers/{made.digest}")
    assert found.headers["content-type"] == INDEX
    assert {each["digest"] for each in found.json["manifests"]} == {sign.digest for sign in signs}
    found = door("GET", f"/v2/{name}/referrers/{made.digest}?artifactType={kinds[0]}")
    assert found.headers["oci-filters-applied"] == "artifactType"
    (only,) = found.json["manifests"]
    assert only["annotations"] == {"k": kinds[0]}
    assert door("GET", f"/v2/{name}/referrers/sha256:{'0' * 64}").json["manifests"] == []
    subject = {"repositoryName": name, "subjectId": {"imageDigest": made.digest}}
    page = ecr.list_image_referrers(**subject, maxResults=1)
    rest = ecr.list_image_referrers(**subject, maxResults=1, nextToken=page["nextToken"])
    assert "nextToken" not in rest
    assert {each["digest"] for each in page["referrers"] + rest["referrers"]} == {sign.digest for sign in signs}
    (only,) = ecr.list_image_referrers(**subject, filter={"artifactTypes": [kinds[1]]})["referrers"]
    assert only["artifactType"] == kinds[1]
