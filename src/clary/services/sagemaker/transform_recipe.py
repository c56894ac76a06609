"""How a transform job runs: on each instance the model's containers, and an agent that leads (images/runtime).

The agent finds the instance's share of the input in a folder and leaves its output in another; when all agents are done
the containers are dismissed, and the output becomes objects.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from clary.compute.driver import Launch, Mount, Usage
from clary.images.agent import agent
from clary.images.pull import Images
from clary.images.runtime.transform_told import NAME
from clary.jobs import ml
from clary.jobs.ml import data, farm
from clary.jobs.ml.place import instance, open_folder
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Ended, Job, Need, Outcome
from clary.services.sagemaker.hosting.launches import SOCKETS, Launches, Part, logs, parts, ready, size
from clary.services.sagemaker.training_metrics import Metrics, region
from clary.services.sagemaker.transform_output import capture, failure, upload

LOGS: Final = "/aws/sagemaker/TransformJobs"
NAMESPACE: Final = "/aws/sagemaker/TransformJobs"
INPUT, OUTPUT = "/opt/transform/input", "/opt/transform/output"
LAST = 3  # lines that say how a container ended
# Members that the agent goes by.
TOLD = (
    "TransformInput",
    "TransformOutput",
    "DataProcessing",
    "MaxConcurrentTransforms",
    "MaxPayloadInMB",
    "BatchStrategy",
    "ModelClientConfig",
)


@dataclass(frozen=True, slots=True)
class Transform:
    """`where` tells a job's containers how to reach this platform; `tell` is called after each event, with the ARN."""

    images: Images
    objects: Objects
    where: Callable[[Job], ml.Where]
    metrics: Metrics
    tell: Callable[[str], None]

    def need(self, document: Document) -> Need:
        spec = document["Spec"]
        each = _each(spec)
        return Need(size(spec, _count(document) * each), each, share=str(document["RoleArn"]))

    def prepare(self, job: Job) -> list[Launch]:
        document, spec, where = job.document, job.document["Spec"], self.where(job)
        found = ready(job, spec, self.images)
        source = {"ChannelName": "transform", **document["TransformInput"]}
        files = data.files(source, self.objects, document["RoleArn"], where.region)
        base = job.facts["base"] = _base(source, files)
        sockets = open_folder(job.folder / "sockets")
        launches = Launches(job, spec, self.objects, where, sockets)
        env = _environment(job)
        made: list[Launch] = []
        count = _count(document)
        for number in range(count):
            containers = []
            for part in found:
                at = len(made)
                name = part.name if count == 1 else f"{part.name}-{number + 1}"
                made.append(replace(launches.launch(part, at, name, env), leads=False, network=number))
                socket = f"{SOCKETS}/{at}.sock" if part.image is not None else ""
                containers.append({"name": part.name, "socket": socket, "url": part.url})
            mine = files if count == 1 else data.shard(files, number, count)
            told = {
                "containers": containers,
                "input": INPUT,
                "output": OUTPUT,
                "base": base,
                "startup": spec["startup"],
                "stamp": _stamp(job),
                "job": {member: document[member] for member in TOLD if member in document},
            }
            made.append(_agent(job, found[0], len(made), number, farm.plant(where.home, job, mine), told))
        farm.tidy(where.home)
        return made

    def streams(self, job: Job) -> list[tuple[str, ...]]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html"""
        group, spec = f"{region(job.arn)}:{LOGS}", job.document["Spec"]
        found: list[tuple[str, ...]] = []
        fused: list[tuple[str, ...]] = []
        for number in range(_count(job.document)):
            stream = f"{job.document['TransformJobName']}/{_instance(job, number)}-{int(job.created)}"
            for hostname, *file in logs(parts(spec), number * _each(spec)):
                name = stream if len(spec["containers"]) == 1 else f"{stream}/{hostname}"
                (fused if file else found).append((group, name, *file))
            found.append((group, f"{stream}/data-log"))
        return found + fused

    def lines(self, job: Job, instance: int, lines: list[str]) -> None:
        said = [line for line in lines if line.strip()]
        last = job.facts.setdefault("last", {})
        last[str(instance)] = [*last.get(str(instance), []), *said][-LAST:]

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        spec, now = job.document["Spec"], time.time()
        each, memory = _each(spec), size(spec, 1).memory
        data: list[Any] = []
        for number in range(_count(job.document)):
            host = {"Host": f"{job.document['TransformJobName']}/{_instance(job, number)}"}
            mine = usage[number * each : (number + 1) * each]
            cpu = 100.0 * sum(used.cpu for used in mine) / seconds  # 100 for each core
            data += [
                ("CPUUtilization", host, cpu, "Percent", now),
                ("MemoryUtilization", host, 100.0 * sum(used.memory for used in mine) / memory, "Percent", now),
            ]
        self.metrics.put(NAMESPACE, data, region(job.arn))

    def finish(self, job: Job, ended: Ended) -> Outcome:
        """What was transformed whole is uploaded, also where other files failed; nothing of a job that was stopped:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTransformJob.html
        """
        if ended.why != "exited":
            return Outcome("stopped")
        count, each = _count(job.document), _each(job.document["Spec"])
        outputs = [_output(job, number * each + each - 1) for number in range(count)]
        written = upload(job, self.objects, outputs)
        if reason := failure(job, ended, outputs, each):
            return Outcome("failed", reason)
        capture(job, self.objects, written)
        return Outcome("completed")

    def published(self, job: Job, _state: str, _status: str, _message: str) -> None:
        self.tell(job.arn)


def _agent(job: Job, part: Part, at: int, number: int, files: Path, told: Document) -> Launch:
    output = _output(job, at)
    shutil.rmtree(output, ignore_errors=True)  # of a start that a crash cut off
    folder = instance(job, at)
    mounts = (
        Mount(str(job.folder / "sockets"), SOCKETS, "rw"),
        Mount(str(files), INPUT),
        Mount(str(open_folder(output)), OUTPUT, "rw"),
    )
    name, log, env = f"agent-{number + 1}", str(folder / "log"), {NAME: json.dumps(told)}
    made = Launch(name, (), log, env=env, mounts=mounts, network=number)
    return agent(made, "transform", part.environment, str(folder / "upper-image"))


def _output(job: Job, at: int) -> Path:
    """Where the agent, a launch of this number, leaves its files."""
    return instance(job, at) / "output"


def _base(source: Document, files: data.Files) -> str:
    """What stands before the path of each file: bucket and prefix."""
    for path, found in files.entries[:1]:
        bucket, _ = data.split(source["DataSource"]["S3DataSource"]["S3Uri"])
        return f"{bucket}/{found.key.removesuffix(path)}"
    return ""


def _stamp(job: Job) -> str:
    """The time that each record gets, with an id, if the job says so: when it began, in UTC."""
    if not job.document.get("DataCaptureConfig", {}).get("GenerateInferenceId"):
        return ""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(job.created))


def _environment(job: Job) -> dict[str, str]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html: what the request does not say is
    not passed. By the ARN the SDK's load_run finds the job's run (sagemaker/experiments/_environment.py).
    """
    document = job.document
    found = {"SAGEMAKER_BATCH": "true", "TRANSFORM_JOB_ARN": job.arn}
    if (payload := document.get("MaxPayloadInMB")) is not None:
        found["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(payload)
    if strategy := document.get("BatchStrategy"):
        found["SAGEMAKER_BATCH_STRATEGY"] = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}[strategy]
    if concurrent := document.get("MaxConcurrentTransforms"):
        found["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(concurrent)
    return {**found, **document.get("Environment", {})}


def _count(document: Document) -> int:
    return int(document["TransformResources"]["InstanceCount"])


def _each(spec: Document) -> int:
    """Launches of each instance: its containers', and the agent."""
    return len(parts(spec)) + 1


def _instance(job: Job, number: int) -> str:
    """An id such as EC2's, the same whenever it is asked for."""
    return f"i-{hashlib.blake2b(f'{job.id}/{number}'.encode(), digest_size=9).hexdigest()[:17]}"
