"""Lays out what the containers of a processing job see: its inputs, its configuration, and folders for its outputs.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from clary.compute.driver import Mount
from clary.jobs.ml import data, farm, pipes
from clary.jobs.ml.config import resources
from clary.jobs.ml.environment import aws
from clary.jobs.ml.hosts import HOMOGENEOUS, Host
from clary.jobs.ml.place import BUNDLE, ML, Staged, Where, instance, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed

Document = dict[str, Any]
PROCESSING: Final = "/opt/ml/processing"
CONFIG: Final = "/opt/ml/config"
TRIES = 3  # to list an input's objects and have them all, while somebody deletes or replaces some


def hosts(document: Document) -> list[Host]:
    cluster = document["ProcessingResources"]["ClusterConfig"]
    return [Host(f"algo-{n}", cluster["InstanceType"], HOMOGENEOUS) for n in range(1, cluster["InstanceCount"] + 1)]


def inputs(document: Document) -> list[Document]:
    """Those that the platform brings; an AppManaged one is the program's own business."""
    return [each for each in document.get("ProcessingInputs", []) if "S3Input" in each and not each.get("AppManaged")]


def outputs(document: Document) -> list[Document]:
    """Those that the platform takes."""
    every = document.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [each for each in every if "S3Output" in each and not each.get("AppManaged")]


def output(job: Job, number: int, index: int) -> Path:
    """Where an instance, from 0, leaves the output of this place among `outputs`."""
    return instance(job, number) / f"output-{index}"


def message(job: Job, number: int) -> Path:
    """The file that the instance sees as /opt/ml/output/message."""
    return _top(job, number) / "output" / "message"


