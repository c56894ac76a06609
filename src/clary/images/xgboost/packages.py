"""The packages of the image, which Clary itself does not have: Any to its type checker."""

import importlib
import os
import re
import sys
from typing import Any

# Jobs share the machine's cores. A thread that spins while it waits for the others of its job takes the core which one
# of them waits for: a small job beside busy neighbours takes 4 times the CPU and the time. libgomp reads it at load.
# https://gcc.gnu.org/onlinedocs/libgomp/OMP_005fWAIT_005fPOLICY.html
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

numpy: Any = importlib.import_module("numpy")


def _alone(name: str, without: "tuple[str, ...]") -> Any:
    """Imports a package that does without these where it does not find them. They can be imported afterwards."""
    hidden = [other for other in without if other not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an import of it fails
    try:
        return importlib.import_module(name)
    finally:
        for other in hidden:
            del sys.modules[other]


# xgboost imports both for tables and for its classes in scikit-learn's manner: three quarters of its start, for nothing
# that is used here.
xgboost = _alone("xgboost", without=("pandas", "sklearn"))
VERSION = tuple(int(part) for part in re.findall(r"\d+", xgboost.__version__)[:2])


def package(name: str) -> Any:
    """One that only some jobs need."""
    return importlib.import_module(name)
