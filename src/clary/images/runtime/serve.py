"""What a serving container runs first: the model server.

    python /opt/clary/runtime/serve.py xgboost

The folders beside this one are loaded as one package, under a name that no library has. It runs on whichever Python the
image has (3.7 and newer), with the standard library and what the image brings.
"""

import importlib
import sys
import types
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
PACKAGE = "clary_images"


def main(image: str) -> int:
    del sys.path[0]  # our folder's names are none of the model's
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(CODE)]
    sys.modules[PACKAGE] = package
    return int(importlib.import_module(PACKAGE + ".runtime.server").serve(image))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
