"""The output column's value as text: CSV, JSON lines, JSON lines of text.

https://github.com/aws/sagemaker-sparkml-serving-container (helper/ResponseHelper.java, utils/ScalaUtils.java)
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable

from . import java_input
from .batch import np
from .java_input import Bad
from .java_text import double_text
from .vectors import Vector

CSV, LINES, TEXT_LINES = "text/csv", "application/jsonlines", "application/jsonlines;data=text"
ACCEPTED = (CSV, LINES, TEXT_LINES)
Form = Callable[[Any, str], str]  # of a value, and of what is accepted
_CONTROL = re.compile(r"\\u00[01][0-9a-f]")


def form(kind: str, struct: str) -> Form:
    """How values of the output column are written. What it gives raises Bad for a value of another type."""
    if struct == "basic":
        return _basic(kind)
    return _vector if struct == "vector" else _array


def _basic(kind: str) -> Form:
    """A single value is its text, whatever is accepted."""
    if kind in ("float", "double"):
        return _double
    wanted: Any = {"string": str, "boolean": bool}.get(kind, int if kind in java_input.BITS else None)

    def write(value: Any, _accept: str) -> str:
        if wanted is None:
            raise Bad(java_input.NOT_SUPPORTED)
        if type(value) is not wanted:
            if value is None and wanted is not str:  # which Scala unboxes
                value = wanted()
            else:
                raise _cast(value, "java.lang." + ("Integer" if kind == "int" else kind.capitalize()))
        return java_input.text_of(value)

    return write


def _double(value: Any, _accept: str) -> str:
    if type(value) is not float:
        if value is None:
            return "0.0"
        raise _cast(value, "java.lang.Double")
    return double_text(value)


def _vector(value: Any, accept: str) -> str:
    if not isinstance(value, Vector):
        raise _cast(value, "ml.combust.mleap.tensor.Tensor")
    texts = _texts(value)
    if accept == CSV:
        return ",".join(texts)
    if accept == TEXT_LINES:
        return _source(texts)
    # not finite numbers are texts
    return '{"features":[' + ",".join([t if t[-1].isdigit() else f'"{t}"' for t in texts]) + "]}"


def _texts(vector: Vector) -> list[str]:
    if vector.indices is None:
        return list(map(double_text, vector.values))
    texts = ["0.0"] * vector.size
    for index, value in zip(vector.indices, vector.values):
        texts[index] = double_text(value)
    return texts


def lines(values: Any) -> list[str] | None:
    """CSV of an array of rows, few of whose numbers are distinct as a rule. None for what no dict tells apart or finds:
    -0.0, which sparse vectors do not keep, and NaN.
    """
    if (np.signbit(values) & (values == 0)).any() or np.isnan(values).any():
        return None
    text = {value: double_text(value) for value in np.unique(values).tolist()}.__getitem__
    return [",".join(map(text, row)) for row in values.tolist()]


def _array(value: Any, accept: str) -> str:
    if not isinstance(value, (list, tuple)):
        raise _cast(value, "scala.collection.Seq")
    if accept == LINES:
        return '{"features":[' + ",".join(map(_json, value)) + "]}"
    texts = list(map(java_input.text_of, value))
    return ",".join(texts) if accept == CSV else _source(texts)


def _source(texts: list[str]) -> str:
    return '{"source":' + _json(" ".join(texts)) + "}"


def _json(value: Any) -> str:
    """As Jackson writes it."""
    if isinstance(value, float):
        text = double_text(value)
        return text if text[-1].isdigit() else f'"{text}"'
    if not isinstance(value, str):
        return json.dumps(value)
    return _CONTROL.sub(lambda found: found[0][:2] + found[0][2:].upper(), json.dumps(value, ensure_ascii=False))


def _cast(value: Any, wanted: str) -> Bad:
    if value is None:
        return Bad(None)
    if isinstance(value, Vector):
        kind = "Dense" if value.indices is None else "Sparse"
        return Bad(f"ml.combust.mleap.tensor.{kind}Tensor cannot be cast to {wanted}")
    return java_input.cast(value, wanted)
