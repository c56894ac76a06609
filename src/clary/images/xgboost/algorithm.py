"""Where the container's runtime enters: train()."""

import os
from pathlib import Path

from . import job


def train() -> None:
    """Trains as the files of /opt/ml say. Ends the process with 1, after saying why in output/failure, if it can't."""
    job.run(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))
