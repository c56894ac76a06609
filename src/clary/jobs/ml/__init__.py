"""The /opt/ml contract of training containers: `stage` lays it out, `collect` takes what is left there.

`save`: the checkpoints that changed; to be called now and then while a job runs, and before `collect`.
"""

from clary.jobs.ml.checkpoints import save
from clary.jobs.ml.outputs import Collected, address, collect, failure
from clary.jobs.ml.place import Staged, Where
from clary.jobs.ml.stage import stage

__all__ = ["Collected", "Staged", "Where", "address", "collect", "failure", "save", "stage"]
