"""Checkpoints: from S3 at the start, to S3 while a job runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.jobs import ml
from clary.jobs.recipe import JobFailed
from jobs.ml_tools import World, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        made.bucket("ckpt")
        yield made


def test_both_ways(world: World, tmp_path: Path) -> None:
    world.put("ckpt", "c/epoch-1", b"1")
    world.put("ckpt", "c/deep/epoch-2", b"2")
    world.put("ckpt", "c2/other", b"3")
    blob = Path(world.objects.find(world.role, "ckpt", "c/epoch-1").path)
    job = world.job(CheckpointConfig={"S3Uri": "s3://ckpt/c"})
    (made,) = ml.stage(job, world.objects, world.where())
    (mount,) = [mount for mount in made.mounts if mount.target == "/opt/ml/checkpoints"]
    folder = Path(mount.source)
    assert mount.how == "rw"
    assert (folder / "epoch-1").read_bytes() == b"1"
    assert (folder / "deep/epoch-2").read_bytes() == b"2"
    assert not (folder / "other").exists()
    assert (folder / "epoch-1").stat().st_ino != blob.stat().st_ino
    assert ml.save(job, world.objects) == 0
    (folder / "epoch-1").write_bytes(b"1, but longer")
    (folder / "epoch-3").write_bytes(b"3")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_bytes(b"of the host")
    (folder / "link").symlink_to(secret / "file")
    (folder / "folder").symlink_to(secret)
    assert ml.save(job, world.objects) == 2
    assert ml.save(job, world.objects) == 0
    keys = [found.key for found in world.objects.list(world.role, "ckpt", "c/")]
    assert keys == ["c/deep/epoch-2", "c/epoch-1", "c/epoch-3"]
    assert world.get("ckpt", "c/epoch-1") == b"1, but longer"
    assert (folder / "epoch-3").read_bytes() == b"3"


def test_none_there_yet_and_another_path(world: World) -> None:
    job = world.job(CheckpointConfig={"S3Uri": "s3://ckpt/new/", "LocalPath": "/opt/ml/mine"})
    (made,) = ml.stage(job, world.objects, world.where())
    mount = made.mounts[-1]
    assert mount.target == "/opt/ml/mine"
    (Path(mount.source) / "a").write_bytes(b"1")
    assert ml.save(job, world.objects) == 1
    assert world.get("ckpt", "new/a") == b"1"


def test_prepared_again_after_a_crash(world: World) -> None:
    world.put("ckpt", "c/epoch-1", b"1")
    job = world.job(CheckpointConfig={"S3Uri": "s3://ckpt/c"})
    for _ in range(2):
        (made,) = ml.stage(job, world.objects, world.where())
    assert (Path(made.mounts[-1].source) / "epoch-1").read_bytes() == b"1"


def test_keys_that_are_no_paths_are_told(world: World) -> None:
    world.put("ckpt", "c/../../x", b"1")
    with pytest.raises(JobFailed, match="cannot be the path of a file"):
        ml.stage(world.job(CheckpointConfig={"S3Uri": "s3://ckpt/c"}), world.objects, world.where())
    assert not (world.home / "jobs/x").exists()
