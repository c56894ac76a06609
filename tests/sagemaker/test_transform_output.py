"""What a transform job leaves becomes objects once, whenever Clary is cut off."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.jobs.recipe import Job, JobFailed
from clary.services.sagemaker.transform_output import capture, upload
from jobs.ml_tools import World, opened

FILES = {f"{folder}{number}.csv": f"{folder}{number}".encode() for folder in ("", "sub/") for number in range(3)}


class CutOff(Exception):
    """The process has ended."""


class Cut:
    """S3 to jobs, with which the process ends just before or just after so many objects have been put."""

    def __init__(self, world: World, left: int, *, after: bool) -> None:
        self.world, self.left, self.after = world, left, after
        self.put_keys: list[str] = []

    def put(self, role_arn: str, bucket: str, key: str, file: Path, *, move: bool = False) -> None:
        self.left -= 1
        if not self.left and not self.after:
            raise CutOff
        self.world.objects.put(role_arn, bucket, key, file, move=move)
        self.put_keys.append(key)
        if not self.left:
            raise CutOff


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        made.bucket("out")
        yield made


def left_by_agents(world: World, **members: Any) -> tuple[Job, list[Path]]:
    job = world.job(TransformOutput={"S3OutputPath": "s3://out/batch/"}, **members)
    outputs = [job.folder / "algo-2" / "output", job.folder / "algo-4" / "output"]
    for number, (path, body) in enumerate(FILES.items()):
        file = outputs[number % 2] / "files" / f"{path}.out"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    (outputs[0] / "files" / "cut-off.csv.out.part").write_bytes(b"half")
    (outputs[0] / "files" / "elsewhere.out").symlink_to("/etc/passwd")
    return job, outputs


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, len(FILES) + 1))
def test_cut_off_at_any_object(world: World, number: int, after: bool) -> None:
    job, outputs = left_by_agents(world)
    cut = Cut(world, number, after=after)
    with pytest.raises(CutOff):
        upload(job, cut, outputs)  # type: ignore[arg-type]  # all that it calls is there
    again = Cut(world, 0, after=after)
    written = upload(job, again, outputs)  # type: ignore[arg-type]  # likewise
    assert written == sorted(f"{path}.out" for path in FILES)
    assert {path: world.get("out", f"batch/{path}.out") for path in FILES} == FILES
    twice = set(cut.put_keys) & set(again.put_keys)
    assert len(twice) == (1 if after else 0), "only the one at which it was cut off, whose bytes are the same"
    keys = [one.key for one in world.objects.list(world.role, "out", "")]
    assert keys == sorted(f"batch/{path}.out" for path in FILES), "no half file, and nothing that a link leads to"


def test_a_bucket_that_has_gone(world: World) -> None:
    job, outputs = left_by_agents(world)
    job.document["TransformOutput"]["S3OutputPath"] = "s3://gone"
    with pytest.raises(JobFailed, match=r"ClientError: Unable to upload to s3://gone/.*does not exist"):
        upload(job, world.objects, outputs)


def test_manifests_are_the_same_when_they_come_twice(world: World) -> None:
    job, outputs = left_by_agents(world, DataCaptureConfig={"DestinationS3Uri": "s3://out/captured/"})
    job.facts["base"] = "in/rows/"
    for _ in range(2):
        capture(job, world.objects, upload(job, world.objects, outputs))
    found = [one.key for one in world.objects.list(world.role, "out", "captured/")]
    assert len(found) == 2
    assert json.loads(world.get("out", found[0])) == [{"prefix": "s3://in/rows/"}, *sorted(FILES)]
    assert json.loads(world.get("out", found[1]))[0] == {"prefix": "s3://out/batch/"}
