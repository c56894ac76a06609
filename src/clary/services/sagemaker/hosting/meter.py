"""What the data plane has counted, to CloudWatch.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from clary.services.cloudwatch import summary
from clary.services.cloudwatch.metrics import Datum, Metrics, written
from clary.services.sagemaker.hosting.plane import Plane

Taken = dict[tuple[str, str], list[Datum]]  # by region and namespace
MOST = 100_000  # data that may wait for CloudWatch to take them again, whose disk is full, say


def take(plane: Plane, into: Taken) -> None:
    """All that there is. Raises PlaneGone."""
    told = plane.metrics()
    for namespace, samples in told["samples"].items():
        for region, (name, dimensions, values, counts, unit, at) in zip(
            told["regions"][namespace], samples, strict=True
        ):
            seen = summary.of(zip(values, counts, strict=True))
            datum = Datum(name, written(dimensions), unit, at, 60, seen)
            into.setdefault((region, namespace), []).append(datum)


def put(taken: Taken, metrics: Metrics) -> None:
    """What CloudWatch has is no longer in `taken`."""
    for (region, namespace), data in list(taken.items()):
        del data[:-MOST]
        metrics.add(region, namespace, data)
        del taken[region, namespace]
