"""The /opt/ml contract of training containers: `stage` lays it out, `collect` takes what is left there."""

from clary.jobs.ml.outputs import Collected, address, collect, failure
from clary.jobs.ml.place import Staged, Where
from clary.jobs.ml.stage import stage

__all__ = ["Collected", "Staged", "Where", "address", "collect", "failure", "stage"]
