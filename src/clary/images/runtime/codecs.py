"""Arrays as bodies, as AWS's two toolkits read and write them where a script does not.

sagemaker-containers, which XGBoost's and scikit-learn's containers are built on, reads CSV with the csv module and
drops the axis of a single row; sagemaker-inference reads it with numpy.genfromtxt, and sparse matrices, too.
https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_encoders.py
https://github.com/aws/sagemaker-inference-toolkit (src/sagemaker_inference/decoder.py, encoder.py)

One rule differs: arrays of Python objects in .npy are refused, since reading them runs what the sender wrote in them.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"
OCTET_STREAM, ANY = "application/octet-stream", "*/*"
UTF8_TYPES = [JSON, CSV]


class UnsupportedFormatError(Exception):
    def __init__(self, content_type: str, **_given: Any) -> None:
        self.message = (
            f"Content type {content_type} is not supported by this framework.\n\n"
            "            Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "            serialize the response. For more information, see the SageMaker Python SDK README."
        )
        super().__init__(self.message)


def _numpy() -> Any:
    return importlib.import_module("numpy")


def csv_to_numpy(string_like: Any, dtype: Any = None) -> Any:
    """Raises ValueError for what is no table of numbers."""
    rows = list(csv.reader(io.StringIO(_text(string_like)), strict=True))
    return _numpy().array(rows).squeeze().astype(dtype)


def csv_by_numpy(string_like: Any, dtype: Any = None) -> Any:
    """What is no number is NaN."""
    return _numpy().genfromtxt(io.StringIO(_text(string_like)), dtype=dtype, delimiter=",")


def json_to_numpy(string_like: Any, dtype: Any = None) -> Any:
    return _numpy().array(json.loads(string_like), dtype=dtype)


def npy_to_numpy(npy_array: Any) -> Any:
    """Raises ValueError for an array of Python objects."""
    return _numpy().load(io.BytesIO(npy_array), allow_pickle=False)


def npz_to_sparse(npz_bytes: Any) -> Any:
    return importlib.import_module("scipy.sparse").load_npz(io.BytesIO(npz_bytes))


def array_to_npy(array_like: Any) -> bytes:
    buffer = io.BytesIO()
    _numpy().save(buffer, array_like)
    return buffer.getvalue()


def array_to_json(array_like: Any) -> str:
    return json.dumps(array_like, default=_listed)


def array_to_csv(array_like: Any) -> str:
    """A row for each entry, a line end after each."""
    array = _numpy().array(array_like)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", strict=True).writerows(array)
    return stream.getvalue()


DECODERS: Mapping[str, Callable[..., Any]] = {NPY: npy_to_numpy, CSV: csv_to_numpy, JSON: json_to_numpy}
ENCODERS: Mapping[str, Callable[..., Any]] = {NPY: array_to_npy, CSV: array_to_csv, JSON: array_to_json}
TOOLKIT_DECODERS: Mapping[str, Callable[..., Any]] = {
    NPY: npy_to_numpy,
    CSV: csv_by_numpy,
    JSON: json_to_numpy,
    NPZ: npz_to_sparse,
}


def decode(obj: Any, content_type: str) -> Any:
    """Raises UnsupportedFormatError, and ValueError for what cannot be read."""
    return _of(DECODERS, content_type)(obj)


def decode_as_toolkit(obj: Any, content_type: str) -> Any:
    """Raises UnsupportedFormatError, and ValueError for what cannot be read."""
    return _of(TOOLKIT_DECODERS, content_type)(obj)


def encode(array_like: Any, content_type: str) -> Any:
    """Text or bytes. Raises UnsupportedFormatError."""
    return _of(ENCODERS, content_type)(array_like)


def _of(known: Mapping[str, Callable[..., Any]], content_type: str) -> Callable[..., Any]:
    if content_type not in known:
        raise UnsupportedFormatError(content_type)
    return known[content_type]


def _listed(array_like: Any) -> Any:
    if hasattr(array_like, "tolist"):
        return array_like.tolist()
    return json.JSONEncoder().default(array_like)


def _text(given: Any) -> str:
    return given.decode("utf-8") if isinstance(given, (bytes, bytearray)) else str(given)
