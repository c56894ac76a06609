"""What a training container leaves, and where it goes."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.jobs import ml
from clary.jobs.recipe import JobFailed
from jobs.ml_tools import World, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        made.bucket("out")
        yield made


def members(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_the_model_becomes_an_archive(world: World) -> None:
    job = world.job(ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1})
    ml.stage(job, world.objects, world.where())
    first, second = job.folder / "algo-1/ml", job.folder / "algo-2/ml"
    (first / "model/deep").mkdir()
    (first / "model/deep/weights").write_bytes(b"w" * 100_000)
    (first / "model/same").write_bytes(b"1")
    (second / "model/same").write_bytes(b"2")
    (second / "model/other").write_bytes(b"3")
    (second / "output/data/plot").write_bytes(b"p")
    collected = ml.collect(job, world.objects)
    assert collected.model_uri == ml.address(job) == "s3://out/models/train-1/output/model.tar.gz"
    content = world.get("out", "models/train-1/output/model.tar.gz")
    assert set(members(content)) == {"deep", "deep/weights", "same", "other"}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        same = tar.extractfile("same")
        assert same is not None
        assert same.read() == b"1"
    assert collected.output_uri == "s3://out/models/train-1/output/output.tar.gz"
    assert set(members(world.get("out", "models/train-1/output/output.tar.gz"))) == {"plot"}


def test_no_compression(world: World) -> None:
    job = world.job(OutputDataConfig={"S3OutputPath": "s3://out/m", "CompressionType": "NONE"})
    ml.stage(job, world.objects, world.where())
    (job.folder / "algo-1/ml/model/a").mkdir()
    (job.folder / "algo-1/ml/model/a/b").write_bytes(b"1")
    (job.folder / "algo-1/ml/model/secret").symlink_to("/etc/passwd")
    assert ml.collect(job, world.objects).model_uri == "s3://out/m/train-1/output/model/"
    keys = [found.key for found in world.objects.list(world.role, "out", "m/")]
    assert keys == ["m/train-1/output/model/a/b"]
    assert world.get("out", keys[0]) == b"1"


def test_nothing_left(world: World) -> None:
    job = world.job()
    ml.stage(job, world.objects, world.where())
    assert ml.collect(job, world.objects) == ml.Collected(None, None)
    assert list(world.objects.list(world.role, "out", "")) == []


def test_links_of_the_jobs_are_not_followed(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "failure").write_text("of the host")
    job = world.job()
    ml.stage(job, world.objects, world.where())
    top = job.folder / "algo-1/ml"
    (top / "model/file").symlink_to(secret / "failure")
    (top / "model/folder").symlink_to(secret)
    os.mkfifo(top / "model/pipe")
    (top / "output/data").rmdir()
    (top / "output/data").symlink_to(secret)
    (top / "output/failure").symlink_to(secret / "failure")
    collected = ml.collect(job, world.objects)
    found = members(world.get("out", "models/train-1/output/model.tar.gz"))
    assert set(found) == {"file", "folder"}
    assert all(member.issym() for member in found.values())
    assert collected.output_uri is None
    assert ml.failure(job) == ""
    (top / "output/failure").unlink()
    (top / "output/data").unlink()
    (top / "output").rmdir()
    (top / "output").symlink_to(secret)
    assert ml.failure(job) == ""


def test_failure_is_cut_as_aws_cuts_it(world: World) -> None:
    job = world.job()
    ml.stage(job, world.objects, world.where())
    assert ml.failure(job) == ""
    (job.folder / "algo-1/ml/output/failure").write_text("no" * 1000)
    assert ml.failure(job) == "no" * 512


def test_output_bucket_gone(world: World) -> None:
    job = world.job(OutputDataConfig={"S3OutputPath": "s3://gone/m"})
    ml.stage(job, world.objects, world.where())
    (job.folder / "algo-1/ml/model/a").write_bytes(b"1")
    with pytest.raises(JobFailed, match=r"^ClientError: Artifact upload failed:.*s3://gone/m/train-1/output/model"):
        ml.collect(job, world.objects)
