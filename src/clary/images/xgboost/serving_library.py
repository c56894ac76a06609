"""xgboost without what serving does not need: pandas and scikit-learn take 100 MB and two seconds to import.

xgboost imports them if it can, to accept their types. Nothing here has their types, so for the time of the import they
are not there.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

_ABSENT = ("pandas", "sklearn", "dask", "matplotlib", "graphviz")


def _imported() -> Any:
    if "xgboost" in sys.modules:  # a script has, in this process
        return sys.modules["xgboost"]
    hidden = [name for name in _ABSENT if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # which is the import system's "not there"
    try:
        return importlib.import_module("xgboost")
    finally:
        for name in hidden:
            del sys.modules[name]


numpy: Any = importlib.import_module("numpy")
xgboost: Any = _imported()
VERSION = tuple(int(part) for part in re.findall(r"\d+", xgboost.__version__)[:2])
