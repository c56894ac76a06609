"""Application Auto Scaling: the variants of endpoints get more or fewer instances, by metrics and by the clock."""

from clary.services.application_autoscaling.service import build

__all__ = ["build"]
