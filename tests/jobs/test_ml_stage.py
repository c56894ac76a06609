"""What a training container finds below /opt/ml."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.jobs import ml
from clary.jobs.ml import data, farm
from clary.jobs.recipe import JobFailed, JobStopped
from clary.services.s3 import bulk
from clary.services.s3.inside import Inside
from jobs.ml_tools import World, channel, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        made.bucket("in")
        made.bucket("out")
        yield made


def tree(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def staged(world: World, **members: Any) -> list[dict[str, dict[str, bytes]]]:
    """The channels of each instance, by the path inside."""
    made = ml.stage(world.job(**members), world.objects, world.where())
    return [
        {mount.target: tree(Path(mount.source)) for mount in each.mounts if mount.how == "overlay"} for each in made
    ]


def test_channels_appear_below_their_prefix(world: World) -> None:
    for key in ("data/train/a.csv", "data/train/deep/b.csv", "data/train-2.csv", "data/trainer/c.csv"):
        world.put("in", key, key.encode())
    world.put("in", "data/train/folder/", b"")
    world.put("in", "data/train/empty", b"")
    (found,) = staged(
        world, InputDataConfig=[channel("train", "s3://in/data/train/"), channel("one", "s3://in/data/train-2.csv")]
    )
    assert found["/opt/ml/input/data/train"] == {
        "a.csv": b"data/train/a.csv",
        "deep/b.csv": b"data/train/deep/b.csv",
        "empty": b"",
    }
    assert found["/opt/ml/input/data/one"] == {"train-2.csv": b"data/train-2.csv"}
    (found,) = staged(world, InputDataConfig=[channel("train", "s3://in/data/train")])
    assert set(found["/opt/ml/input/data/train"]) == {"a.csv", "deep/b.csv", "empty", "train-2.csv", "trainer/c.csv"}


def test_links_are_readable_by_a_job_and_hold_the_blobs_bytes(world: World) -> None:
    world.put("in", "t/a", b"1")
    job = world.job(InputDataConfig=[channel("train", "s3://in/t/")])
    (made,) = ml.stage(job, world.objects, world.where())
    mount = made.mounts[-1]
    link = Path(mount.source) / "a"
    blob = Path(world.objects.find(world.role, "in", "t/a").path)
    assert link.stat().st_ino == blob.stat().st_ino
    assert link.stat().st_mode & 0o777 == 0o666
    assert Path(mount.source).stat().st_mode & 0o777 == 0o777
    assert not Path(mount.upper).is_relative_to(job.folder / "algo-1" / "ml")
    assert (job.folder / "algo-1/ml/input/data/train").is_dir()


def test_blobs_of_before_there_were_jobs_become_readable(world: World) -> None:
    world.put("in", "old/a", b"1")
    found = world.objects.find(world.role, "in", "old/a")
    Path(found.path).chmod(0o600)
    folder = farm.plant(world.where().home, world.job(), data.named([("a", found)]))
    assert (folder / "a").stat().st_mode & 0o777 == 0o666


def test_a_second_job_shares_the_farm_and_the_last_one_takes_it_along(world: World) -> None:
    world.put("in", "t/a", b"1")
    jobs = [world.job(InputDataConfig=[channel("train", "s3://in/t/")]) for _ in range(2)]
    sources = {ml.stage(job, world.objects, world.where())[0].mounts[-1].source for job in jobs}
    assert len(sources) == 1
    later = time.time() + 3600
    for job in jobs:
        assert farm.evict(world.home, later) == 0
        for folder in sorted(job.folder.rglob("*"), reverse=True):
            folder.rmdir() if folder.is_dir() else folder.unlink()
        job.folder.rmdir()
    assert farm.evict(world.home, time.time()) == 0
    assert farm.evict(world.home, later) == 1
    assert list((world.home / "channels").iterdir()) == []


class Shifting(Inside):
    """Of each listing, the first object is written anew before anybody could take it."""

    def __init__(self, world: World, times: int) -> None:
        super().__init__(
            world.state, world.identity.authority, lambda _arn: world.identity.session(world.role, "").caller
        )
        self.world, self.times = world, times

    def list(self, role_arn: str, bucket: str, prefix: str) -> bulk.Listing:
        found = super().list(role_arn, bucket, prefix)
        if self.times:
            self.times -= 1
            Path(next(iter(found)).path).unlink()
            self.world.put(bucket, found.keys[0], b"anew")
        return found


@pytest.mark.parametrize("times", [1, 9])
def test_an_object_written_anew_meanwhile_is_taken_as_it_is_now(world: World, times: int) -> None:
    world.put("in", "t/a", b"1")
    world.put("in", "t/b", b"1")
    job = world.job(InputDataConfig=[channel("train", "s3://in/t/")])
    if times > 1:
        with pytest.raises(JobFailed, match="'a' was deleted, or written anew, while the job began"):
            ml.stage(job, Shifting(world, times), world.where())
        return
    (made,) = ml.stage(job, Shifting(world, times), world.where())
    assert tree(Path(made.mounts[-1].source)) == {"a": b"anew", "b": b"1"}


def test_what_a_crash_left_half_built_is_removed(world: World) -> None:
    world.put("in", "t/a", b"1")
    ml.stage(world.job(InputDataConfig=[channel("train", "s3://in/t/")]), world.objects, world.where())
    (whole,) = (world.home / "channels").iterdir()
    part = whole.parent / f".{whole.name}-0"
    (part / "data").mkdir(parents=True)
    assert farm.evict(world.home, time.time()) == 0
    assert farm.evict(world.home, time.time() + 3600) == 1
    assert [*whole.parent.iterdir()] == [whole]


def test_many_folders_and_files_are_all_there(world: World) -> None:
    world.put("in", "t/a", b"1")
    found = world.objects.find(world.role, "in", "t/a")
    paths = [f"{number % 7}/{number % 3}/{number}" for number in range(2 * farm.LINKS)] + ["one", "two/"]
    folder = farm.plant(world.home, world.job(), data.named([(path, found) for path in paths]))
    assert set(tree(folder)) == {*paths} - {"two/"}
    assert list((folder / "two").iterdir()) == []


def test_a_job_that_is_stopped_leaves_no_half_a_farm(world: World) -> None:
    world.put("in", "t/a", b"1")
    found = world.objects.find(world.role, "in", "t/a")

    def check() -> None:
        if any((world.home / "channels").glob(".*/data/2")):
            raise JobStopped

    paths = [f"{number % 3}/{number}" for number in range(4 * farm.LINKS)]
    with pytest.raises(JobStopped):
        farm.plant(world.home, replace(world.job(), check=check), data.named([(path, found) for path in paths]))
    assert list((world.home / "channels").iterdir()) == []


def test_shards_and_groups(world: World) -> None:
    for number in range(5):
        world.put("in", f"t/{number}", b"x")
    groups = [
        {"InstanceType": "ml.m5.large", "InstanceCount": 2, "InstanceGroupName": "many"},
        {"InstanceType": "ml.c5.large", "InstanceCount": 1, "InstanceGroupName": "one"},
    ]
    source = {"S3DataDistributionType": "ShardedByS3Key", "InstanceGroupNames": ["many"]}
    first, second, third = staged(
        world,
        ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1},
        InputDataConfig=[channel("train", "s3://in/t/", source=source), channel("all", "s3://in/t/")],
    )
    inside = "/opt/ml/input/data/train"
    assert sorted([*first[inside], *second[inside]]) == list("01234")
    assert set(third) == {"/opt/ml/input/data/all"}
    assert len(third["/opt/ml/input/data/all"]) == 5


def test_more_instances_than_objects(world: World) -> None:
    """The others have the channel, with nothing in it."""
    world.put("in", "t/only", b"1")
    source = {"S3DataDistributionType": "ShardedByS3Key"}
    found = staged(
        world,
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 3, "VolumeSizeInGB": 1},
        InputDataConfig=[channel("train", "s3://in/t/", source=source)],
    )
    assert found == [
        {"/opt/ml/input/data/train": {"only": b"1"}},
        {"/opt/ml/input/data/train": {}},
        {"/opt/ml/input/data/train": {}},
    ]


def test_each_channel_has_a_mode_of_its_own(world: World) -> None:
    world.put("in", "t/a", b"1")
    algorithm = {"TrainingInputMode": "FastFile"}
    channels = [channel("fast", "s3://in/t/"), channel("file", "s3://in/t/", InputMode="File")]
    job = world.job(AlgorithmSpecification=algorithm, InputDataConfig=channels)
    (made,) = ml.stage(job, world.objects, world.where())
    assert [tree(Path(mount.source)) for mount in made.mounts if mount.how == "overlay"] == [{"a": b"1"}] * 2
    told = json.loads((job.folder / "algo-1/ml/input/config/inputdataconfig.json").read_text())
    assert {name: each["TrainingInputMode"] for name, each in told.items()} == {"fast": "FastFile", "file": "File"}


ODD = ["a", "b", ".", "..", "é", "-", "\n", "~", "*", "🦭", "\\"]


@given(st.sets(st.lists(st.sampled_from(["/", "/", *ODD]), min_size=1, max_size=6).map("".join), max_size=5))
def test_keys_become_the_files_they_name_or_are_told(keys: set[str]) -> None:
    with TemporaryDirectory() as folder:
        blob = Path(folder, "blob")
        blob.write_bytes(b"1")
        root = Path(folder, "deep/er/root")
        root.parent.mkdir(parents=True)
        try:
            farm.lay(root, [(key, str(blob)) for key in sorted(keys)], lambda: None, farm.link)
        except JobFailed as error:
            said = error.message
            assert said.startswith("ClientError: Data download failed:")
        else:
            assert set(tree(root)) == {key for key in keys if not key.endswith("/")}
        outside = {path.name for path in Path(folder).rglob("*") if not path.is_relative_to(root)}
        assert outside == {"blob", "deep", "er"}


def test_a_manifest_leads_nowhere_else(world: World) -> None:
    world.put("in", "x/../../a", b"1")
    world.put("in", "m", json.dumps([{"prefix": "s3://in/x/"}, "../../a"]).encode())
    with pytest.raises(JobFailed, match="cannot be the path of a file"):
        staged(world, InputDataConfig=[channel("train", "s3://in/m", source={"S3DataType": "ManifestFile"})])
    assert not list(world.home.rglob("channels/*"))


def test_manifest(world: World) -> None:
    world.put("in", "x/a/1", b"1")
    world.put("in", "x/b", b"2")
    world.put("in", "m", json.dumps([{"prefix": "s3://in/x/"}, "a/1", "b"]).encode())
    source = {"S3DataType": "ManifestFile"}
    (found,) = staged(world, InputDataConfig=[channel("train", "s3://in/m", source=source)])
    assert found["/opt/ml/input/data/train"] == {"a/1": b"1", "b": b"2"}
    world.put("in", "m", json.dumps([{"prefix": "s3://in/x/"}, "none"]).encode())
    with pytest.raises(JobFailed, match=r"^ClientError: Data download failed:Unable to download object s3://in/x/none"):
        staged(world, InputDataConfig=[channel("train", "s3://in/m", source=source)])


@pytest.mark.parametrize("uri", ["s3://in/none", "s3://no-such-bucket/x"])
def test_nothing_there(world: World, uri: str) -> None:
    with pytest.raises(JobFailed) as caught:
        staged(world, InputDataConfig=[channel("train", uri)])
    assert caught.value.message.startswith(
        f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. Please'
    )


@pytest.mark.parametrize("keys", [("t/a", "t/a/b"), ("t/../../x",), ("t/a//b",), ("t/./x",), ("t/" + "n" * 300,)])
def test_keys_that_are_no_paths_are_told(world: World, keys: tuple[str, ...]) -> None:
    for key in keys:
        world.put("in", key, b"x")
    with pytest.raises(JobFailed, match=r"^ClientError: Data download failed:"):
        staged(world, InputDataConfig=[channel("train", "s3://in/t/")])
    assert not list(world.home.rglob("channels/*"))


def test_a_volume_that_is_too_small_is_told(world: World) -> None:
    world.put("in", "t/a", b"1")
    world.store.write(lambda connection: connection.execute("UPDATE object SET size = ?", ((1 << 30) + 1,)))
    with pytest.raises(JobFailed, match="does not fit into the 1 GB"):
        staged(world, InputDataConfig=[channel("train", "s3://in/t/")])
    assert staged(world, InputDataConfig=[channel("train", "s3://in/t/", InputMode="FastFile")])


def test_other_sources_are_refused_by_name(world: World) -> None:
    with pytest.raises(JobFailed, match="Clary has no FileSystemDataSource"):
        staged(world, InputDataConfig=[{"ChannelName": "train", "DataSource": {"FileSystemDataSource": {}}}])


def test_config_and_environment(world: World) -> None:
    world.put("in", "t/a", b"1")
    job = world.job(
        InputDataConfig=[channel("train", "s3://in/t/", ContentType="text/csv")],
        HyperParameters={"eta": "0.2"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
        Environment={"MINE": "1", "AWS_REGION": "eu-central-1"},
    )
    first, second = ml.stage(job, world.objects, world.where())
    folder = job.folder / "algo-2/ml/input/config"
    read = {path.stem: json.loads(path.read_text()) for path in folder.iterdir()}
    assert read["hyperparameters"] == {"eta": "0.2"}
    assert read["inputdataconfig"] == {
        "train": {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
    }
    assert read["resourceconfig"]["current_host"] == "algo-2"
    assert read["resourceconfig"]["hosts"] == ["algo-1", "algo-2"]
    assert read["resourceconfig"]["instance_groups"] == [
        {
            "instance_group_name": "homogeneousCluster",
            "instance_type": "ml.m5.large",
            "hosts": ["algo-1", "algo-2"],
        }
    ]
    assert first.env["SM_CURRENT_HOST"] == "algo-1"
    assert second.env["TRAINING_JOB_NAME"] == "train-1"
    assert second.env["MINE"] == "1"
    assert second.env["AWS_REGION"] == "us-west-2"
    assert second.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4510/c"


@given(st.binary())
def test_a_manifest_is_one_or_is_refused(content: bytes) -> None:
    try:
        entries = data.manifest(content, "s3://in/m")
    except JobFailed:
        return
    assert entries[0]["prefix"].startswith("s3://")


@given(prefix=st.text(), rest=st.text())
def test_the_path_below_a_channel_ends_the_key(prefix: str, rest: str) -> None:
    assert (prefix + rest).endswith(data.relative(prefix, prefix + rest))
