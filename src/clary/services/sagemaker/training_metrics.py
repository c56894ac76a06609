"""What a training job's log says in numbers, and what its instances use, for CloudWatch and Describe.
https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-jobs
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from clary.compute.driver import Size, Usage
from clary.jobs.recipe import Document, Job
from clary.services.sagemaker.training_regex import Match, Pattern, compiled, matches

NAMESPACE = "/aws/sagemaker/TrainingJobs"
FILE = "metrics.json"  # in the job's folder: the last value of each

Datum = tuple[str, dict[str, str], float, str, float]  # name, dimensions, value, unit, seconds since the epoch


class Metrics(Protocol):
    """CloudWatch, as the platform itself uses it (services/cloudwatch)."""

    def put(self, namespace: str, samples: Sequence[Any], region: str) -> None: ...

    def alarm(self, region: str, name: str) -> bool:
        """Whether there is such an alarm, in ALARM state."""


def region(arn: str) -> str:
    return arn.split(":")[3]


@dataclass(slots=True)
class Meter:
    """Each job's metrics. The definitions of jobs are compiled once."""

    metrics: Metrics
    _compiled: dict[int, dict[str, Pattern]] = field(default_factory=dict)

    def lines(self, job: Job, lines: list[str]) -> None:
        now = time.time()
        name = job.document["TrainingJobName"]
        found: list[Datum] = []
        definitions = self._definitions(job)
        for metric, pattern in list(definitions.items()):
            try:
                for match in matches(pattern, lines):
                    value = _number(match)
                    if value is not None:
                        found.append((metric, {"TrainingJobName": name}, value, "None", now))
            except TimeoutError:  # it would hold up the logs of all jobs, again and again
                del definitions[metric]
                job.log(0, f"Metric {metric} is not looked for any more, since that takes too long: {pattern.pattern}")
        if not found:
            return
        last = _read(job)
        last |= {metric: [value, at] for metric, _, value, _, at in found}
        path = job.folder / FILE
        part = path.with_suffix(".part")
        part.write_bytes(orjson.dumps(last))
        part.replace(path)
        self.metrics.put(NAMESPACE, found, region(job.arn))

    def final(self, job: Job) -> list[Document]:
        """FinalMetricDataList."""
        return [
            {"MetricName": metric, "Value": value, "Timestamp": float(int(at))}
            for metric, (value, at) in _read(job).items()
        ]

    def forget(self, job: Job) -> None:
        """It is over."""
        self._compiled.pop(job.id, None)

    def measured(self, job: Job, usage: list[Usage], seconds: float, size: Size) -> None:
        self.metrics.put(NAMESPACE, used(job.document["TrainingJobName"], usage, seconds, size), region(job.arn))

    def _definitions(self, job: Job) -> dict[str, Pattern]:
        found = self._compiled.get(job.id)
        if found is None:
            algorithm = job.document["AlgorithmSpecification"]
            given = [(one["Name"], one["Regex"]) for one in algorithm.get("MetricDefinitions", [])]
            regexes = dict(given) or job.facts.get("metrics") or {}
            found = self._compiled[job.id] = {metric: compiled(regex) for metric, regex in regexes.items()}
        return found


def used(name: str, usage: list[Usage], seconds: float, size: Size) -> list[Datum]:
    """What each instance of a job took: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html"""
    now = time.time()
    data: list[Datum] = []
    for number, each in enumerate(usage, start=1):
        host = {"Host": f"{name}/algo-{number}"}
        data += [
            ("CPUUtilization", host, 100.0 * each.cpu / seconds, "Percent", now),  # 100 for each core
            ("MemoryUtilization", host, 100.0 * each.memory / size.memory, "Percent", now),
            ("DiskUtilization", host, 100.0 * each.disk / size.disk, "Percent", now),
        ]
    return data


def _number(match: Match) -> float | None:
    try:
        value = float(match.group(1) if match.re.groups else match.group())
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _read(job: Job) -> dict[str, list[float]]:
    try:
        last: dict[str, list[float]] = orjson.loads((job.folder / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    return last
