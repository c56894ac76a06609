"""Lays /opt/ml out for every instance of a training job.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import shutil
import sys
from typing import Any

from clary.compute.driver import Mount
from clary.jobs.ml import checkpoints, config, data, environment, farm, pipes
from clary.jobs.ml.hosts import Host, hosts
from clary.jobs.ml.place import BUNDLE, FOLDERS, ML, Staged, Where, instance, ml, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

Document = dict[str, Any]
# The channels that SDK 3 makes of its own. They are copied, so that their files are the job's own: what it starts in a
# container begins with chmod +x on one of them, which only its owner may do.
SCRIPTS = ("sm_drivers", "code")
TRIES = 3  # to list a channel's objects and have them all, while somebody deletes or replaces some


def stage(job: Job, objects: Objects, where: Where) -> list[Staged]:
    """What each instance's Launch takes, in order; done again after a crash it begins anew. Raises JobFailed,
    JobStopped.
    """
    found = hosts(job.document)
    staged = [_instance(job, found, number, where) for number in range(len(found))]
    room = [volume(job.document)] * len(found)
    feeds: dict[int, list[Document]] = {}
    for channel in job.document.get("InputDataConfig", []):
        job.check()
        having = [number for number, host in enumerate(found) if channel in config.channels(job.document, host)]
        if config.mode(channel, job.document) == "Pipe":
            for number, plan in _piped(job, channel, objects, where, having):
                feeds.setdefault(number, []).append(plan)
            continue
        for number, mount, size in _channel(job, channel, objects, where, having):
            staged[number].mounts += (mount,)
            room[number] -= size
            if room[number] < 0 and config.mode(channel, job.document) == "File":
                raise _too_large(job)
    for number, each in enumerate(staged):
        if (saved := checkpoints.fetch(job, objects, number)) is not None:
            each.mounts += (saved,)
    for number, plans in feeds.items():
        pipes.feed(job, number, plans, ml(job, number) / "input/data")
    farm.tidy(where.home)
    return staged


def _instance(job: Job, found: list[Host], number: int, where: Where) -> Staged:
    top = ml(job, number)
    shutil.rmtree(top, ignore_errors=True)  # beside it is the log, which the engine reads
    open_folder(top)
    for name in ("input", "output", *FOLDERS):
        open_folder(top / name)
    config.write(top / "input/config", job, found, number)
    mounts = [Mount(str(top), ML, "rw")]
    if where.bundle is not None:
        mounts.append(Mount(str(where.bundle), BUNDLE))
    return Staged(tuple(mounts), environment.variables(job, found, number, where))


def _channel(
    job: Job, channel: Document, objects: Objects, where: Where, having: list[int]
) -> list[tuple[int, Mount, int]]:
    """By instance. FastFile is as File: files that are there by a mount are as fast as can be."""
    role, name = job.document["RoleArn"], channel["ChannelName"]
    for member, plain in (("CompressionType", "None"), ("RecordWrapperType", "None")):
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
        if channel.get(member, plain) != plain:
            raise JobFailed(
                f"ClientError: channel {name}: {member} {channel[member]} is for the input mode Pipe only, and this "
                "channel's is another"
            )
    for _ in range(TRIES):
        try:
            return _mounts(job, channel, data.files(channel, objects, role, where.region), where, having)
        except farm.Gone as error:
            gone = error
    raise gone


def _mounts(
    job: Job, channel: Document, every: data.Files, where: Where, having: list[int]
) -> list[tuple[int, Mount, int]]:
    name = channel["ChannelName"]
    mounts = []
    for index, number in enumerate(having):
        mine = data.shard(every, index, len(having)) if _sharded(channel) else every
        folder = farm.plant(where.home, job, mine)
        seen = open_folder(ml(job, number) / "input/data" / name)
        if name in SCRIPTS:
            shutil.copytree(folder, seen, copy_function=shutil.copyfile, dirs_exist_ok=True)
            continue
        upper = instance(job, number) / f"upper-{name}"
        mounts.append((number, Mount(str(folder), f"{ML}/input/data/{name}", "overlay", str(upper)), mine.size))
    return mounts


def volume(document: Document) -> int:
    """Bytes of each instance's disk."""
    return int(document["ResourceConfig"].get("VolumeSizeInGB", 0)) << 30 or sys.maxsize


def _too_large(job: Job) -> JobFailed:
    size = job.document["ResourceConfig"]["VolumeSizeInGB"]
    return JobFailed(
        f"{data.FAILED}the input data does not fit into the {size} GB of ResourceConfig.VolumeSizeInGB: ask for a "
        "larger volume, or use the input mode FastFile or Pipe"
    )


def _piped(
    job: Job, channel: Document, objects: Objects, where: Where, having: list[int]
) -> list[tuple[int, Document]]:
    """The plans for the feeders, by instance."""
    whole = pipes.stream(channel, objects, job.document["RoleArn"], where.region)
    plans = []
    for index, number in enumerate(having):
        mine = pipes.part(whole, index, len(having)) if _sharded(channel) else whole
        plans.append((number, pipes.plan(where.home, job, channel, mine)))
    return plans


def _sharded(channel: Document) -> bool:
    return bool(channel["DataSource"].get(data.SOURCES, {}).get("S3DataDistributionType") == "ShardedByS3Key")
