"""What Amazon's Spark container for SageMaker Processing does around spark-submit.
https://github.com/aws/sagemaker-spark-container
"""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

CODE = Path(__file__).resolve().parents[3]
PACKAGE = "clary_images"


def ours(name: str) -> Any:
    """The image's own spark/NAME.py, under the name by which submit.py loads it."""
    if PACKAGE not in sys.modules:
        package = types.ModuleType(PACKAGE)
        package.__path__ = [str(CODE)]
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.spark.{name}")
