"""Versions: enabled and suspended, delete markers, and the null version."""

from typing import Any

import pytest

from s3.tools import body, new_bucket, refused, signed


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


def history(s3: Any, bucket: str) -> list[tuple[str, str, bool]]:
    """Key, kind or version id, and whether it is the latest, in the order of the listing."""
    found = s3.list_object_versions(Bucket=bucket)
    entries = [(v["Key"], v["VersionId"], v["IsLatest"]) for v in found.get("Versions", [])]
    return entries + [(m["Key"], "marker", m["IsLatest"]) for m in found.get("DeleteMarkers", [])]


def test_each_put_is_a_version(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode())["VersionId"] for n in range(3)]
    assert len({*ids}) == 3
    assert {len(version) for version in ids} == {32}
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"2"
    for number, version in enumerate(ids):
        got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert (body(got), got["VersionId"]) == (str(number).encode(), version)
    assert history(s3, bucket) == [("k", ids[2], True), ("k", ids[1], False), ("k", ids[0], False)]


def test_a_delete_marker_hides_and_its_removal_shows(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    gone = s3.delete_object(Bucket=bucket, Key="k")
    assert gone["DeleteMarker"] is True
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="k")
    with refused("404") as error:
        s3.head_object(Bucket=bucket, Key="k")
    assert error
    with refused("MethodNotAllowed", status=405):
        s3.get_object(Bucket=bucket, Key="k", VersionId=gone["VersionId"])
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert history(s3, bucket) == [("k", version, False), ("k", "marker", True)]
    assert body(s3.get_object(Bucket=bucket, Key="k", VersionId=version)) == b"x"
    back = s3.delete_object(Bucket=bucket, Key="k", VersionId=gone["VersionId"])
    assert (back["DeleteMarker"], back["VersionId"]) == (True, gone["VersionId"])
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"x"
    assert history(s3, bucket) == [("k", version, True)]


def test_the_latest_deleted_for_good_makes_way_for_the_one_before(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode())["VersionId"] for n in range(3)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[2])
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[0])
    assert history(s3, bucket) == [("k", ids[1], True)]
    with refused("NoSuchVersion", "The specified version does not exist.", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId=ids[0])
    with refused("InvalidArgument", "Invalid version id specified", 400):
        s3.get_object(Bucket=bucket, Key="k", VersionId="nonsense")
    assert s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[0])["VersionId"] == ids[0]


def test_a_marker_also_where_nothing_was(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    assert s3.delete_object(Bucket=bucket, Key="none")["DeleteMarker"] is True
    assert history(s3, bucket) == [("none", "marker", True)]


def test_suspended_there_is_one_null_version(s3: Any) -> None:
    bucket = new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"enabled")["VersionId"]
    assert history(s3, bucket) == [("k", version, True), ("k", "null", False)]
    assert body(s3.get_object(Bucket=bucket, Key="k", VersionId="null")) == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"suspended")
    assert history(s3, bucket) == [("k", "null", True), ("k", version, False)]
    s3.put_object(Bucket=bucket, Key="k", Body=b"again")
    assert history(s3, bucket) == [("k", "null", True), ("k", version, False)]
    gone = s3.delete_object(Bucket=bucket, Key="k")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    assert history(s3, bucket) == [("k", version, False), ("k", "marker", True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"enabled"
    with refused("IllegalVersioningConfigurationException"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})


def test_versions_page_by_page(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    for key in ("a", "b", "c/1", "c/2", "d"):
        for number in range(3):
            s3.put_object(Bucket=bucket, Key=key, Body=str(number).encode())
    s3.delete_object(Bucket=bucket, Key="b")
    whole = s3.list_object_versions(Bucket=bucket)
    for size in (1, 2, 5):
        pages = list(
            s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        )
        for group in ("Versions", "DeleteMarkers"):
            joined = [entry for page in pages for entry in page.get(group, [])]
            assert joined == whole[group]
    rolled = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
        )
    )
    assert [p["Prefix"] for page in rolled for p in page.get("CommonPrefixes", [])] == ["c/"]
    with refused("InvalidArgument", "A version-id marker cannot be specified without a key marker."):
        s3.list_object_versions(Bucket=bucket, VersionIdMarker="x")


def test_tags_are_of_a_version(s3: Any) -> None:
    bucket = new_bucket(s3, versions=True)
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="n=1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", Tagging="n=2")
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=old, Tagging={"TagSet": [{"Key": "n", "Value": "old"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=old)["TagSet"] == [{"Key": "n", "Value": "old"}]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "n", "Value": "2"}]


def test_an_empty_version_id_is_none_at_all(platform: Any, s3: Any) -> None:
    """What is no version to a policy must not be the null version to whoever deletes it."""
    bucket = new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    before = history(s3, bucket)
    said = "Version id cannot be the empty string"
    for method in ("get_object", "delete_object", "get_object_tagging", "delete_object_tagging", "get_object_acl"):
        with refused("InvalidArgument", said, 400) as error:
            getattr(s3, method)(Bucket=bucket, Key="k", VersionId="")
        assert error["ArgumentName"] == "versionId"
    status, _, answer = signed(platform, "PUT", f"/{bucket}/o", {"x-amz-copy-source": f"{bucket}/k?versionId="}, b"")
    assert (status, said.encode() in answer) == (400, True)
    status, _, answer = signed(platform, "HEAD", f"/{bucket}/k?versionId=", {}, b"")
    assert (status, answer) == (400, b"")
    wanted = [{"Key": "k", "VersionId": ""}, {"Key": "none"}]
    answered = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [(each["Code"], each["Message"]) for each in answered["Errors"]] == [("InvalidArgument", said)]
    assert [each["Key"] for each in answered["Deleted"]] == ["none"]
    assert [entry for entry in history(s3, bucket) if entry[0] == "k"] == before
