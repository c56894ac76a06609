"""Pipe channels, read as a container reads them: by opening the FIFOs."""

import gzip
import json
import os
import shutil
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.jobs import ml
from clary.jobs.ml import feeder, pipes
from clary.jobs.recipe import Job, JobFailed
from groups import processes
from jobs.ml_tools import World, channel, opened
from waiting import until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        made.bucket("in")
        yield made
        shutil.rmtree(made.home / "jobs", ignore_errors=True)  # ends the feeders


def staged(world: World, *channels: dict[str, Any], instances: int = 1) -> Job:
    job = world.job(
        InputDataConfig=list(channels),
        AlgorithmSpecification={"TrainingInputMode": "Pipe"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1},
    )
    ml.stage(job, world.objects, world.where())
    return job


def read(job: Job, name: str, instance: int = 1) -> bytes:
    path = job.folder / f"algo-{instance}/ml/input/data" / name
    until(path.exists, lambda: f"there is no {name}")
    return path.read_bytes()


def records(data: bytes) -> list[bytes]:
    found = []
    while data:
        magic, length = struct.unpack("<II", data[:8])
        assert magic == 0xCED7230A
        found.append(data[8 : 8 + length])
        data = data[8 + length + -length % 4 :]
    return found


def test_epochs(world: World) -> None:
    world.put("in", "t/1", b"one\n")
    world.put("in", "t/2", b"two\n" * 100_000)
    job = staged(world, channel("train", "s3://in/t/"), channel("file", "s3://in/t/1", InputMode="File"))
    folder = job.folder / "algo-1/ml/input/data"
    assert stat.S_ISFIFO((folder / "train_0").lstat().st_mode)
    assert (folder / "train_0").stat().st_mode & 0o777 == 0o666
    for epoch in range(3):
        assert read(job, f"train_{epoch}") == b"one\n" + b"two\n" * 100_000
    with (folder / "train_3").open("rb", buffering=0) as early:
        assert early.read(4) == b"one\n"
    assert read(job, "train_4")[:4] == b"one\n"


def test_gzip_and_records(world: World) -> None:
    world.put("in", "t/1", gzip.compress(b"one"))
    world.put("in", "t/2", gzip.compress(b"three"))
    packed = {"CompressionType": "Gzip"}
    job = staged(
        world,
        channel("plain", "s3://in/t/", **packed),
        channel("wrapped", "s3://in/t/", RecordWrapperType="RecordIO", **packed),
    )
    assert read(job, "plain_0") == b"onethree"
    assert records(read(job, "wrapped_0")) == [b"one", b"three"]


def test_shards_and_shuffles(world: World) -> None:
    for number in range(8):
        world.put("in", f"t/{number}", str(number).encode())
    source = {"S3DataDistributionType": "ShardedByS3Key"}
    job = staged(
        world,
        channel("shard", "s3://in/t/", source=source),
        channel("mixed", "s3://in/t/", ShuffleConfig={"Seed": 7}),
        instances=2,
    )
    assert sorted(read(job, "shard_0") + read(job, "shard_0", 2)) == sorted(b"01234567")
    epochs = [read(job, f"mixed_{epoch}") for epoch in range(3)]
    assert all(sorted(epoch) == sorted(b"01234567") for epoch in epochs)
    assert len(set(epochs)) > 1
    again = staged(world, channel("mixed", "s3://in/t/", ShuffleConfig={"Seed": 7}))
    assert [read(again, f"mixed_{epoch}") for epoch in range(3)] == epochs


