"""Amazon CloudWatch: metrics, alarms, dashboards."""

from clary.services.cloudwatch.metrics import Metrics, Sample
from clary.services.cloudwatch.service import build

__all__ = ["Metrics", "Sample", "build"]
