"""The containers of a model as launches: what each runs, sees and is told. Endpoints and transform jobs have them.

A spec says what there is to be launched (design.py). A launch serves one container, or several of a pipeline that share
an environment of ours: their models run in one process.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from clary.compute.driver import Launch, Mount, Size
from clary.compute.instances import of
from clary.compute.limits import machine
from clary.images.environment import Environment
from clary.images.image import Image, UnknownImage, resolve
from clary.images.pull import CODE, Images
from clary.jobs import ml
from clary.jobs.ml.environment import aws
from clary.jobs.ml.place import BUNDLE, ML, instance, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job
from clary.services.sagemaker.hosting import multimodel, staging
from clary.services.sagemaker.runnable import runnable

Document = dict[str, Any]
PORT: Final = 8080
SOCKETS: Final = "/run/clary"
LOG: Final = "/run/clary-log"
MIB = 1 << 20
# Where a serverless variant's size says nothing of cpus: AWS gives them in proportion to the memory, a whole one at
# 1,769 MB, as Lambda does. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
PER_CPU = 1769


@dataclass(frozen=True, slots=True)
class Part:
    """What one launch serves: a container, or several fused. `image` is that of the environment they run in; None for
    one of the user's own, which serves at `port` of its network.
    """

    name: str
    containers: list[Document]
    image: Image | None
    environment: Environment
    port: int

    @property
    def url(self) -> str:
        """Of one of the user's own."""
        return f"http://127.0.0.1:{self.port}"


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
        folder = instance(self.job, number)
        shutil.rmtree(folder / "ml", ignore_errors=True)  # of a start that was cut off: it may have links by now
        top = open_folder(folder / "ml")
        mounts = [Mount(str(top), ML, "rw")]
        if part.image is not None:
            mounts.append(Mount(str(self.sockets), SOCKETS, "rw"))
            guests = {resolve(container["image"]).code for container in part.containers} - {part.image.code}
            mounts += [Mount(str(code), f"{CODE}/{code.name}") for code in sorted(guests)]
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
            told: Document = {"folder": target, "environ": {**_seen(container["environment"], target), **(env or {})}}
            if part.image is not None:
                told["image"] = resolve(container["image"]).code.name
            if index:
                file = self.job.folder / log(number, index)
                file.touch()
                file.chmod(0o666)
                told["log"] = f"{LOG}/{index + 1}"
                mounts.append(Mount(str(file), told["log"], "rw"))
            models.append(told)
        where, ways = _ways(self.where) if private(self.spec) else (self.where, ())
        given = {
            "SAGEMAKER_BIND_TO_PORT": str(part.port),
            "SAGEMAKER_MULTI_MODEL": "true" if part.containers[0]["multi"] else "false",
            "SAGEMAKER_REGION": where.region,
            **(part.containers[0]["environment"] if len(part.containers) == 1 else {}),  # each model is told its own
            **(env or {}),
            **aws(where),
            **(self._told(part, number, models) if part.image is not None else {}),
        }
        command = part.environment.command("serve")
        made = Launch(name or part.name, command, str(folder / "log"), env=given, mounts=tuple(mounts), ways=ways)
        return part.environment.launch(made, str(folder / "upper-image"))

    def _told(self, part: Part, number: int, models: list[Document]) -> dict[str, str]:
        """What our own model server goes by."""
        told = {
            "socket": f"{SOCKETS}/{number}.sock",
            "web": False,
            "workers": max(1, min(int(size(self.spec, 1).cpus), machine().cpus)),  # more would only stand in line
            "models": models,
            "multi": part.containers[0]["multi"],
        }
        return {"SAGEMAKER_BIND_TO_HOST": self.job.addresses[number], "CLARY_SERVING": json.dumps(told)}

    def workers(self, part: Part) -> int:
        """How many processes answer, and so how many connections it takes to reach them all: those of a script, or one
        of an algorithm's, as images/runtime/server.py has them.
        """
        environs = [container["environment"] for container in part.containers]
        scripted = (
            part.image is None or part.image.scripted or any("SAGEMAKER_PROGRAM" in environ for environ in environs)
        )
        if part.containers[0]["multi"] or not scripted:
            return 1
        told = environs[0].get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
        return max(1, int(told) if told.isdigit() else int(size(self.spec, 1).cpus))

    def socket(self, number: int) -> str:
        """Where this machine finds the socket of a launch."""
        return str(self.sockets / f"{number}.sock")


