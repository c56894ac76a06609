"""What the server is told: CLARY_SERVING, or else what any SageMaker container finds around it.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import os
from typing import Any


class Entry:
    """One container of a model: what it loads, and with which environment."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.folder = str(told["folder"])
        self.image = str(told["image"])
        self.environ: dict[str, str] = {**os.environ, **told.get("environ", {})}
        self.hostname = str(told.get("hostname", ""))


class Told:
    def __init__(self, image: str) -> None:
        base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
        usual = {"folder": os.environ.get("SM_MODEL_DIR") or base + "/model", "image": image}
        told = json.loads(os.environ.pop("CLARY_SERVING", "{}"))
        self.socket = str(told.get("socket", ""))
        self.host = os.environ.get("SAGEMAKER_BIND_TO_HOST", "127.0.0.1")
        self.port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT") or told.get("port") or 8080)
        self.multi = bool(told.get("multi", os.environ.get("SAGEMAKER_MULTI_MODEL") == "true"))
        self.entries: list[Entry] = [Entry(entry) for entry in told.get("models") or [usual]]
        self.workers = int(told.get("workers") or os.cpu_count() or 1)
