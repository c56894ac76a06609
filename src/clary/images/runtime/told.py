"""What the server is told: CLARY_SERVING, or else what any SageMaker container finds around it.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import os
from typing import Any

LEAN = True  # no script is served: libraries that only scripts ask for need not be there
CPUS = 1  # that this process may take


class Entry:
    """One container of a model: what it loads, and with which environment."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self.folder = str(told["folder"])
        self.image = str(told["image"])
        self.log = str(told.get("log", ""))  # a file for what it prints; the process's own output where there is none
        self.own = {str(name): str(value) for name, value in told.get("environ", {}).items()}
        self.environ: dict[str, str] = {**os.environ, **self.own}

    def at(self, folder: str) -> Entry:
        """The same for another model."""
        return Entry({**self._told, "folder": folder})


class Told:
    def __init__(self, image: str) -> None:
        self.environ = dict(os.environ)  # as it was
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the containers set it: workers share the processors
        base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
        usual = {"folder": os.environ.get("SM_MODEL_DIR") or base + "/model", "image": image}
        told = json.loads(os.environ.pop("CLARY_SERVING", "{}"))
        self.entries: list[Entry] = [Entry(entry) for entry in told.get("models") or [usual]]
        first = self.entries[0].environ
        self.socket = str(told.get("socket", ""))
        self.web = bool(told.get("web", True))  # else by frames alone: a port could be reached by other containers too
        self.host = first.get("SAGEMAKER_BIND_TO_HOST", "127.0.0.1")
        self.port = int(first.get("SAGEMAKER_BIND_TO_PORT") or 8080)
        self.multi = bool(told.get("multi", first.get("SAGEMAKER_MULTI_MODEL") == "true"))
        self.workers = int(told.get("workers") or os.cpu_count() or 1)
        largest = first.get("MAX_CONTENT_LENGTH", "")
        self.largest = int(largest) if largest.isdigit() else None
        if self.multi:
            os.environ["SAGEMAKER_MULTI_MODEL"] = "true"
            for entry in self.entries:
                entry.environ["SAGEMAKER_MULTI_MODEL"] = "true"
