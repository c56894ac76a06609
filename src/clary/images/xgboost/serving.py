"""XGBoost's endpoints: the built-in algorithm's models, or a script's."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..runtime import told  # noqa: TID252 - in the container the package is no `clary`


def scripted(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("SAGEMAKER_PROGRAM"))


def load(folder: str, environ: Mapping[str, str]) -> Any:
    """Raises with what is wrong with the model. Only what serves is imported."""
    if not told.LEAN:
        importlib.import_module("xgboost")  # whole, before packages.py imports it without its classes for scikit-learn
    name = "serving_script" if scripted(environ) else "serving_algorithm"
    return importlib.import_module(f".{name}", __package__).load(folder, environ)