def stage(job: Job, objects: Objects, where: Where) -> list[Staged]:
    """What each instance's Launch takes, in order; done again after a crash it begins anew. Raises JobFailed,
    JobStopped.
    """
    found = hosts(job.document)
    staged = [_instance(job, found, number, where) for number in range(len(found))]
    room = [job.document["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] << 30] * len(found)
    feeds: list[list[Document]] = [[] for _ in found]
    for index, each in enumerate(inputs(job.document)):
        job.check()
        source = _channel(each)
        if each["S3Input"].get("S3InputMode") == "Pipe":
            whole = pipes.stream(source, objects, job.document["RoleArn"], where.region)
            for number in range(len(found)):
                mine = pipes.part(whole, number, len(found)) if _sharded(each) else whole
                plan = pipes.plan(where.home, job, source, mine)
                feeds[number].append({**plan, "name": each["S3Input"]["LocalPath"]})
            continue
        for number, (mount, size) in enumerate(_mounts(job, index, each, objects, where, len(found))):
            staged[number].mounts += (mount,)
            room[number] -= size
            if room[number] < 0:
                raise JobFailed(
                    f"{data.FAILED}the inputs do not fit into the VolumeSizeInGB of "
                    "ProcessingResources.ClusterConfig: ask for a larger volume, or use the S3InputMode Pipe"
                )
    for each_staged in staged:
        _apart(each_staged.mounts)
    for number, plans in enumerate(feeds):
        _feed(job, number, plans)
    farm.tidy(where.home)
    return staged


def _apart(mounts: tuple[Mount, ...]) -> None:
    """What lies within an input has no file of that in its place. Raises JobFailed."""
    for outer in (each for each in mounts if each.how == "overlay"):
        for inner in (each.target for each in mounts if Path(outer.target) in Path(each.target).parents):
            place = Path(outer.source)
            for part in Path(inner).relative_to(outer.target).parts:
                place /= part
                if place.is_file():
                    raise JobFailed(
                        f"{data.FAILED}the LocalPath {inner} cannot be a folder: {outer.target} brings a file there"
                    )


def _top(job: Job, number: int) -> Path:
    return instance(job, number) / "ml"


def _instance(job: Job, found: list[Host], number: int, where: Where) -> Staged:
    top = _top(job, number)
    shutil.rmtree(top, ignore_errors=True)  # beside it is the log, which the engine reads
    for name in ("", "config", "processing", "output"):
        open_folder(top / name)
    mounts = [Mount(str(top), ML, "rw")]
    for index, each in enumerate(outputs(job.document)):
        folder = output(job, number, index)
        shutil.rmtree(folder, ignore_errors=True)
        mounts.append(Mount(str(open_folder(folder)), each["S3Output"]["LocalPath"].rstrip("/"), "rw"))
    told = {
        "processingjobconfig": configuration(job),
        "resourceconfig": resources(found, number),
    }
    for name, content in told.items():
        file = top / "config" / f"{name}.json"
        file.write_text(json.dumps(content))
        file.chmod(0o666)
    if where.bundle is not None:
        mounts.append(Mount(str(where.bundle), BUNDLE))
    environment = {**job.document.get("Environment", {}), **aws(where, found)}
    return Staged(tuple(mounts), environment)


def configuration(job: Job) -> Document:
    """processingjobconfig.json, as the page above shows it."""
    document = job.document
    application = {"ContainerEntrypoint": None, "ContainerArguments": None, **document["AppSpecification"]}
    cluster = {"VolumeKmsKeyId": None, **document["ProcessingResources"]["ClusterConfig"]}
    collected = document.get("ProcessingOutputConfig", {})
    return {
        "ProcessingJobArn": job.arn,
        "ProcessingJobName": document["ProcessingJobName"],
        "AppSpecification": application,
        "Environment": document.get("Environment", {}),
        "ProcessingInputs": document.get("ProcessingInputs", []),
        "ProcessingOutputConfig": {"Outputs": collected.get("Outputs", []), "KmsKeyId": collected.get("KmsKeyId")},
        "ProcessingResources": {"ClusterConfig": cluster},
        "NetworkConfig": document.get("NetworkConfig"),
        "ExperimentConfig": document.get("ExperimentConfig"),
        "RoleArn": document["RoleArn"],
        "StoppingCondition": document["StoppingCondition"],
    }


def _channel(each: Document) -> Document:
    """The input as a channel of a training job, which is laid out by the same rules."""
    told = each["S3Input"]
    source = {name: told[name] for name in ("S3Uri", "S3DataType", "S3DataDistributionType") if name in told}
    return {
        "ChannelName": each["InputName"],
        "DataSource": {data.SOURCES: source},
        "CompressionType": told.get("S3CompressionType", "None"),
    }


def _sharded(each: Document) -> bool:
    return bool(each["S3Input"].get("S3DataDistributionType") == "ShardedByS3Key")


def _mounts(
    job: Job, index: int, each: Document, objects: Objects, where: Where, count: int
) -> list[tuple[Mount, int]]:
    """The input as each instance sees it, and how large it is."""
    for _ in range(TRIES):
        try:
            every = data.files(_channel(each), objects, job.document["RoleArn"], where.region)
            found = []
            for number in range(count):
                mine = data.shard(every, number, count) if _sharded(each) else every
                folder, upper = farm.plant(where.home, job, mine), instance(job, number) / f"upper-input-{index}"
                target = each["S3Input"]["LocalPath"].rstrip("/")
                found.append((Mount(str(folder), target, "overlay", str(upper)), mine.size))
        except farm.Gone as error:
            gone = error
        else:
            return found
    raise gone


def _feed(job: Job, number: int, plans: list[Document]) -> None:
    """An epoch's FIFO is LocalPath with the epoch's number: /opt/ml/processing/input/data_0. Each folder with FIFOs has
    a feeder of its own, which holds that folder before anything of the job's runs.
    """
    folders: dict[Path, list[Document]] = {}
    for plan in plans:
        place = _top(job, number) / "processing"
        *above, name = Path(plan["name"]).relative_to(PROCESSING).parts
        for part in above:
            place = open_folder(place / part)
        folders.setdefault(place, []).append({**plan, "name": name})
    for place, mine in folders.items():
        pipes.feed(job, number, mine, place)
