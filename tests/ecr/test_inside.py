"""Images as jobs take them from the registry: by either name, as their role may."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.errors import AccessDenied, AWSError
from clary.images.registry import Untagged
from ecr.tools import INDEX, LAYER, image, index
from ecr.world import ACCOUNT, PORT, REGION, ROLE, World, opened

AWS = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
LOCAL = f"127.0.0.1:{PORT}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        yield made


def test_both_names_lead_to_it(world: World) -> None:
    made = image("a", "b")
    world.push(world.repository("team/app"), made, "latest")
    for host in (AWS, LOCAL, f"localhost:{PORT}"):
        for suffix in ("", ":latest", f"@{made.digest}", f":latest@{made.digest}"):
            found = world.inside.find(ROLE, REGION, f"{host}/team/app{suffix}")
            assert found is not None, (host, suffix)
            assert found.digest == made.digest
            assert found.config == json.loads(made.config)
            assert [each.path.read_bytes() for each in found.layers] == list(made.layers)
            assert [each.size for each in found.layers] == [len(each) for each in made.layers]
            assert {each.media_type for each in found.layers} == {LAYER}


@pytest.mark.parametrize(
    "uri",
    [
        f"{AWS}/none:latest",
        f"{AWS.replace(ACCOUNT, '210987654321')}/app",
        f"{AWS.replace(REGION, 'eu-west-1')}/app",
        "127.0.0.1:1/app",
        f"example.com:{PORT}/app",
        "app",
        "",
    ],
)
def test_what_is_not_ours(world: World, uri: str) -> None:
    world.push(world.repository("app"), image(), "latest")
    assert world.inside.find(ROLE, REGION, uri) is None


@pytest.mark.parametrize("suffix", [":none", f"@sha256:{'0' * 64}"])
def test_what_a_repository_lacks(world: World, suffix: str) -> None:
    world.push(world.repository("app"), image(), "latest")
    with pytest.raises(Untagged, match=suffix):
        world.inside.find(ROLE, REGION, f"{AWS}/app{suffix}")


def test_the_image_of_a_list(world: World) -> None:
    row, parts = world.repository("app"), (image(architecture="arm64"), image())
    for part in parts:
        world.push(row, part)
    world.put(row, index(*parts), "multi", INDEX)
    world.put(row, index(parts[0]), "arm", INDEX)
    found = world.inside.find(ROLE, REGION, f"{AWS}/app:multi")
    assert found is not None
    assert found.digest == parts[1].digest
    with pytest.raises(AWSError, match="is for linux/arm64, and this machine needs linux/amd64"):
        world.inside.find(ROLE, REGION, f"{AWS}/app:arm")


def test_an_image_of_another_machine(world: World) -> None:
    """As who builds on another kind of processor pushes it, without a list."""
    row = world.repository("app")
    world.push(row, image(architecture="arm64"), "arm")
    with pytest.raises(AWSError, match="is for linux/arm64, and this machine needs linux/amd64"):
        world.inside.find(ROLE, REGION, f"{AWS}/app:arm")


def test_the_role_decides(world: World) -> None:
    row = world.repository("app")
    world.push(row, image(), "latest")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "ecr:GetDownloadUrlForLayer"}
    world.policy(row, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    with pytest.raises(AccessDenied, match=r"ecr:GetDownloadUrlForLayer .* explicit deny in a resource-based policy"):
        world.inside.find(ROLE, REGION, f"{AWS}/app")
    with pytest.raises(AccessDenied, match="does not exist any more"):
        world.inside.find(f"{ROLE}-gone", REGION, f"{AWS}/app")
