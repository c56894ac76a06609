"""xgboost without what serving does not need: pandas, pyarrow and scikit-learn take 100 MB and two seconds to import.

xgboost imports them if it can, to know their types. Nothing here has their types, so while xgboost is imported and the
model is loaded they are not there.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any

from ..runtime import told  # noqa: TID252 - in the container the package is no `clary`

_ABSENT = ("pandas", "pyarrow", "sklearn", "dask", "matplotlib", "graphviz", "cudf", "cupy")


@contextlib.contextmanager
def lean() -> Iterator[None]:
    """For when no other thread imports anything. What has been imported stays, and scripts find all there is."""
    hidden = [name for name in _ABSENT if name not in sys.modules] if told.LEAN else []
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # which is the import system's "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


numpy: Any = importlib.import_module("numpy")
with lean():
    xgboost: Any = importlib.import_module("xgboost")
VERSION = tuple(int(part) for part in re.findall(r"\d+", xgboost.__version__)[:2])
