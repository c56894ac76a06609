"""How a replica runs: one instance of a variant, a job of the engine that stands by until it is stopped.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from clary.compute.driver import DOOR, Launch, Usage
from clary.images.pull import Images
from clary.jobs import ml
from clary.jobs.ml.place import open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Ended, Job, Need, Outcome
from clary.services.sagemaker.hosting.launches import Launches, logs, parts, ready, size
from clary.services.sagemaker.training_metrics import Metrics
from clary.store import routes
from clary.store.db import Store

Document = dict[str, Any]
NOUN: Final = "EndpointReplica"
RECIPE: Final = f"sagemaker.{NOUN}"
LOGS: Final = "/aws/sagemaker/Endpoints"
NAMESPACE: Final = "/aws/sagemaker/Endpoints"
LAST = 3  # lines that say how a container ended


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
        found = Launches(job, spec, self.objects, self.where(job), open_folder(job.folder / "sockets"))
        launches: list[Launch] = []
        containers: list[routes.Framed | routes.Web] = []
        for number, part in enumerate(ready(job, spec, self.images)):
            launches.append(found.launch(part, number))
            hostnames = tuple(container["hostname"] for container in part.containers)
            if part.image is None:
                containers.append(routes.Web(hostnames[0], url=part.url, door=str(job.folder / DOOR)))
                continue
            steps = hostnames if len(hostnames) > 1 else ()
            socket, workers = found.socket(number), found.workers(part)
            containers.append(routes.Framed(hostnames[0], steps, socket=socket, workers=workers))
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

    def streams(self, job: Job) -> list[tuple[str, ...]]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html"""
        document = job.document
        spec = document["Spec"]
        group = f"{job.arn.split(':')[3]}:{LOGS}/{document['EndpointName']}"
        stream = f"{spec['name']}/{document['Instance']}"
        if len(spec["containers"]) == 1 and not spec["containers"][0]["named"]:
            return [(group, stream)]
        return [(group, f"{stream}/{hostname}", *file) for hostname, *file in logs(parts(spec))]

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
        for number, one in enumerate(ended.instances):
            if one.out_of_memory or one.code:
                why = "ran out of memory" if one.out_of_memory else f"ended with exit code {one.code}"
                job.log(number, f"The container {why}.")
        out = next((one for one in ended.instances if one.out_of_memory), None)
        if out is not None:
            return Outcome("failed", "its container ran out of memory")
        codes = ", ".join(str(one.code) for one in ended.instances if one.code is not None)
        said = " ".join(job.facts.get("last", [])[-1:])
        return Outcome("failed", f"its container ended with exit code {codes}: {said or 'it said nothing'}")

    def published(self, _job: Job, _state: str, _status: str, _message: str) -> None:
        self.tell()
