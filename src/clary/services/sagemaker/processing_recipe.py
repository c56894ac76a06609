"""How a processing job runs: what it needs, what its containers see, and what is made of what they leave.
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clary.compute.driver import Launch, Size, Usage
from clary.compute.instances import of
from clary.images import environment
from clary.images.pull import Images
from clary.jobs import ml
from clary.jobs.ml import exit_message, processing, processing_outputs
from clary.jobs.ml.place import instance
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Ended, Job, JobFailed, Need, Outcome
from clary.services.sagemaker.processing_check import NOTHING
from clary.services.sagemaker.runnable import runnable
from clary.services.sagemaker.training_metrics import Metrics, region, used

GIB: Final = 1 << 30
LOGS: Final = "/aws/sagemaker/ProcessingJobs"
NAMESPACE: Final = "/aws/sagemaker/ProcessingJobs"
LIVE: Final = 5.0  # seconds between two uploads of outputs that are continuous
MINUTE: Final = 60.0
SEE: Final = "See job logs for more information"  # AWS's words


@dataclass(frozen=True, slots=True)
class Processing:
    """`where` tells a job's containers how to reach this platform; `tell` is called after each event, with the ARN."""

    images: Images
    objects: Objects
    where: Callable[[Job], ml.Where]
    metrics: Metrics
    tell: Callable[[str], None]

    def need(self, document: Document) -> Need:
        return Need(
            _size(document),
            share=str(document["RoleArn"]),
            seconds=float(document["StoppingCondition"]["MaxRuntimeInSeconds"]),
            every=LIVE if processing_outputs.continuous(document) else MINUTE,
        )

    def prepare(self, job: Job) -> list[Launch]:
        application = job.document["AppSpecification"]
        _, image = runnable(self.images, job, application["ImageUri"], job.document["RoleArn"])
        job.check()
        given = [application.get(member, []) for member in ("ContainerEntrypoint", "ContainerArguments")]
        argv = environment.processing(image, *given)
        if not argv:
            raise JobFailed(f"ClientError: {NOTHING.format(application['ImageUri'])}")
        launches = []
        for number, staged in enumerate(processing.stage(job, self.objects, self.where(job))):
            folder = instance(job, number)
            launch = Launch(f"algo-{number + 1}", argv, str(folder / "log"), env=staged.env, mounts=staged.mounts)
            launches.append(image.launch(launch, str(folder / "upper-image")))
        return launches

    def streams(self, job: Job) -> list[tuple[str, str]]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html"""
        name, epoch = job.document["ProcessingJobName"], int(job.created)
        group = f"{region(job.arn)}:{LOGS}"
        return [(group, f"{name}/{host.name}-{epoch}") for host in processing.hosts(job.document)]

    def lines(self, job: Job, instance: int, lines: list[str]) -> None:
        """Processing jobs have no metrics of their own."""

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        name = job.document["ProcessingJobName"]
        self.metrics.put(NAMESPACE, used(name, usage, seconds, _size(job.document)), region(job.arn))
        try:
            processing_outputs.save(job, self.objects)
        except JobFailed as error:  # what cannot be uploaded now may be later; the job's end says so if not
            job.log(0, f"Outputs could not be uploaded: {error.message}")

    def finish(self, job: Job, ended: Ended) -> Outcome:
        """Of a job that failed or was stopped only what is uploaded continuously is in S3."""
        failed = [] if ended.why != "exited" else [n for n, one in enumerate(ended.instances) if one.code != 0]
        failed.sort(key=lambda n: ended.instances[n].ended or 0.0)  # the others were stopped for the first
        detail = self._message(job, failed)
        if failed:
            self._save(job)
            return Outcome("failed", self._reason(job, ended, failed[0]), detail)
        if ended.why != "exited":
            self._save(job)
            return Outcome("stopped", detail=detail)
        processing_outputs.collect(job, self.objects)
        return Outcome("completed", detail=detail)

    def _save(self, job: Job) -> None:
        try:
            processing_outputs.save(job, self.objects)
        except JobFailed as error:
            job.log(0, error.message)

    def _message(self, job: Job, failed: list[int]) -> Document:
        """ExitMessage, of the first that failed or that says something."""
        for number in failed or range(len(processing.hosts(job.document))):
            if said := exit_message.said(job, number, failed=bool(failed)):
                return {"ExitMessage": said}
        return {}

    def _reason(self, job: Job, ended: Ended, number: int) -> str:
        one, name = ended.instances[number], f"algo-{number + 1}"
        if one.out_of_memory:
            return (
                "ClientError: Please use an instance type with more memory, or reduce the size of job data processed "
                f"on an instance. ({name} ran out of memory.)"
            )
        if one.out_of_disk:
            size = job.document["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"]
            return (
                f"ClientError: Please use a larger volume: {name} wrote more than the {size} GB of "
                "ClusterConfig.VolumeSizeInGB."
            )
        if one.code is None:
            return f"InternalServerError: {name} is gone and left no exit code. Please try again."
        return f"AlgorithmError: {SEE}, exit code: {one.code}"

    def published(self, job: Job, _state: str, _status: str, _message: str) -> None:
        self.tell(job.arn)


def _size(document: Document) -> Size:
    cluster = document["ProcessingResources"]["ClusterConfig"]
    kind = of(cluster["InstanceType"])
    return Size(
        instances=cluster["InstanceCount"],
        cpus=float(kind.cpus),
        memory=kind.memory,
        gpus=kind.gpus,
        disk=cluster["VolumeSizeInGB"] * GIB,
        isolated=document.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
    )
