"""How a training job runs: what it needs, what its containers see, and what is made of what they leave.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from clary.compute.driver import Instance, Launch, Size, Usage
from clary.compute.instances import of
from clary.images.pull import Images
from clary.jobs import ml
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Ended, Job, JobFailed, Need, Outcome
from clary.jobs.states import ENDED
from clary.services.sagemaker.runnable import runnable
from clary.services.sagemaker.training_check import instances
from clary.services.sagemaker.training_metrics import Meter, region

GIB = 1 << 30
LOGS = "/aws/sagemaker/TrainingJobs"
REASON = 1024  # characters: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html


@dataclass(frozen=True, slots=True)
class Training:
    """`where` tells a job's containers how to reach this platform; `tell` is called after each event, with the ARN."""

    images: Images
    objects: Objects
    where: Callable[[Job], ml.Where]
    meter: Meter
    tell: Callable[[str], None]

    def need(self, document: Document) -> Need:
        groups = instances(document)
        types = [of(kind) for kind, _, _ in groups]
        config, condition = document["ResourceConfig"], document["StoppingCondition"]
        spot = condition.get("MaxWaitTimeInSeconds")
        seconds = float(condition["MaxRuntimeInSeconds"])
        return Need(
            Size(
                instances=sum(count for _, count, _ in groups),
                cpus=float(max(kind.cpus for kind in types)),
                memory=max(kind.memory for kind in types),
                gpus=max(kind.gpus for kind in types),
                disk=config["VolumeSizeInGB"] * GIB,
                isolated=document.get("EnableNetworkIsolation", False),
            ),
            share=str(document.get("TuningJobArn") or document["RoleArn"]),
            seconds=seconds,
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
            wait=float(spot) - seconds if spot else condition.get("MaxPendingTimeInSeconds"),
            retries=document.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0),
        )

    def prepare(self, job: Job) -> list[Launch]:
        algorithm = job.document["AlgorithmSpecification"]
        builtin, environment = runnable(self.images, job, algorithm["TrainingImage"], job.document["RoleArn"])
        job.facts["metrics"] = dict(builtin.metrics) if builtin is not None else {}
        job.check()
        job.report("Downloading", "Downloading input data")
        entrypoint = algorithm.get("ContainerEntrypoint") or environment.command("train")
        launches = []
        for number, staged in enumerate(ml.stage(job, self.objects, self.where(job)), start=1):
            name = f"algo-{number}"
            folder = job.folder / name
            argv = (*entrypoint, *algorithm.get("ContainerArguments", ()))
            launch = Launch(name, argv, str(folder / "log"), env=staged.env, mounts=staged.mounts)
            launches.append(environment.launch(launch, str(folder / "upper-image")))
        return launches

    def streams(self, job: Job) -> list[tuple[str, str]]:
        name, epoch = job.document["TrainingJobName"], int(job.created)
        group = f"{region(job.arn)}:{LOGS}"  # how the journal names a group of a region
        return [
            (group, f"{name}/algo-{number + 1}-{epoch}") for number in range(self.need(job.document).size.instances)
        ]

    def lines(self, job: Job, _instance: int, lines: list[str]) -> None:
        self.meter.lines(job, lines)

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        self.meter.measured(job, usage, seconds, self.need(job.document).size)
        self._checkpoints(job)

    def finish(self, job: Job, ended: Ended) -> Outcome:
        reason = ""
        if ended.why == "exited" and any(instance.code != 0 for instance in ended.instances):
            reason = self._reason(job, *_culprit(ended))
        job.report("Uploading", "Uploading generated training model")
        detail = self._numbers(job)
        detail["ModelArtifacts"] = {"S3ModelArtifacts": self._collect(job, reason)}
        if reason:
            return Outcome("failed", reason, detail)
        if ended.why == "exited":
            return Outcome("completed", detail=detail)
        status = "MaxRuntimeExceeded" if ended.why == "timeout" else "Stopped"
        return Outcome("stopped", detail={**detail, "status": status})

    def _collect(self, job: Job, reason: str) -> str:
        """Where the model is, or would be. Also a job that failed leaves what it has, as on AWS
        (https://github.com/aws/sagemaker-python-sdk/pull/746), and one that was stopped was given time for it.
        """
        try:
            left = ml.collect(replace(job, check=lambda: None), self.objects)
        except (JobFailed, OSError) as error:
            if not reason:
                raise
            job.log(0, str(error))
            return ml.address(job)
        return left.model_uri or ml.address(job)

    def _checkpoints(self, job: Job) -> None:
        """What cannot be saved now may be later; the job's end says so if not."""
        try:
            ml.save(job, self.objects)
        except JobFailed as error:
            job.log(0, f"Checkpoints could not be saved: {error.message}")

    def _numbers(self, job: Job) -> Document:
        final = self.meter.final(job)
        return {"FinalMetricDataList": final} if final else {}

    def _reason(self, job: Job, number: int, instance: Instance) -> str:
        if instance.out_of_memory:
            return (
                "ClientError: Please use an instance type with more memory, or reduce the size of training data "
                f"processed on an instance. (algo-{number} ran out of memory.)"
            )
        if instance.out_of_disk:
            size = job.document["ResourceConfig"]["VolumeSizeInGB"]
            return (
                f"ClientError: Please use a larger volume: algo-{number} wrote more than the {size} GB of "
                "ResourceConfig.VolumeSizeInGB."
            )
        if instance.code is None:
            return f"InternalServerError: algo-{number} is gone and left no exit code. Please try again."
        said = ml.failure(job, number - 1)
        if not said:
            said = f"the container wrote no /opt/ml/output/failure. Please see the end of its log in {LOGS}"
        if said.startswith("Customer Error:"):  # how built-in algorithms say that it is the request or the data
            return f"ClientError: {said.removeprefix('Customer Error:').strip()}"[:REASON]
        code = f", exit code: {instance.code}"
        return f"AlgorithmError: {said}"[: REASON - len(code)] + code

    def published(self, job: Job, state: str, _status: str, _message: str) -> None:
        if state in ENDED:
            self.meter.forget(job)
        self.tell(job.arn)


def _culprit(ended: Ended) -> tuple[int, Instance]:
    """Of the instances that failed, from 1, the one that the others were stopped for: the first to end, unless another
    ran out of something.
    """
    failed = [(number, instance) for number, instance in enumerate(ended.instances, start=1) if instance.code != 0]
    short = [one for one in failed if one[1].out_of_memory or one[1].out_of_disk]
    return min(short or failed, key=lambda one: one[1].ended or 0.0)
