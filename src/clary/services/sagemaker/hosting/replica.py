"""How a replica runs: one instance of a variant, a job of the engine that stands by until it is stopped.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clary.compute.driver import Launch, Mount, Size, Usage
from clary.compute.instances import of
from clary.images.image import Image, UnknownImage, resolve
from clary.images.pull import Environment, Images
from clary.jobs import ml
from clary.jobs.ml.environment import aws
from clary.jobs.ml.place import BUNDLE, ML, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Ended, Job, JobFailed, Need, Outcome
from clary.services.sagemaker.hosting import staging
from clary.services.sagemaker.training_metrics import Metrics
from clary.store import routes
from clary.store.db import Store

Document = dict[str, Any]
NOUN: Final = "EndpointReplica"
RECIPE: Final = f"sagemaker.{NOUN}"
LOGS: Final = "/aws/sagemaker/Endpoints"
NAMESPACE: Final = "/aws/sagemaker/Endpoints"
PORT: Final = 8080
SOCKETS: Final = "/run/clary"
MIB = 1 << 20
LAST = 3  # lines that say how a container ended
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
class Serving:
    """The recipe. `tell` is called after each event."""

    images: Images
    objects: Objects
    where: Callable[[Job], ml.Where]
    metrics: Metrics
    store: Store
    tell: Callable[[], None]

    def need(self, document: Document) -> Need:
        spec = document["Spec"]
        return Need(size(spec, len(parts(spec))), standing=True, share=document["Endpoint"])

    def prepare(self, job: Job) -> list[Launch]:
        spec = job.document["Spec"]
        where = self.where(job)
        sockets = open_folder(job.folder / "sockets")
        launches, containers = [], []
        for number, part in enumerate(self._parts(job, spec)):
            address = job.addresses[number]
            launches.append(self._launch(job, part, number, address, where, sockets))
            socket = str(sockets / f"{number}.sock")
            containers += [
                routes.Container(container["hostname"], socket=socket, url=f"http://{address}:{PORT}")
                for container in part.containers[:1]
            ]
        group, stream = self.streams(job)[0]
        entry = routes.Replica(
            id=job.id,
            endpoint=job.document["Endpoint"],
            fleet=job.document["Fleet"],
            variant=spec["name"],
            state="starting",
            containers=tuple(containers),
            log=(group.partition(":")[2], stream),
        )
        self.store.write(lambda connection: routes.put(connection, entry))
        return launches

    def _parts(self, job: Job, spec: Document) -> list[Part]:
        found = []
        for group in parts(spec):
            try:
                image = resolve(group[0]["image"])
            except UnknownImage as error:
                raise JobFailed(str(error)) from error
            environment = self.images.ready(image, lambda line: job.log(0, line))
            found.append(Part(group[0]["hostname"], group, image, environment))
        return found

    def _launch(self, job: Job, part: Part, number: int, address: str, where: ml.Where, sockets: Path) -> Launch:
        spec = job.document["Spec"]
        folder = job.folder / f"algo-{number + 1}"
        top = open_folder(folder / "ml")
        mounts = [*part.environment.mounts(str(folder / "upper-image")), Mount(str(top), ML, "rw")]
        mounts.append(Mount(str(sockets), SOCKETS, "rw"))
        if where.bundle is not None:
            mounts.append(Mount(str(where.bundle), BUNDLE))
        models = []
        for index, container in enumerate(part.containers):
            target = f"{ML}/model" if index == 0 else f"{ML}/model-{index + 1}"
            open_folder(top / Path(target).name)
            if container["data"] is not None and not container["multi"]:
                seen = staging.model(where.home, job, self.objects, spec["role"], container["data"])
                mounts.append(Mount(str(seen), target, "overlay", str(folder / f"upper-model-{index}")))
            models.append(
                {
                    "folder": target,
                    "environ": container["environment"],
                    "image": part.image.code.name,
                    "hostname": container["hostname"],
                }
            )
        told = {
            "socket": f"{SOCKETS}/{number}.sock",
            "port": PORT,
            "workers": max(1, int(size(spec, 1).cpus)),
            "models": models,
            "multi": part.containers[0]["multi"],
        }
        env = {
            **part.environment.env,
            "SAGEMAKER_BIND_TO_PORT": str(PORT),
            "SAGEMAKER_BIND_TO_HOST": address,
            "SAGEMAKER_MULTI_MODEL": "true" if told["multi"] else "false",
            "SAGEMAKER_REGION": where.region,
            **part.containers[0]["environment"],
            **aws(where),
            "CLARY_SERVING": json.dumps(told),
        }
        return Launch(part.name, part.environment.command("serve"), str(folder / "log"), env=env, mounts=tuple(mounts))

    def streams(self, job: Job) -> list[tuple[str, str]]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html"""
        document = job.document
        spec = document["Spec"]
        group = f"{job.arn.split(':')[3]}:{LOGS}/{document['EndpointName']}"
        stream = f"{spec['name']}/{document['Instance']}"
        groups = parts(spec)
        if len(groups) == 1 and not groups[0][0]["named"]:
            return [(group, stream)]
        return [(group, f"{stream}/{'+'.join(one['hostname'] for one in containers)}") for containers in groups]

    def lines(self, job: Job, _instance: int, lines: list[str]) -> None:
        said = [line for line in lines if line.strip()]
        job.facts["last"] = [*job.facts.get("last", []), *said][-LAST:]

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        document = job.document
        dimensions = {"EndpointName": document["EndpointName"], "VariantName": document["Spec"]["name"]}
        memory = size(document["Spec"], len(usage)).memory * len(usage)
        now = time.time()
        cpu = 100.0 * sum(used.cpu for used in usage) / seconds
        self.metrics.put(
            NAMESPACE,
            [
                ("CPUUtilization", dimensions, cpu, "Percent", now),
                ("MemoryUtilization", dimensions, 100.0 * sum(used.memory for used in usage) / memory, "Percent", now),
            ],
            job.arn.split(":")[3],
        )

    def finish(self, job: Job, ended: Ended) -> Outcome:
        self.store.write(lambda connection: routes.remove_replica(connection, job.id))
        if ended.why != "exited":
            return Outcome("stopped")
        out = next((one for one in ended.instances if one.out_of_memory), None)
        if out is not None:
            return Outcome("failed", "its container ran out of memory")
        codes = ", ".join(str(one.code) for one in ended.instances if one.code is not None)
        said = " ".join(job.facts.get("last", [])[-1:])
        return Outcome("failed", f"its container ended with exit code {codes}: {said or 'it said nothing'}")

    def published(self, _job: Job, _state: str, _status: str, _message: str) -> None:
        self.tell()


def parts(spec: Document) -> list[list[Document]]:
    """The containers, a list for each launch: those of a pipeline whose images are the same environment of ours are
    one, and their models run in one process.
    """
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
