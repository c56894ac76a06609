"""What CloudWatch is told of runs that ask for it, of what is known here.
https://docs.aws.amazon.com/glue/latest/dg/monitoring-awsglue-with-cloudwatch-metrics.html
https://docs.aws.amazon.com/glue/latest/dg/monitor-observability.html
"""

import time
from typing import Final

from clary.compute.driver import Instance, Size, Usage
from clary.jobs.recipe import Document, Job
from clary.services.glue.run_arguments import on
from clary.services.glue.state import Place
from clary.services.sagemaker.training_metrics import Datum, Metrics

NAMESPACE: Final = "Glue"
ALL: Final = "ALL"


def used(metrics: Metrics, job: Job, usage: list[Usage], seconds: float, size: Size) -> None:
    """The load of the driver's processors, and of all instances', as a part of what they have."""
    if not on(job.document["Given"], "--enable-metrics") or not usage:
        return
    loads = [each.cpu / seconds / size.cpus for each in usage]
    found = {"driver": loads[0], ALL: sum(loads) / len(loads)}
    _put(
        metrics,
        job,
        [(f"glue.{who}.system.cpuSystemLoad", {"Type": "gauge"}, load, "Percent") for who, load in found.items()],
    )


def ended(metrics: Metrics, job: Job, driver: Instance, *, well: bool) -> None:
    given, data = job.document["Given"], []
    if on(given, "--enable-metrics") and driver.started is not None and driver.ended is not None:
        took = 1000.0 * (driver.ended - driver.started)
        data.append(("glue.driver.aggregate.elapsedTime", {"Type": "count"}, took, "Milliseconds"))
    if on(given, "--enable-observability-metrics"):
        kind = {"Type": "count", "ObservabilityGroup": "error"}
        data += [(f"glue.{word}.{ALL}", kind, float(is_so), "Count") for word, is_so in _both(well=well)]
    if data:
        _put(metrics, job, data)


def _both(*, well: bool) -> tuple[tuple[str, bool], ...]:
    return ("succeed", well), ("error", not well)


def _put(metrics: Metrics, job: Job, data: list[tuple[str, Document, float, str]]) -> None:
    """Under the run, and under all of the job's."""
    document, now = job.document, time.time()
    samples: list[Datum] = [
        (name, {"JobName": document["JobName"], "JobRunId": run, **kind}, value, unit, now)
        for name, kind, value, unit in data
        for run in (document["Id"], ALL)
    ]
    metrics.put(NAMESPACE, samples, Place.of(job.arn).region)
