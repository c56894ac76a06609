"""Bundles in JSON: what is a value's type is the name of its member.

As bundle-ml's JsonSupport.scala: {"long": 3}, {"type": "list", "double": [...]}, {"type": "tensor", "double": [...],
"shape": {"dimensions": [{"size": 2, "name": ""}]}}, and {} for a scalar that is zero.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from .errors import BundleError
from .proto_form import kind_of
from .values import BASIC, SHAPES, BasicType, DataShape, Float, Long, Model, Tensor

_NAN = float("nan")


def document(content: bytes, path: str) -> dict[str, Any]:
    """Raises BundleError naming path."""
    try:
        value = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BundleError(f"{path} is not a JSON object")
    return value


def attributes(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    return {name: value_of(value) for name, value in given.items()}


def value_of(given: dict[str, Any]) -> Any:
    kind = given.get("type")
    if kind == "tensor":
        return _tensor(given)
    for name, make in _READ.items():
        if name in given:
            found = given[name]
            return [make(one) for one in found] if kind == "list" else make(found)
    if kind == "list":
        return []
    if kind is None and not given:
        return None
    raise BundleError(f"unknown value {given!s:.80}")


def _double(value: Any) -> float:
    """spray-json writes NaN as null."""
    return _NAN if value is None else float(value)


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise BundleError(f"not base64: {error}") from None


def _basic(value: str) -> BasicType:
    if value not in BASIC:
        raise BundleError(f"unknown basic type {value}")
    return BasicType(value)


def _shape(given: dict[str, Any]) -> DataShape:
    if given["base"] not in SHAPES:
        raise BundleError(f"unknown shape {given['base']}")
    tensor = given.get("tensorShape")
    dimensions = None if tensor is None else tuple(int(one["size"]) for one in tensor["dimensions"])
    return DataShape(given["base"], bool(given.get("isNullable", False)), dimensions)


def _tensor(given: dict[str, Any]) -> Tensor:
    for base, make in _ELEMENTS.items():
        if base in given:
            shape = tuple(int(one["size"]) for one in given["shape"]["dimensions"])
            return Tensor(shape, [make(one) for one in given[base]], base)
    raise BundleError("a tensor without values")


def _model(given: dict[str, Any]) -> Model:
    return Model(given["op"], attributes(given.get("attributes")))


_ELEMENTS: dict[str, Any] = {
    "boolean": bool,
    "byte": int,
    "short": int,
    "int": int,
    "long": int,
    "float": _double,
    "double": _double,
    "byte_string": _bytes,
    "string": str,
}
_READ: dict[str, Any] = {
    "boolean": bool,
    "int": int,
    "long": Long,
    "float": lambda value: Float(_double(value)),
    "double": _double,
    "string": str,
    "byte_string": _bytes,
    "tensor": _tensor,
    "basic_type": _basic,
    "data_shape": _shape,
    "model": _model,
}


def written(value: Any) -> dict[str, Any]:
    """The JSON of an attribute. A scalar that is zero is {}, as MLeap writes it: zeros have no type."""
    if isinstance(value, Tensor):
        return {**_written_tensor(value), "type": "tensor"}
    if isinstance(value, list):
        if not value:
            return {"type": "list"}
        kind = kind_of(value[0])
        return {kind: [_written_one(kind, one) for one in value], "type": "list"}
    if value is None or (not value and not isinstance(value, tuple)):
        return {}
    kind = kind_of(value)
    return {kind: _written_one(kind, value)}


def written_model(op: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"op": op, "attributes": {name: written(value) for name, value in given.items()}}


def number(value: float) -> float | None:
    """NaN is null. Raises BundleError for infinity: in MLeap's JSON that is null, too, and comes back as NaN."""
    if value - value == 0:
        return float(value)
    if value != value:  # noqa: PLR0124 - NaN, as math.isnan without a call
        return None
    raise BundleError("JSON has no infinity: write the bundle as protobuf")


def _written_one(kind: str, value: Any) -> Any:
    if kind in ("double", "float"):
        return number(value)
    if kind in ("int", "long"):
        return int(value)
    return _WRITTEN.get(kind, lambda same: same)(value)


def _written_tensor(value: Tensor) -> dict[str, Any]:
    kind = value.base
    if kind not in _ELEMENTS:
        raise BundleError(f"a tensor of type {kind}")
    values = value.values
    if kind in ("double", "float"):
        values = [number(one) for one in values]
    elif kind == "byte_string":
        values = [_base64(one) for one in values]
    return {kind: list(values), "shape": {"dimensions": _dimensions(value.shape)}}


def _dimensions(sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"size": int(size), "name": ""} for size in sizes]


def _written_shape(value: DataShape) -> dict[str, Any]:
    given: dict[str, Any] = {"base": value.base, "isNullable": value.nullable}
    if value.dimensions is not None:
        given["tensorShape"] = {"dimensions": _dimensions(value.dimensions)}
    return given


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


_WRITTEN: dict[str, Any] = {
    "byte_string": _base64,
    "tensor": _written_tensor,
    "data_shape": _written_shape,
    "model": lambda one: written_model(one.op, one.attributes),
}
