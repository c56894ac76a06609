"""What xgboost would import to know the types of pandas and pyarrow takes 60 MB. Nothing that is served has them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from ..runtime import told  # noqa: TID252 - in the container the package is no `clary`

_ABSENT = ("pandas", "pyarrow", "sklearn", "cudf", "cupy")


@contextlib.contextmanager
def lean() -> Iterator[None]:
    """They are not there meanwhile, unless they have been imported or a script may want them. For when no other thread
    imports anything.
    """
    hidden = [name for name in _ABSENT if name not in sys.modules] if told.LEAN else []
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # which is the import system's "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
