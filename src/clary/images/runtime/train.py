"""What a training container runs first: the user's script when one is named, else the image's own algorithm.

    python /opt/clary/runtime/train.py xgboost

The folders beside this one are loaded as serve.py loads them. It runs on whichever Python the image has (3.7 and
newer), with the standard library alone, and imports as little as it can: the user's first line waits for it.
"""

import importlib
import json
import os
import sys
import types
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
PACKAGE = "clary_images"
NO_SCRIPT = (
    "ClientError: this image has no algorithm of its own and needs a script: name it by the hyperparameters "
    "sagemaker_program and sagemaker_submit_directory, as entry_point of the SageMaker Python SDK does"
)


def main(image: str) -> int:
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    given = base / "input" / "config" / "hyperparameters.json"
    hyperparameters = json.loads(given.read_text()) if given.exists() else {}
    del sys.path[0]  # our folder's names are none of the algorithm's
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(CODE)]
    sys.modules[PACKAGE] = package
    if "sagemaker_program" in hyperparameters or "SAGEMAKER_PROGRAM" in os.environ:
        return int(importlib.import_module(f"{PACKAGE}.runtime.script").run(base, hyperparameters))
    if not (CODE / image / "algorithm.py").exists():
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "failure").write_text(NO_SCRIPT)
        print(NO_SCRIPT, file=sys.stderr, flush=True)
        return 1
    importlib.import_module(f"{PACKAGE}.{image}.algorithm").train()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