def test_augmented_manifest(world: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest-stream.html"""
    lines = []
    for number in range(2):
        world.put("in", f"i/{number}.jpg", b"jpeg" * (number + 1))
        lines.append(json.dumps({"image-ref": f"s3://in/i/{number}.jpg", "is-a-cat": number, "other": 0}))
    world.put("in", "m", "\n".join(lines).encode())
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["image-ref", "is-a-cat"]}
    job = staged(world, channel("train", "s3://in/m", source=source, RecordWrapperType="RecordIO"))
    assert records(read(job, "train_0")) == [b"jpeg", b"0", b"jpegjpeg", b"1"]
    source["AttributeNames"] = ["image-ref", "none"]
    with pytest.raises(JobFailed, match="line 1 has no attribute none"):
        staged(world, channel("train", "s3://in/m", source=source))


def test_lines_of_an_augmented_manifest_are_shared_and_mixed_whole(world: World) -> None:
    lines = []
    for number in range(8):
        world.put("in", f"i/{number}.jpg", b"jpeg-%d" % number)
        lines.append(json.dumps({"image-ref": f"s3://in/i/{number}.jpg", "label": number}))
    world.put("in", "m", "\n".join(lines).encode())
    source = {
        "S3DataType": "AugmentedManifestFile",
        "AttributeNames": ["image-ref", "label"],
        "S3DataDistributionType": "ShardedByS3Key",
    }
    asked = {"RecordWrapperType": "RecordIO", "ShuffleConfig": {"Seed": 1}}
    job = staged(world, channel("train", "s3://in/m", source=source, **asked), instances=2)
    orders = []
    for epoch in range(3):
        found = [records(read(job, f"train_{epoch}", instance)) for instance in (1, 2)]
        pairs = [list(zip(each[::2], each[1::2], strict=True)) for each in found]
        assert sorted([*pairs[0], *pairs[1]]) == [(b"jpeg-%d" % number, b"%d" % number) for number in range(8)]
        orders.append(pairs)
    assert len({str(order) for order in orders}) > 1


def test_more_instances_than_objects_and_groups(world: World) -> None:
    world.put("in", "t/only", b"one")
    groups = [
        {"InstanceType": "ml.m5.large", "InstanceCount": 2, "InstanceGroupName": "many"},
        {"InstanceType": "ml.c5.large", "InstanceCount": 1, "InstanceGroupName": "other"},
    ]
    source = {"S3DataDistributionType": "ShardedByS3Key", "InstanceGroupNames": ["many"]}
    job = world.job(
        InputDataConfig=[channel("train", "s3://in/t/", source=source, InputMode="Pipe")],
        ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1},
    )
    ml.stage(job, world.objects, world.where())
    assert [read(job, f"train_{epoch}", 1) for epoch in range(2)] == [b"one"] * 2
    assert [read(job, f"train_{epoch}", 2) for epoch in range(2)] == [b""] * 2
    assert list((job.folder / "algo-3/ml/input/data").iterdir()) == []


def test_keys_need_be_no_paths(world: World) -> None:
    for number, key in enumerate(("t/../a", "t//b", "t/c", "t/c/d", "t/é\n")):
        world.put("in", key, b"%d" % number)
    assert sorted(read(staged(world, channel("train", "s3://in/t/")), "train_0")) == sorted(b"01234")


def test_a_link_of_the_jobs_leads_nowhere(world: World, tmp_path: Path) -> None:
    world.put("in", "t/1", b"one")
    job = staged(world, channel("train", "s3://in/t/"))
    folder = job.folder / "algo-1/ml/input/data"
    victim = tmp_path / "victim"
    os.mkfifo(victim)
    (folder / "train_0").unlink()
    (folder / "train_0").symlink_to(victim)
    reader = os.open(victim, os.O_RDONLY | os.O_NONBLOCK)
    time.sleep(0.2)
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_the_feeder_ends_with_the_job(world: World) -> None:
    world.put("in", "t/1", b"one")
    job = staged(world, channel("train", "s3://in/t/"))
    (plan,) = (job.folder / "algo-1").glob("pipes-*.json")
    assert processes(str(plan))
    shutil.rmtree(job.folder)
    until(lambda: not processes(str(plan)))


@pytest.mark.parametrize("mode", ["File", "FastFile"])
@pytest.mark.parametrize("member", ["CompressionType", "RecordWrapperType"])
def test_pipes_only(world: World, member: str, mode: str) -> None:
    value = "Gzip" if member == "CompressionType" else "RecordIO"
    with pytest.raises(JobFailed, match=f"{member} {value} is for the input mode Pipe only"):
        staged(world, channel("train", "s3://in/t/", InputMode=mode, **{member: value}))


@given(st.lists(st.binary(max_size=50)))
def test_records_come_out_as_they_went_in(data: list[bytes]) -> None:
    assert records(b"".join(map(feeder.framed, data))) == data


@given(st.binary(), st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_a_line_has_its_attributes_or_is_refused(line: bytes, names: list[str]) -> None:
    try:
        values = pipes.attributes(line, names, "m, line 1")
    except JobFailed:
        return
    assert len(values) == len(names)
