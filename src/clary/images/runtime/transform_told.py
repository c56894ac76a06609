"""What the agent is told of its job: CLARY_TRANSFORM, JSON that the recipe wrote (services/sagemaker)."""

from __future__ import annotations

import json
import os
from typing import Any

from .transform_process import Processing

NAME = "CLARY_TRANSFORM"
MIB = 1 << 20
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
CONCURRENT, STRATEGY, PAYLOAD = 1, "MULTI_RECORD", 6
STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


class Told:
    def __init__(self, told: dict[str, Any]) -> None:
        self.containers: list[dict[str, str]] = told["containers"]  # name, socket, url
        self.input, self.output = told["input"], told["output"]  # folders
        self.base = told["base"]  # what stands before a file's path: bucket/prefix/
        self.startup = float(told["startup"])  # seconds
        job = told["job"]
        source, result = job["TransformInput"], job["TransformOutput"]
        client = job.get("ModelClientConfig", {})
        self.content_type = source.get("ContentType", "")
        self.gzip = source.get("CompressionType", "None") == "Gzip"
        self.split = source.get("SplitType", "None")
        self.accept = result.get("Accept", "")
        self.assemble = result.get("AssembleWith", "None")
        self.timeout = float(client.get("InvocationsTimeoutInSeconds", 600))
        self.retries = int(client.get("InvocationsMaxRetries", 3))
        self.processing = Processing(
            job.get("DataProcessing", {}), self.content_type, self.accept, self.split, told.get("stamp", "")
        )
        self._job = job

    @staticmethod
    def read() -> Told:
        return Told(json.loads(os.environ[NAME]))

    def settle(self, offered: dict[str, Any]) -> None:
        """Before what the container offers comes what the job says, and behind it AWS's defaults."""
        job = self._job
        self.concurrent = int(
            job.get("MaxConcurrentTransforms") or offered.get("MaxConcurrentTransforms") or CONCURRENT
        )
        self.strategy = str(STRATEGIES.get(job.get("BatchStrategy", "")) or offered.get("BatchStrategy") or STRATEGY)
        payload = job.get("MaxPayloadInMB")
        self.payload = int(payload if payload is not None else offered.get("MaxPayloadInMB") or PAYLOAD)

    @property
    def single(self) -> bool:
        return self.strategy == "SINGLE_RECORD"

    @property
    def limit(self) -> int:
        """Bytes of a payload; 0: none."""
        return self.payload * MIB
