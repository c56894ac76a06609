"""Listings against a plain-Python model of them: keys in the order of their bytes, rolled up, page by page."""

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3.tools import new_bucket, refused

# Few characters, so that prefixes and delimiters meet; the last ones sort differently by UTF-16 and by UTF-8.
LETTERS = "ab/-é\uffee\U00010000"
KEYS = st.text(LETTERS, min_size=1, max_size=6)


@pytest.fixture(scope="module")
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture(scope="module")
def pool(s3: Any) -> str:
    """A bucket for all examples; each has its own first folder in it."""
    return new_bucket(s3, versions=True)


def rolled(keys: list[str], prefix: str, delimiter: str) -> list[tuple[str, str]]:
    """What a listing shows, in its order: ("key", …) and ("prefix", …)."""
    shown: list[tuple[str, str]] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = ("key", key) if cut < 0 else ("prefix", key[: cut + len(delimiter)])
        if entry[0] == "key" or entry not in shown:
            shown.append(entry)
    return shown


def shown(page: dict[str, Any], group: str = "Contents") -> list[tuple[str, str]]:
    entries = [("key", entry["Key"]) for entry in page.get(group, [])]
    entries += [("prefix", entry["Prefix"]) for entry in page.get("CommonPrefixes", [])]
    return sorted(entries, key=lambda entry: entry[1].encode())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.lists(KEYS, max_size=12, unique=True),
    prefix=st.text(LETTERS, max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "b/", "é", "-a"]),
    size=st.integers(1, 5),
    gone=st.sets(st.integers(0, 11), max_size=4),
)
def test_as_the_model_has_it(
    s3: Any, pool: str, keys: list[str], prefix: str, delimiter: str, size: int, gone: set[int]
) -> None:
    folder = uuid.uuid4().hex + "|"
    for key in keys:
        s3.put_object(Bucket=pool, Key=folder + key, Body=b"")
    for key in [key for number, key in enumerate(keys) if number in gone]:
        s3.delete_object(Bucket=pool, Key=folder + key)
    kept = [folder + key for number, key in enumerate(keys) if number not in gone]
    asked = {"Bucket": pool, "Prefix": folder + prefix} | ({"Delimiter": delimiter} if delimiter else {})
    for operation in ("list_objects_v2", "list_objects"):
        pages = list(s3.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": size}))
        assert [entry for page in pages for entry in shown(page)] == rolled(kept, folder + prefix, delimiter)
        assert all(len(shown(page)) == size for page in pages[:-1])
    pages = list(s3.get_paginator("list_object_versions").paginate(**asked, PaginationConfig={"PageSize": size}))
    found = [entry for page in pages for entry in shown(page, "Versions")]
    assert found == rolled([folder + key for key in keys], folder + prefix, delimiter)
    latest = {entry["Key"] for page in pages for entry in page.get("Versions", []) if entry["IsLatest"]}
    assert latest == {key for kind, key in found if kind == "key" and key in kept}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(KEYS, min_size=1, max_size=8, unique=True), after=KEYS)
def test_start_after_and_marker(s3: Any, pool: str, keys: list[str], after: str) -> None:
    folder = uuid.uuid4().hex + "|"
    for key in keys:
        s3.put_object(Bucket=pool, Key=folder + key, Body=b"")
    expected = [("key", key) for _, key in rolled([folder + key for key in keys], folder, "") if key > folder + after]
    asked = {"Bucket": pool, "Prefix": folder}
    assert shown(s3.list_objects_v2(**asked, StartAfter=folder + after)) == expected
    assert shown(s3.list_objects(**asked, Marker=folder + after)) == expected


def test_members_of_a_page(s3: Any) -> None:
    bucket = new_bucket(s3)
    for key in ("a", "b/1", "b/2", "c d+é"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"12345", StorageClass="STANDARD_IA")
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=2, Delimiter="/", FetchOwner=True)
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (2, 2, True)
    entry = page["Contents"][0]
    assert (entry["Key"], entry["Size"], entry["StorageClass"]) == ("a", 5, "STANDARD_IA")
    assert entry["Owner"] == s3.list_buckets()["Owner"]
    assert page["CommonPrefixes"] == [{"Prefix": "b/"}]
    rest = s3.list_objects_v2(Bucket=bucket, Delimiter="/", ContinuationToken=page["NextContinuationToken"])
    assert [entry["Key"] for entry in rest["Contents"]] == ["c d+é"]
    assert rest["ContinuationToken"] == page["NextContinuationToken"]
    first = s3.list_objects(Bucket=bucket, MaxKeys=2, Delimiter="/")
    assert first["NextMarker"] == "b/"
    assert "NextMarker" not in s3.list_objects(Bucket=bucket, MaxKeys=2)
    none = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (none["KeyCount"], none["IsTruncated"]) == (0, False)
    with refused("InvalidArgument", "The continuation token provided is incorrect"):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="nonsense!")
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)
    with refused("InvalidArgument", "Invalid Encoding Method specified in Request"):
        s3.list_objects_v2(Bucket=bucket, EncodingType="base64")
