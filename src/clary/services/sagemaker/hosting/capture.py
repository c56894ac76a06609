"""Data capture's way to S3: the data plane writes files, and those that are closed are brought here, as the model's
role.

HOME/serving/capture/<hash>/endpoint.json says whose files lie beside it (serving/capture.py has the rest). A file goes
once it is in S3; one that cannot be brought is tried again, for as long as there is room.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import json
import logging
import time
from pathlib import Path
from typing import Any

from clary.errors import AWSError
from clary.jobs.ml import data
from clary.jobs.objects import Objects

log = logging.getLogger(__name__)
MOST = 1 << 30  # bytes that may wait; beyond that the oldest go
AGAIN = 60.0  # seconds until an endpoint's files are tried again, if they could not be brought


class Captured:
    def __init__(self, home: Path, objects: Objects) -> None:
        self._root = home / "serving" / "capture"
        self._objects = objects
        self._until: dict[str, float] = {}  # by folder

    def carry(self) -> None:
        """Brings what there is."""
        if not self._root.is_dir():
            return
        now = time.monotonic()
        for folder in sorted(self._root.iterdir()):
            files = sorted(folder.rglob("*.jsonl"))
            if not files or self._until.get(folder.name, 0.0) > now:
                continue
            try:
                self._bring(folder, files)
            except (AWSError, OSError, ValueError, KeyError) as error:
                self._until[folder.name] = now + AGAIN
                log.warning("data capture: %d files wait in %s: %s", len(files), folder, error)
        self._bound()

    def _bring(self, folder: Path, files: list[Path]) -> None:
        told: dict[str, Any] = json.loads((folder / "endpoint.json").read_text())
        config = told["DataCaptureConfig"]
        bucket, prefix = data.split(config["DestinationS3Uri"].rstrip("/"))
        for file in files:
            below = file.relative_to(folder).as_posix()
            key = "/".join(part for part in (prefix, told["EndpointName"], below) if part)
            role = config["Roles"][below.partition("/")[0]]
            try:
                self._objects.put(role, bucket, key, file)
            except AWSError as error:
                raise AWSError(message=f"Unable to upload to s3://{bucket}/{key}: {error}") from error
            file.unlink()

    def _bound(self) -> None:
        found = [(file.name, file.stat().st_size, file) for file in self._root.rglob("*.jsonl")]
        size = sum(each[1] for each in found)
        for _, less, file in sorted(found, key=lambda each: each[2].stat().st_mtime):
            if size <= MOST:
                return
            file.unlink()
            size -= less
            log.warning("data capture: %s could not be brought to S3, and there is no room for more: it is gone", file)
