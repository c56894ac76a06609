"""How a run of a job is carried out: a job of the engine, in the image of Spark."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from clary.compute.driver import Launch, Size, Usage
from clary.images.environment import Environment
from clary.images.image import resolve
from clary.images.pull import Images, PullFailed
from clary.jobs import ml
from clary.jobs.ml.place import instance
from clary.jobs.objects import Objects
from clary.jobs.recipe import Document, Ended, Job, JobFailed, Need, Outcome
from clary.resource import crud
from clary.services.glue import run_arguments, run_error, run_metrics, run_stage
from clary.services.glue.bookmark import Bookmarks
from clary.services.glue.capacity import SHELL, workers
from clary.services.glue.job_check import ETL, VERSION
from clary.services.glue.run_arguments import of, on, several
from clary.services.glue.run_error import TIMEOUT_STATUS
from clary.services.glue.run_logs import Logs
from clary.services.glue.run_stage import Staged
from clary.services.sagemaker.training_metrics import Metrics

GIB: Final = 1 << 30
PYTHON: Final = "/opt/venv/bin/python"
SUBMIT: Final = "/opt/clary/spark/submit.py"
PROGRAM: Final = "/opt/clary/spark/glue.py"
SPENT: Final = "Spark ran out of memory"  # what images/spark/driver.py says then
# Settings that hold from a context or a session on, so that a JVM may be there before them.
LATE: Final = re.compile(
    r"spark\.(sql|hadoop|eventLog|shuffle|rdd|speculation|broadcast|locality|default\.parallelism|serializer|app\.name)"
    r"(?=[.=])"
)
NOBODY: Final = "arn:aws:glue:::"
# Standard output is a file of its own; standard error is the log.
APART: Final = ("/bin/sh", "-c", f'exec "$@" >>{run_stage.STDOUT}', "sh")
# How AWS's own Spark is told of the Data Catalog; images/spark/metastore knows it.
CATALOG = (
    "spark.hadoop.hive.metastore.client.factory.class="
    "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"
)


@dataclass(frozen=True, slots=True)
class Runs:
    """`where` tells a run's containers how to reach this platform; `ended` is called when a run has."""

    images: Images
    objects: Objects
    where: Callable[[Job], ml.Where]
    bookmarks: Bookmarks
    metrics: Metrics
    ended: Callable[[], None]
    logs: Logs
    most: int  # instances of a run; 0: as many as the machine has processors for

    def need(self, document: Document) -> Need:
        return Need(self._size(document), share=document["RoleArn"], seconds=document["Timeout"] * 60.0)

    def _size(self, document: Document) -> Size:
        """More workers than the machine has processors for would only be in each other's way."""
        count, one = workers(document)
        machine = len(os.sched_getaffinity(0))
        return Size(
            instances=max(1, min(count, self.most or machine // one.cpus)),
            cpus=float(min(one.cpus, machine)),
            memory=one.memory,
            disk=one.disk * GIB,
        )

    def prepare(self, job: Job) -> list[Launch]:
        shell = job.document["Command"]["Name"] == SHELL
        environment = self._image(job, shell=shell)
        job.check()
        staged = run_stage.shared(job, self.objects, self.bookmarks.given(job.arn, job.document))
        self._say(job, staged)
        size, where = self._size(job.document), self.where(job)
        launches = []
        for number in range(size.instances):
            mounts, env = run_stage.own(job, number, staged, where, size)
            argv = _command(job.document, staged, shell=shell, leads=number == 0)
            folder = instance(job, number)
            launch = Launch(f"algo-{number + 1}", argv, str(folder / "log"), env=env, cwd=run_stage.TMP, mounts=mounts)
            launch = replace(launch, leads=number == 0)
            launches.append(environment.launch(launch, str(folder / "upper-image")))
        return launches

    def parked(self, folder: Path) -> tuple[Size, Launch]:
        """A driver that waits for a run of G.1X on one instance: of no role, so without credentials."""
        image = self.images.ready(resolve(f"aws-glue:{VERSION}"), lambda _line: None)
        size = self._size({"Command": {"Name": ETL}, "WorkerType": "G.1X", "NumberOfWorkers": 1})
        nothing = {"EnableNetworkIsolation": True}
        nobody = Job(0, NOBODY, 0, nothing, 0.0, folder, (), _unheard, lambda: None, _unheard)
        mounts, env = run_stage.parked(folder, self.where(nobody))
        argv = (*APART, PYTHON, SUBMIT, "--parked")
        launch = Launch("algo-1", argv, str(folder / "algo-1" / "log"), env=env, cwd=run_stage.TMP, mounts=mounts)
        return size, image.launch(launch, str(folder / "algo-1" / "upper-image"))

    def takes(self, document: Document) -> bool:
        """What a JVM or a Python that runs already cannot have any more is not for it."""
        given, command = document["Given"], document["Command"]
        script = of(given, "--scriptLocation") or command["ScriptLocation"]
        if command["Name"] == SHELL or not script.endswith(".py") or on(given, "--enable-glue-datacatalog"):
            return False
        if any(several(given, name) for name in ("--extra-py-files", "--additional-python-modules")):
            return False
        if any("mleap" not in jar.lower() for jar in several(given, "--extra-jars")):
            return False
        return all(LATE.match(each) and "hive" not in each.lower() for each in run_arguments.conf(given))

    def _image(self, job: Job, *, shell: bool) -> Environment:
        image = resolve(f"aws-glue:{VERSION if shell else job.document['GlueVersion']}")
        try:
            return self.images.ready(image, lambda line: job.log(0, line), job.check, job.folder)
        except PullFailed as error:
            raise JobFailed(f"LAUNCH ERROR | {error.message}") from error

    def _say(self, job: Job, staged: Staged) -> None:
        """What becomes of the run otherwise than on AWS."""
        document = job.document
        asked, here = workers(document)[0], self._size(document).instances
        if asked > here:
            kind = document.get("WorkerType", "workers of 1 DPU")
            job.log(0, f"The run asks for {asked} {kind}; this machine has room for {here}.")
        for path in (*staged.jars, *staged.packages):
            if "mleap" in path.lower():
                job.log(0, f"{path.rpartition('/')[2]} is left alone: mleap.pyspark is Clary's own here.")
        for name, why in run_arguments.idle(document["Given"]):
            job.log(0, f"{name} has no effect: {why}.")
        if why := self.logs.refused(job):
            job.log(0, f"--continuous-log-logGroup: nothing goes there: {why}")

    def streams(self, job: Job) -> list[tuple[str, ...]]:
        return self.logs.streams(job, self._size(job.document).instances)

    def lines(self, job: Job, _instance: int, lines: list[str]) -> None:
        """A JVM that ran out of memory leaves the script with a connection that is gone: the log has the reason."""
        if any(line.startswith(SPENT) for line in lines):
            job.facts["memory"] = True

    def measured(self, job: Job, usage: list[Usage], seconds: float) -> None:
        run_metrics.used(self.metrics, job, usage, seconds, self._size(job.document))

    def finish(self, job: Job, ended: Ended) -> Outcome:
        document = job.document
        shell, version = document["Command"]["Name"] == SHELL, document["GlueVersion"]
        told = run_error.read(run_stage.left(job, "error.json"))
        driver = ended.instances[0]
        well = driver.code == 0 and run_error.passes(version, told, shell=shell)
        done = ended.why == "exited" and well
        run_metrics.ended(self.metrics, job, driver, well=done)
        self.bookmarks.keep(job.arn, document, run_error.read(run_stage.left(job, "bookmark.json")))
        if done:
            return Outcome("completed")
        if ended.why == "timeout":
            return Outcome("failed", detail={"status": TIMEOUT_STATUS})
        if ended.why == "stopped":
            return Outcome("stopped")
        if driver.out_of_memory or job.facts.get("memory"):
            return Outcome("failed", run_error.MEMORY)
        if driver.out_of_disk:
            said = f"{run_error.DISK}: the run wrote more than the {workers(document)[1].disk} GB of its worker."
            return Outcome("failed", said)
        return Outcome("failed", run_error.message(version, driver, told, shell=shell))

    def published(self, _job: Job, state: str, _status: str, _message: str) -> None:
        if state in crud.ENDED:
            self.ended()


def _unheard(*_said: object) -> None:
    """Nobody is told of what is no run's."""


def _command(document: Document, staged: Staged, *, shell: bool, leads: bool) -> tuple[str, ...]:
    arguments = run_arguments.script(document)
    if shell:
        return (*APART, PYTHON, PROGRAM, staged.script, *arguments)
    given = document["Given"]
    options: list[str] = []
    if staged.packages:
        options += ["--py-files", ",".join(staged.packages)]
    if jars := [jar for jar in staged.jars if "mleap" not in jar.lower()]:
        options += ["--jars", ",".join(jars)]
    for setting in run_arguments.conf(given):
        options += ["--conf", setting]
    if on(given, "--enable-spark-ui") and (logs := of(given, "--spark-event-logs-path")):
        options += ["--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir={logs}"]
    if on(given, "--enable-glue-datacatalog"):
        options += ["--conf", CATALOG]
    start = (*APART, PYTHON, SUBMIT) if leads else (*APART, PYTHON, PROGRAM, "--install", PYTHON, SUBMIT)
    if staged.script.endswith(".jar"):
        return (*start, *options, "--class", of(given, "--class"), staged.script, *arguments)
    return (*start, *options, PROGRAM, staged.script, *arguments)
