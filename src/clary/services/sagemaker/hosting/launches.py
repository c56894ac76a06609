"""The containers of a model as launches: what each runs, sees and is told. Endpoints and transform jobs have them.

A spec says what there is to be launched (design.py). A launch serves one container, or several of a pipeline that share
an environment of ours: their models run in one process.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clary.compute.driver import Launch, Mount, Size
from clary.compute.instances import of
from clary.compute.limits import machine
from clary.images.image import Image, UnknownImage, resolve
from clary.images.pull import Environment, Images
from clary.jobs import ml
from clary.jobs.ml.environment import aws
from clary.jobs.ml.place import BUNDLE, ML, instance, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job, JobFailed
from clary.services.sagemaker.hosting import multimodel, staging

Document = dict[str, Any]
PORT: Final = 8080
SOCKETS: Final = "/run/clary"
MIB = 1 << 20
# Where a serverless variant's size says nothing of cpus: AWS gives them in proportion to the memory, a whole one at
# 1,769 MB, as Lambda does. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
PER_CPU = 1769


@dataclass(frozen=True, slots=True)
class Part:
    """What one launch serves: a container, or several fused."""

    name: str
    containers: list[Document]
    image: Image
    environment: Environment


@dataclass(frozen=True, slots=True)
class Launches:
    """Those of a job. `spec` is what its model is; `sockets` a folder that all of them share."""

    job: Job
    spec: Document
    objects: Objects
    where: ml.Where
    sockets: Path

    def launch(self, part: Part, number: int, name: str = "", env: dict[str, str] | None = None) -> Launch:
        """`number` is the launch's own within the group, from 0. `env` goes before what leads to Clary, and behind what
        the model says. Raises JobFailed, JobStopped.
        """
        folder, address = instance(self.job, number), self.job.addresses[number]
        top = open_folder(folder / "ml")
        mounts = [*part.environment.mounts(str(folder / "upper-image")), Mount(str(top), ML, "rw")]
        mounts.append(Mount(str(self.sockets), SOCKETS, "rw"))
        if self.where.bundle is not None:
            mounts.append(Mount(str(self.where.bundle), BUNDLE))
        models = []
        for index, container in enumerate(part.containers):
            target = f"{ML}/model" if index == 0 else f"{ML}/model-{index + 1}"
            open_folder(top / Path(target).name)
            if container["multi"]:
                open_folder(top / Path(multimodel.MODELS).name)
                mounts.append(Mount(str(multimodel.folder(self.job.folder)), multimodel.MODELS))
            elif container["data"] is not None:
                seen = staging.model(self.where.home, self.job, self.objects, self.spec, container["data"])
                mounts.append(Mount(str(seen), target, "overlay", str(folder / f"upper-model-{index}")))
            models.append(
                {
                    "folder": target,
                    "environ": {**_seen(container["environment"], target), **(env or {})},
                    "image": part.image.code.name,
                }
            )
        told = {
            "socket": f"{SOCKETS}/{number}.sock",
            "web": False,
            "workers": max(1, min(int(size(self.spec, 1).cpus), machine().cpus)),  # more would only stand in line
            "models": models,
            "multi": part.containers[0]["multi"],
        }
        given = {
            **part.environment.env,
            "SAGEMAKER_BIND_TO_PORT": str(PORT),
            "SAGEMAKER_BIND_TO_HOST": address,
            "SAGEMAKER_MULTI_MODEL": "true" if told["multi"] else "false",
            "SAGEMAKER_REGION": self.where.region,
            **(part.containers[0]["environment"] if len(part.containers) == 1 else {}),  # each model is told its own
            **(env or {}),
            **aws(self.where),
            "CLARY_SERVING": json.dumps(told),
        }
        command = part.environment.command("serve")
        return Launch(name or part.name, command, str(folder / "log"), env=given, mounts=tuple(mounts))

    def workers(self, part: Part) -> int:
        """How many processes answer, and so how many connections it takes to reach them all: those of a script, or one
        of an algorithm's, as images/runtime/server.py has them.
        """
        environs = [container["environment"] for container in part.containers]
        scripted = not part.image.algorithm or any("SAGEMAKER_PROGRAM" in environ for environ in environs)
        if part.containers[0]["multi"] or not scripted:
            return 1
        told = environs[0].get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
        return max(1, int(told) if told.isdigit() else int(size(self.spec, 1).cpus))

    def socket(self, number: int) -> str:
        """Where this machine finds the socket of a launch."""
        return str(self.sockets / f"{number}.sock")

    def url(self, number: int) -> str:
        return f"http://{self.job.addresses[number]}:{PORT}"


def _seen(environment: dict[str, str], target: str) -> dict[str, str]:
    """As a model finds its files whose folder is not /opt/ml/model, because it shares a container."""
    usual = f"{ML}/model"
    return {
        name: target + value[len(usual) :] if value == usual or value.startswith(f"{usual}/") else value
        for name, value in environment.items()
    }


def ready(job: Job, spec: Document, images: Images) -> list[Part]:
    """The parts of a spec, their images ready to run. Raises JobFailed and PullFailed."""
    found = []
    for group in parts(spec):
        try:
            image = resolve(group[0]["image"])
        except UnknownImage as error:
            raise JobFailed(str(error)) from error
        environment = images.ready(image, lambda line: job.log(0, line))
        found.append(Part(group[0]["hostname"], group, image, environment))
    return found


def parts(spec: Document) -> list[list[Document]]:
    """The containers, a list for each launch."""
    found = spec["containers"]
    if spec["mode"] == "Serial" and _fusible(found):
        return [found]
    return [[container] for container in found]


def _fusible(containers: list[Document]) -> bool:
    try:
        references = {resolve(container["image"]).reference for container in containers}
    except UnknownImage:
        return False
    return len(references) == 1


def size(spec: Document, launches: int) -> Size:
    """What each launch may take."""
    isolated, disk = spec["isolated"], int(spec["volume"]) << 30
    if serverless := spec["serverless"]:
        megabytes = serverless["MemorySizeInMB"]
        return Size(launches, max(1.0, megabytes / PER_CPU), megabytes * MIB, 0, disk, isolated)
    kind = of(spec["instance"])
    return Size(launches, float(kind.cpus), kind.memory, kind.gpus, disk, isolated)
