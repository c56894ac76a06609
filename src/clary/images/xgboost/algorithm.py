"""Where the container's runtime enters: train().

The folder is mounted by itself, and its name is that of the library. So it is loaded as a package under another name.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "clary_xgboost"


def train() -> None:
    """Trains as the files of /opt/ml say. Ends the process with 1, after saying why in output/failure, if it can't."""
    if PACKAGE not in sys.modules:
        here = Path(__file__).resolve().parent
        found = importlib.util.spec_from_file_location(
            PACKAGE, str(here / "__init__.py"), submodule_search_locations=[str(here)]
        )
        assert found
        assert found.loader
        sys.modules[PACKAGE] = importlib.util.module_from_spec(found)
        found.loader.exec_module(sys.modules[PACKAGE])
    importlib.import_module(PACKAGE + ".job").run(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))


if __name__ == "__main__":
    train()
