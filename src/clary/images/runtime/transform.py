"""What leads a batch transform job on each of its instances: reads the input, asks the model, writes the output.

    python /opt/clary/runtime/transform.py

It is loaded as serve.py is, and runs on the same Pythons (3.7 and newer), with the standard library alone.
"""

import importlib
import sys
import types
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
PACKAGE = "clary_images"


def main() -> int:
    del sys.path[0]  # our folder's names are none of the model's
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(CODE)]
    sys.modules[PACKAGE] = package
    return int(importlib.import_module(PACKAGE + ".runtime.transform_agent").run())


if __name__ == "__main__":
    sys.exit(main())
