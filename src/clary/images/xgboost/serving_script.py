"""What XGBoost's container does for a script where it has no function of its own, and what scripts import of it.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_xgboost_container/serving.py, encoder.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..runtime import codecs, userscript  # noqa: TID252 - in the container the package is no `clary`
from . import recordio, serving_input
from .packages import xgboost


def csv_to_dmatrix(string_like: Any, dtype: Any = None) -> Any:
    rows = serving_input.csv_rows(_bytes(string_like))
    return xgboost.DMatrix(rows if dtype is None else rows.astype(dtype))


def libsvm_to_dmatrix(string_like: Any) -> Any:
    return xgboost.DMatrix(serving_input.libsvm_rows(_bytes(string_like)))


def recordio_protobuf_to_dmatrix(string_like: Any) -> Any:
    return xgboost.DMatrix(recordio.features(_bytes(string_like)))


DECODERS = {
    "text/csv": csv_to_dmatrix,
    "text/libsvm": libsvm_to_dmatrix,
    "text/x-libsvm": libsvm_to_dmatrix,
    "application/x-recordio-protobuf": recordio_protobuf_to_dmatrix,
}


def decode(obj: Any, content_type: str) -> Any:
    """Raises codecs.UnsupportedFormatError."""
    kind = content_type.partition(";")[0].strip()
    if kind not in DECODERS:
        raise codecs.UnsupportedFormatError(kind)
    return DECODERS[kind](obj)


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def load(folder: str, environ: Mapping[str, str]) -> Any:
    """Raises what the script raises."""
    defaults = {"input_fn": decode, "predict_fn": predict_fn, "output_fn": codecs.encode}
    own = (csv_to_dmatrix, libsvm_to_dmatrix, recordio_protobuf_to_dmatrix, decode)
    offered = {"sagemaker_xgboost_container.encoder": {each.__name__: each for each in own}}
    return userscript.load(folder, environ, defaults, offered)


def _bytes(given: Any) -> bytes:
    return given.encode("utf-8") if isinstance(given, str) else bytes(given)
