"""XGBoost's endpoints: the built-in algorithm's models, or a script's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def scripted(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("SAGEMAKER_PROGRAM"))


def load(folder: str, environ: Mapping[str, str]) -> Any:
    """Raises with what is wrong with the model. Only what serves is imported."""
    if scripted(environ):
        from . import serving_script  # noqa: PLC0415 - see above

        return serving_script.load(folder, environ)
    from . import serving_algorithm  # noqa: PLC0415 - see above

    return serving_algorithm.load(folder, environ)