def log(launch: int, index: int) -> str:
    """The file, in the job's folder, of a container that is not the first of its launch: that one has the launch's."""
    return f"algo-{launch + 1}/log-{index + 1}"


def logs(groups: list[list[Document]], first: int = 0) -> list[tuple[str, ...]]:
    """The hostname of each launch's first container; behind these, of the others, each with its file. `first` is the
    number of the first launch.
    """
    each = list(enumerate(groups, first))
    found: list[tuple[str, ...]] = [(group[0]["hostname"],) for _, group in each]
    for launch, group in each:
        found += [(one["hostname"], log(launch, index)) for index, one in enumerate(group) if index]
    return found


def _seen(environment: dict[str, str], target: str) -> dict[str, str]:
    """As a model finds its files whose folder is not /opt/ml/model, because it shares a container."""
    usual = f"{ML}/model"
    return {
        name: target + value[len(usual) :] if value == usual or value.startswith(f"{usual}/") else value
        for name, value in environment.items()
    }


def _ways(where: ml.Where) -> tuple[ml.Where, tuple[tuple[int, str, int], ...]]:
    """How Clary is reached from a private network: at the same port of 127.0.0.1, wherever it is outside."""
    place = urlsplit(where.endpoint)
    host, port = place.hostname or "", place.port or 80
    endpoint = f"http://127.0.0.1:{port}"
    credentials = where.credentials.replace(where.endpoint, endpoint, 1)
    return replace(where, endpoint=endpoint, credentials=credentials), ((port, host, port),)


def private(spec: Document) -> bool:
    """Whether its containers have a network of their own, since those of users listen at 0.0.0.0."""
    return any(container.get("own") for container in spec["containers"])


def ready(job: Job, spec: Document, images: Images) -> list[Part]:
    """The parts of a spec, their images ready to run. Raises JobFailed and PullFailed."""
    found: list[Part] = []
    for group in parts(spec):
        first = _host(group) if len(group) > 1 else group[0]
        assert first is not None, "they are fused"
        image, environment = runnable(images, job, first.get("own") or first["image"], spec["role"], kept=True)
        port = PORT + sum(part.image is None for part in found)  # they share a network
        found.append(Part(group[0]["hostname"], group, image, environment, port))
    return found


def parts(spec: Document) -> list[list[Document]]:
    """The containers, a list for each launch."""
    found = spec["containers"]
    if spec["mode"] == "Serial" and _host(found) is not None:
        return [found]
    return [[container] for container in found]


def _host(containers: list[Document]) -> Document | None:
    """The container in whose environment all of them can run; None where they can't, in one process: all have the same
    image, but for guests, which do with any.
    """
    if any(container.get("own") for container in containers):
        return None
    try:
        found = [resolve(container["image"]) for container in containers]
    except UnknownImage:
        return None
    able = [number for number, image in enumerate(found) if not image.guest] or [0]
    host = found[able[0]]
    if any(found[number].reference != host.reference for number in able):
        return None
    if any(image.guest and _version(image) > _version(host) for image in found):
        return None
    return containers[able[0]]


def _version(image: Image) -> tuple[int, ...]:
    """Of its Python."""
    return tuple(map(int, image.python.split(".")))


def size(spec: Document, launches: int) -> Size:
    """What each launch may take."""
    isolated, disk, own = spec["isolated"], int(spec["volume"]) << 30, private(spec)
    if serverless := spec["serverless"]:
        megabytes = serverless["MemorySizeInMB"]
        return Size(launches, max(1.0, megabytes / PER_CPU), megabytes * MIB, 0, disk, isolated, own)
    kind = of(spec["instance"])
    return Size(launches, float(kind.cpus), kind.memory, kind.gpus, disk, isolated, own)
