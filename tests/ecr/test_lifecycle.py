"""Lifecycle policies: what they say, what they would do, and that they do it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.services.ecr import lifecycle, rules
from clary.services.ecr.rules import DAY, Image, Wrong
from clary.services.ecr.state import ECR, SQL
from ecr.tools import INDEX, Door, image, index
from ecr.world import World, opened
from s3.tools import refused


def policy(*given: dict[str, Any]) -> str:
    made = [
        {
            "rulePriority": number,
            "description": "x" * 60,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1} | one,
            "action": {"type": "expire"},
        }
        for number, one in enumerate(given, start=1)
    ]
    return json.dumps({"rules": made})


def aged(days: int, **more: Any) -> dict[str, Any]:
    return {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days, **more}


def tagged(*prefixes: str, **more: Any) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPrefixList": list(prefixes), **more}


def test_put_get_delete(door: Door, ecr: Any) -> None:
    name, text = door.repository(), policy({})
    with refused("LifecyclePolicyNotFoundException", name):
        ecr.get_lifecycle_policy(repositoryName=name)
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
    assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == text
    assert ecr.delete_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == text
    with refused("LifecyclePolicyNotFoundException"):
        ecr.delete_lifecycle_policy(repositoryName=name)
    with refused("InvalidParameterException", "Lifecycle policy validation failure"):
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy({"countNumber": 0}))


def test_preview(door: Door, ecr: Any) -> None:
    name = door.repository()
    with refused("LifecyclePolicyPreviewNotFoundException"):
        ecr.get_lifecycle_policy_preview(repositoryName=name)
    with refused("LifecyclePolicyNotFoundException"):
        ecr.start_lifecycle_policy_preview(repositoryName=name)
    pushed = [door.push(name, image(), f"t{number}") for number in range(3)]
    text = policy(tagged("t", countNumber=1))
    began = ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)
    assert began["status"] == "IN_PROGRESS"
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=name)
    found = ecr.get_lifecycle_policy_preview(repositoryName=name)
    assert found["summary"] == {"expiringImageTotalCount": 2}
    assert {each["imageDigest"] for each in found["previewResults"]} < set(pushed)
    assert found["previewResults"][0]["action"] == {"type": "EXPIRE"}
    page = ecr.get_lifecycle_policy_preview(repositoryName=name, maxResults=1)
    rest = ecr.get_lifecycle_policy_preview(repositoryName=name, maxResults=1, nextToken=page["nextToken"])
    assert page["previewResults"] + rest["previewResults"] == found["previewResults"]
    assert not ecr.get_lifecycle_policy_preview(repositoryName=name, filter={"tagStatus": "UNTAGGED"})["previewResults"]
    assert len(ecr.list_images(repositoryName=name)["imageIds"]) == 3  # nothing has gone


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        yield made


def digests(state: ECR, row: Any) -> set[str]:
    return {each["digest"] for each in state.store.read().execute(SQL["images_all"], {"repository": row["id"]})}


def test_images_really_expire(world: World) -> None:
    """By age and by count, with their layers, and those in a list with the list."""
    row = world.repository("r")
    start = world.now
    old = world.push(row, image(), "v1")
    listed = [image(), image(architecture="arm64")]
    for each in listed:
        world.push(row, each)
    multi = world.put(row, index(*listed), "multi", INDEX)
    world.now = start + 20 * DAY
    newer = [world.push(row, image(), f"v{number}") for number in (2, 3)]
    world.lifecycle(row, policy(tagged("multi", **aged(100)), tagged("v", countNumber=2)))
    lifecycle.run(world.state)
    parts = {each.digest for each in listed}
    assert digests(world.state, row) == {*newer, multi, *parts}  # the oldest v is gone; who is in a list stays
    assert old not in digests(world.state, row)
    world.lifecycle(row, policy({"tagStatus": "untagged", **aged(1)}, tagged("multi", **aged(30))))
    world.now = start + 29 * DAY
    lifecycle.run(world.state)
    assert digests(world.state, row) == {*newer, multi, *parts}
    world.now = start + 31 * DAY
    lifecycle.run(world.state)
    assert digests(world.state, row) == set(newer)
    layers = world.state.store.read().execute("SELECT count(*) FROM ecr_layer").fetchone()[0]
    assert layers == 4  # a layer and a config of each
    world.now += 30
    world.lifecycle(row, policy(aged(1)))
    world.tick()
    assert digests(world.state, row) == set()


def test_nothing_loose_stays(world: World) -> None:
    row = world.repository("r")
    world.bring(row, b"a layer of nothing")
    upload = world.state.uploads.begin(row["id"])
    inflow = world.state.uploads.receive(world.state.uploads.take(row["id"], upload))
    inflow.write([b"half"])
    inflow.finish()
    world.now += DAY - 10
    world.tick()
    assert world.state.uploads.find(row["id"], upload)["size"] == 4
    world.now += 20
    world.tick()
    left = world.state.store.read().execute(
        "SELECT (SELECT count(*) FROM ecr_layer), (SELECT count(*) FROM ecr_upload)"
    )
    assert tuple(left.fetchone()) == (0, 0)


NOW = 1000.0 * DAY


def made(name: str, *tags: str, age: int = 0, pulled: int | None = None) -> Image:
    return Image(name, tags, NOW - age * DAY, 0.0 if pulled is None else NOW - pulled * DAY)


IMAGES = [
    made("a", "prod-1", "beta", age=50),
    made("b", "prod-2", age=40),
    made("c", "prod-3", age=30, pulled=1),
    made("d", age=20),
    made("e", age=1),
]


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        ([{"countNumber": 2}], "abc"),
        ([aged(25)], "abc"),
        ([{"tagStatus": "untagged", **aged(10)}], "d"),
        ([tagged("prod", countNumber=1)], "ab"),
        ([tagged("prod", "beta", **aged(1))], "a"),  # has to have both
        ([{"tagStatus": "tagged", "tagPatternList": ["*-2"], **aged(1)}], "b"),
        ([{**aged(25), "countType": "sinceImagePulled"}], "ab"),
        # What a rule with a higher priority picks is no other's, also where it lets it live.
        ([tagged("prod", countNumber=5), {"countNumber": 1}], "d"),
        ([tagged("prod", countNumber=2), {**aged(25)}], "a"),
        # A rule counts also those that another has marked.
        ([tagged("beta", **aged(1)), tagged("prod", countNumber=2)], "a"),
    ],
)
def test_rules(given: list[dict[str, Any]], gone: str) -> None:
    found = rules.expiring(rules.read(policy(*given)), IMAGES, NOW)
    assert sorted(each.digest for each, _ in found) == list(gone)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"rules": []}',
        policy({}, {}),  # "any" is not last
        policy({"tagStatus": "tagged"}),
        policy({"tagStatus": "some"}),
        policy({"countType": "imageCountMoreThan", "countUnit": "days"}),
        policy({"countType": "sinceImagePushed"}),
        policy({"countType": "sinceImageTransitioned"}),
        policy({"countNumber": True}),
        policy({"tagPrefixList": ["a"]}),
        policy({"storageClass": "archive"}),
        policy(tagged("a", tagPatternList=["b"])),
        policy({}).replace('"expire"', '"transition"'),
        policy({}).replace('"rulePriority": 1', '"rulePriority": 0'),
        policy({}).replace("description", "remark"),
    ],
)
def test_policies_that_are_none(text: str) -> None:
    with pytest.raises(Wrong):
        rules.read(text)
