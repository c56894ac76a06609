"""S3 as jobs see it, which is what the API shows, and no more."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.errors import AccessDenied, AWSError
from clary.services.iam.directory import SQL
from clary.services.s3 import bulk
from jobs.ml_tools import World, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        made.bucket("in")
        yield made


def role(world: World, *statements: dict[str, object]) -> str:
    """A role with one inline policy."""
    name = f"r-{uuid.uuid4().hex}"
    arn = f"arn:aws:iam::123456789012:role/{name}"
    row = {
        "id": f"AROA{uuid.uuid4().hex[:17].upper()}",
        "kind": "role",
        "name": name,
        "path": "/",
        "arn": arn,
        "boundary": None,
        "document": json.dumps({"AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": []})}),
        "created": 0.0,
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(SQL["entity_add"], row)
        connection.execute(SQL["inline_put"], (row["id"], "p", text))

    world.identity.directory.change(work)
    return arn


def allow(action: str, resource: str, **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_list_and_find(world: World) -> None:
    for key in ("a/2", "a/1", "a/é", "b/1"):
        world.put("in", key, key.encode())
    found = list(world.objects.list(world.role, "in", "a/"))
    assert [each.key for each in found] == ["a/1", "a/2", "a/é"]
    assert [Path(each.path).read_bytes() for each in found] == [b"a/1", b"a/2", "a/é".encode()]
    assert found[0].size == 3
    assert world.objects.find(world.role, "in", "b/1").key == "b/1"
    world.put("in", "empty", b"")
    assert world.objects.find(world.role, "in", "empty").path == ""
    with pytest.raises(AWSError, match="does not exist"):
        world.objects.find(world.role, "in", "none")
    with pytest.raises(AWSError, match="bucket does not exist"):
        list(world.objects.list(world.role, "none", ""))


def test_the_role_decides(world: World) -> None:
    world.put("in", "a/1", b"1")
    world.put("in", "a/2", b"2")
    bucket, inside = "arn:aws:s3:::in", "arn:aws:s3:::in/*"
    nobody = role(world)
    lister = role(world, allow("s3:ListBucket", bucket, Condition={"StringLike": {"s3:prefix": "a/*"}}))
    seen = {
        (who, prefix): world.objects.holds(who, "in", prefix) for who in (nobody, lister) for prefix in ("a/", "b/")
    }
    assert [where for where, there in seen.items() if there] == [(lister, "a/")]
    assert not world.objects.holds(world.role, "in", "a/3")
    assert not world.objects.holds(world.role, "none", "")
    assert not world.objects.holds(f"{world.role}-gone", "in", "a/")
    reader = role(world, allow("s3:GetObject", "arn:aws:s3:::in/a/1"), allow("s3:ListBucket", bucket))
    for arn in (nobody, lister, reader):
        with pytest.raises(AccessDenied):
            list(world.objects.list(arn, "in", "a/"))
    assert world.objects.find(reader, "in", "a/1").size == 1
    with pytest.raises(AccessDenied):
        world.objects.find(reader, "in", "a/2")
    with pytest.raises(AccessDenied):
        world.objects.put(reader, "in", "x", world.home / "state.db")
    with pytest.raises(AccessDenied):
        world.objects.find(role(world, allow("s3:GetObject", inside)), "in", "none")
    with pytest.raises(AccessDenied, match="does not exist any more"):
        world.objects.find("arn:aws:iam::123456789012:role/none", "in", "a/1")


@pytest.mark.parametrize(
    "pattern", ["in/a/*", "in/a/name-?", "in/a/n*-1", "in/a/name-1", "in/a/??????", "in/a/?????*", "in/a/${*}ame-1"]
)
def test_a_listing_asks_for_each_object_as_a_get_does(world: World, pattern: str) -> None:
    arn = role(world, allow("s3:GetObject", f"arn:aws:s3:::{pattern}"), allow("s3:ListBucket", "*"))
    for key in ("a/name-1", "a/name-2", "a/longer-name", "a/n", "a/x-1"):
        world.put("in", key, b"1")
        for prefix in ("a/", "a/n", key):
            listed = found = True
            try:
                keys = [each.key for each in world.objects.list(arn, "in", prefix)]
            except AccessDenied:
                listed = False
            try:
                keys = [each.key for each in world.objects.list(world.role, "in", prefix)]
                for each in keys:
                    world.objects.find(arn, "in", each)
            except AccessDenied:
                found = False
            assert listed is found, (key, prefix)


def test_a_denial_or_a_tag_is_seen_in_a_long_listing(world: World) -> None:
    for number in range(5):
        world.put("in", f"a/name-{number}", b"1")
    everything = allow("s3:*", "*")
    denied = {**allow("s3:GetObject", "arn:aws:s3:::in/a/name-3"), "Effect": "Deny"}
    with pytest.raises(AccessDenied):
        list(world.objects.list(role(world, everything, denied), "in", "a/"))
    tagged = {"StringNotEquals": {"s3:ExistingObjectTag/secret": "yes"}}
    arn = role(world, allow("s3:ListBucket", "*"), allow("s3:GetObject", "*", Condition=tagged))
    assert len(list(world.objects.list(arn, "in", "a/"))) == 5
    world.store.write(
        lambda connection: connection.execute(
            "UPDATE object SET tags = ? WHERE key = 'a/name-3'", (json.dumps({"secret": "yes"}),)
        )
    )
    with pytest.raises(AccessDenied):
        list(world.objects.list(arn, "in", "a/"))


@pytest.mark.parametrize("move", [False, True])
def test_put_as_the_api_does(world: World, move: bool, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"hello")
    file.chmod(0o600)
    before = file.stat().st_ino
    world.objects.put(world.role, "in", "k", file, move=move)
    assert file.exists() is not move
    found = world.objects.find(world.role, "in", "k")
    assert (found.size, found.etag) == (5, "5d41402abc4b2a76b9719d911017c592")
    stat = Path(found.path).stat()
    assert (stat.st_ino == before) is move
    assert stat.st_mode & 0o777 == 0o666
    file.write_bytes(b"")
    world.objects.put(world.role, "in", "k", file, move=move)
    assert world.objects.find(world.role, "in", "k").path == ""


def test_a_listing_of_many_pages_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = sorted(f"p/{name}" for name in ("", "a", "b\n", 'c"', "d\\", "é", "\U0010ffff", "z/1", "z/2"))
    for key in (*keys, "o", "p", "q/1"):
        world.put("in", key, key.encode())
    whole = world.objects.list(world.role, "in", "p/")
    for page in (1, 2, 3, len(keys), len(keys) + 1):
        monkeypatch.setattr(bulk, "PAGE", page)
        found = world.objects.list(world.role, "in", "p/")
        assert [each.key for each in found] == keys
        assert list(found) == list(whole)
        assert (len(found), found.size) == (len(keys), sum(len(key.encode()) for key in keys))
    assert len(world.objects.list(world.role, "in", "r")) == 0


def test_a_listing_is_known_by_what_is_in_it(world: World) -> None:
    def digest() -> str:
        return world.objects.list(world.role, "in", "p/").digest

    world.put("in", "p/a", b"1")
    seen = [digest()]
    assert digest() == seen[0]
    world.put("in", "q", b"1")
    assert digest() == seen[0]
    for key, content in (("p/a", b"2"), ("p/b", b""), ("p/b/", b"")):
        world.put("in", key, content)
        seen.append(digest())
    world.store.write(lambda connection: connection.execute("UPDATE object SET etag = 'x' WHERE key = 'p/a'"))
    seen.append(digest())  # other bytes behind the same number: numbers may come again when Clary was started anew
    assert len(set(seen)) == len(seen)
