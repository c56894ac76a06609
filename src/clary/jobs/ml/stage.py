"""Lays /opt/ml out for every instance of a training job.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import shutil
import time
from typing import Any

from clary.compute.driver import Mount
from clary.jobs.ml import config, data, environment, farm
from clary.jobs.ml.hosts import Host, hosts
from clary.jobs.ml.place import BUNDLE, FOLDERS, ML, Staged, Where, instance, ml, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job

Document = dict[str, Any]


def stage(job: Job, objects: Objects, where: Where) -> list[Staged]:
    """What each instance's Launch takes, in order; done again after a crash it begins anew. Raises JobFailed,
    JobStopped.
    """
    found = hosts(job.document)
    staged = [_instance(job, found, number, where) for number in range(len(found))]
    for channel in job.document.get("InputDataConfig", []):
        job.check()
        having = [number for number, host in enumerate(found) if channel in config.channels(job.document, host)]
        for number, mount in _channel(job, channel, objects, where, having):
            staged[number].mounts += (mount,)
    farm.evict(where.home, time.time())
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


def _channel(job: Job, channel: Document, objects: Objects, where: Where, having: list[int]) -> list[tuple[int, Mount]]:
    """By instance."""
    role, name = job.document["RoleArn"], channel["ChannelName"]
    source = channel["DataSource"].get("S3DataSource", {})
    every = data.files(channel, objects, role, where.region)
    mounts = []
    for index, number in enumerate(having):
        mine = every
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            mine = data.shard(every, index, len(having))
        folder = farm.plant(where.home, job, mine)
        open_folder(ml(job, number) / "input/data" / name)
        upper = instance(job, number) / f"upper-{name}"
        mounts.append((number, Mount(str(folder), f"{ML}/input/data/{name}", "overlay", str(upper))))
    return mounts
