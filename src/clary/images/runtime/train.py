"""What a training container runs first: the user's script when one is named, else the image's own algorithm.

    python /opt/clary/runtime/train.py xgboost

It runs inside the container, on whichever Python the image has (3.7 and newer), with the standard library alone, and
imports as little as it can: the user's first line waits for it.
"""

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
NO_SCRIPT = (
    "ClientError: this image has no algorithm of its own and needs a script: name it by the hyperparameters "
    "sagemaker_program and sagemaker_submit_directory, as entry_point of the SageMaker Python SDK does"
)


def main(image: str) -> int:
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    given = base / "input" / "config" / "hyperparameters.json"
    hyperparameters = json.loads(given.read_text()) if given.exists() else {}
    if "sagemaker_program" in hyperparameters or "SAGEMAKER_PROGRAM" in os.environ:
        sys.path[0] = str(CODE)
        return int(importlib.import_module("runtime.script").run(base, hyperparameters))
    algorithm = CODE / image / "algorithm.py"
    if not algorithm.exists():
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "failure").write_text(NO_SCRIPT)
        print(NO_SCRIPT, file=sys.stderr, flush=True)
        return 1
    del sys.path[0]  # our folder's names are none of the algorithm's
    spec = importlib.util.spec_from_file_location("algorithm", str(algorithm))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.train()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
