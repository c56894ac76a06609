"""What a request's body says, as rows of float32. The rules are the public container's (serve_utils.py, encoder.py).
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import csv
import io
from typing import Any

from ..runtime.messages import Refused  # noqa: TID252 - in the container the package is no `clary`
from . import forms, recordio
from .packages import VERSION, numpy

FEW = 8  # lines up to which numpy.array is as fast as numpy.loadtxt
_LOADS = tuple(int(part) for part in numpy.__version__.split(".")[:2]) >= (1, 23)  # whose loadtxt is not Python's
CELLS = 1 << 22  # of a dense array that a sparse body is unfolded into; a larger one stays sparse
_known: dict[str, str] = {"": forms.form(forms.USUAL), "text/csv": "csv"}


def form(content_type: str) -> str:
    """csv, libsvm or recordio-protobuf. Raises Refused."""
    found = _known.get(content_type)
    if found is None:
        found = _form(content_type)
        if len(_known) < 64:
            _known[content_type] = found
    return found


def _form(content_type: str) -> str:
    try:
        found = forms.form(content_type)
    except ValueError as error:
        raise Refused(415, str(error)) from error
    if found == "parquet":  # which is for training
        raise Refused(415, f"Content-type {content_type} is not supported.")
    return found


def rows(body: bytes, kind: str) -> Any:
    """An array of float32, rows by columns, NaN where nothing is said; or a sparse matrix. Raises Refused."""
    try:
        if kind == "csv":
            return csv_rows(body)
        if kind == "libsvm":
            return libsvm_rows(body)
        return dense(recordio.features(body))
    except Exception as error:
        said = f"please ensure data is in {kind} format:\n {type(error)}\n {error}"
        raise Refused(415, f"Loading {kind} data failed with Exception, {said}") from error


def csv_rows(body: bytes) -> Any:
    """Commas are tried first: to find out the delimiter takes far longer than to read. Raises ValueError."""
    body = body.strip()
    lines = body.split(b"\n")
    try:
        found = _at_once(body, lines)
    except ValueError:
        found = None
    return _csv_by_rule(body.decode("utf-8")) if found is None else found


def _at_once(body: bytes, lines: list[bytes]) -> Any:
    """Where every field is a number. Raises ValueError, or gives None, where not."""
    if len(lines) > FEW and _LOADS:
        found = numpy.loadtxt(io.BytesIO(body), dtype=numpy.float32, delimiter=",", comments=None, ndmin=2)
        return found if len(found) == len(lines) else None  # it passes over empty lines
    width = lines[0].count(b",")
    if len(lines) > 1 and any(line.count(b",") != width for line in lines):
        return None
    fields = (body if len(lines) == 1 else b",".join(lines)).split(b",")
    return numpy.array(fields, dtype=numpy.float32).reshape(len(lines), -1)


def _csv_by_rule(text: str) -> Any:
    """An empty field is missing. The delimiter is a comma, or what the first line looks like."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    try:
        return _table(lines, ",")
    except ValueError:
        delimiter = csv.Sniffer().sniff(lines[0][:512]).delimiter
        if delimiter == "," or delimiter.isalnum():
            raise
        return _table(lines, delimiter)


def _table(lines: list[str], delimiter: str) -> Any:
    fields = [["nan" if field == "" else field for field in line.split(delimiter)] for line in lines]
    widths = {len(row) for row in fields}
    if len(widths) > 1:
        raise ValueError(f"The lines have different numbers of fields: {sorted(widths)}")
    return numpy.array(fields).astype(float).astype(numpy.float32)


def libsvm_rows(body: bytes) -> Any:
    """Each line's `index:value` words; others, such as a label, are passed over. Raises ValueError."""
    row, column, value = [], [], []
    for number, line in enumerate(body.strip().decode("utf-8").split("\n")):
        for word in line.split(" "):
            if ":" in word:
                parts = word.split(":")
                row.append(number)
                column.append(int(parts[0]))
                value.append(float(parts[1]))
    if column and min(column) >= 1 and VERSION >= (3, 2):  # that container counts from 1 where nothing is at 0
        column = [number - 1 for number in column]
    if not column:
        raise ValueError("cannot infer dimensions from zero sized index arrays")
    return dense(recordio.matrix((value, (row, column))))


def dense(found: Any) -> Any:
    """A sparse matrix unfolded, what it does not name being missing; as it is, if that takes too much."""
    if not hasattr(found, "tocoo"):
        return numpy.ascontiguousarray(found, dtype=numpy.float32)
    if found.shape[0] * found.shape[1] > CELLS:
        return found
    found = found.tocoo()
    unfolded = numpy.full(found.shape, numpy.nan, dtype=numpy.float32)
    unfolded[found.row, found.col] = found.data
    return unfolded
