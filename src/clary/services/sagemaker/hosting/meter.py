"""What the data plane has counted, to CloudWatch.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from clary.services.cloudwatch import summary
from clary.services.cloudwatch.metrics import Datum, Metrics, written
from clary.services.sagemaker.hosting.plane import Plane


def carry(plane: Plane, metrics: Metrics) -> None:
    """Takes all that there is. Raises PlaneGone."""
    told = plane.metrics()
    for namespace, samples in told["samples"].items():
        regions: dict[str, list[Datum]] = {}
        for region, (name, dimensions, values, counts, unit, at) in zip(
            told["regions"][namespace], samples, strict=True
        ):
            seen = summary.of(zip(values, counts, strict=True))
            regions.setdefault(region, []).append(Datum(name, written(dimensions), unit, at, 60, seen))
        for region, data in regions.items():
            metrics.add(region, namespace, data)
