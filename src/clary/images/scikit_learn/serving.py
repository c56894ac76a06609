"""scikit-learn's endpoints: a script's model, with the container's functions where the script has none.
https://github.com/aws/sagemaker-scikit-learn-container (src/sagemaker_sklearn_container/serving.py, handler_service.py)
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..runtime import codecs, userscript  # noqa: TID252 - in the container the package is no `clary`


def scripted(_environ: Mapping[str, str]) -> bool:
    return True


def load(folder: str, environ: Mapping[str, str]) -> Any:
    """Raises what the script raises."""
    several = environ.get("SAGEMAKER_MULTI_MODEL") == "true"
    defaults = {
        "input_fn": input_fn_of_several if several else input_fn,
        "predict_fn": predict_fn,
        "output_fn": codecs.encode,
    }
    return userscript.load(folder, environ, defaults)


def input_fn(input_data: Any, content_type: str) -> Any:
    return _as_float32(codecs.decode(input_data, content_type), content_type)


def input_fn_of_several(input_data: Any, content_type: str) -> Any:
    """In multi-model containers, which stand on sagemaker-inference."""
    array = codecs.decode_as_toolkit(input_data, content_type)
    return _as_float32(array.reshape(1, -1) if array.ndim == 1 else array, content_type)


def _as_float32(array: Any, content_type: str) -> Any:
    return array.astype("float32") if content_type in codecs.UTF8_TYPES else array


def predict_fn(input_data: Any, model: Any) -> Any:
    """A row alone, whose axis was dropped when it was read, is one row: the container fails there."""
    if isinstance(input_data, importlib.import_module("numpy").ndarray) and input_data.ndim == 1:
        input_data = input_data.reshape(1, -1)
    return model.predict(input_data)
