"""The format of bundles, which Clary's runtime of endpoints has, too: not on Python's path, but beside this."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

_NAME = "mleap._bundle"


def _loaded() -> Any:
    if _NAME not in sys.modules:
        folder = Path(__file__).resolve().parents[3] / "runtime" / "bundle"
        places = [str(folder)]
        spec = importlib.util.spec_from_file_location(
            _NAME, str(folder / "__init__.py"), submodule_search_locations=places
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[_NAME]


if TYPE_CHECKING:
    from clary.images.runtime.bundle import *  # noqa: F403 - the same names, whichever way they come
else:
    _bundle = _loaded()
    globals().update({name: getattr(_bundle, name) for name in _bundle.__all__})
