"""The packages of the image, which Clary itself does not have: Any to its type checker."""

import importlib
import re
from typing import Any

numpy: Any = importlib.import_module("numpy")
xgboost: Any = importlib.import_module("xgboost")
VERSION = tuple(int(part) for part in re.findall(r"\d+", xgboost.__version__)[:2])


def package(name: str) -> Any:
    """One that only some jobs need."""
    return importlib.import_module(name)
