"""How long the queue of each asynchronous endpoint is, as CloudWatch has it: Application Auto Scaling acts on it.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from typing import Any

from clary.services.sagemaker.hosting import state
from clary.services.sagemaker_runtime.waiting import Backlog
from clary.services.sagemaker_runtime.work import NAMESPACE, Work
from clary.store import routes


def measure(work: Work, backlog: dict[str, Backlog], table: routes.Table) -> None:
    """Of every asynchronous endpoint, also of those where nothing waits."""
    now = work.platform.clock()
    for one in state.every(work.platform.store.read()):
        if not any("AsyncInferenceConfig" in fleet.settings for fleet in one.fleets):
            continue
        found = backlog.get(one.arn, Backlog(0, now))
        ready = sum(each.endpoint == one.arn and each.state == "ready" for each in table.replicas.values())
        dimensions = {"EndpointName": one.name}
        samples: list[tuple[Any, ...]] = [
            ("ApproximateBacklogSize", dimensions, found.size, "Count", now),
            ("ApproximateAgeOfOldestRequest", dimensions, max(0.0, now - found.oldest), "Seconds", now),
            ("HasBacklogWithoutCapacity", dimensions, 1 if found.size and not ready else 0, "Count", now),
        ]
        if ready:  # else there is nothing to divide by
            samples.append(("ApproximateBacklogSizePerInstance", dimensions, found.size / ready, "Count", now))
        work.metrics.put(NAMESPACE, samples, one.region)
