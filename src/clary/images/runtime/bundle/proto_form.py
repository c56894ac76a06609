"""Bundles in protobuf: bundle.proto, ext/dtree.proto and ext/ctree.proto of github.com/combust/bundle-protobuf."""

from __future__ import annotations

from typing import Any

from . import wire
from .errors import BundleError
from .tensors import joined, packed, parts, unpacked
from .values import BASIC, SHAPES, BasicType, DataShape, Float, Long, Model, Tensor
from .wire import Table

_BASIC = {number: name for name, number in BASIC.items()}
_SHAPES = {number: name for name, number in SHAPES.items()}

_DIMENSION = Table({1: ("size", "int", False), 2: ("name", "str", False)})
_TENSOR_SHAPE = Table({1: ("dimensions", _DIMENSION, True)})
_TENSOR = Table({1: ("base", "int", False), 2: ("shape", _TENSOR_SHAPE, False), 3: ("value", "bytes", False)})
_DATA_SHAPE = Table({1: ("base", "int", False), 2: ("nullable", "bool", False), 3: ("tensor", _TENSOR_SHAPE, False)})
_ENTRY = Table({1: ("key", "str", False)})
_ATTRIBUTES = Table({1: ("list", _ENTRY, True)})
_MODEL = Table({1: ("op", "str", False), 2: ("attributes", _ATTRIBUTES, False)})
_KINDS: dict[str, Any] = {  # of Scalar and List, in the order of their numbers
    "boolean": "bool",
    "string": "str",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "double",
    "byte_string": "bytes",
    "tensor": _TENSOR,
    "basic_type": "int",
    "data_shape": _DATA_SHAPE,
    "model": _MODEL,
}
_SCALAR = Table({number: (name, kind, False) for number, (name, kind) in enumerate(_KINDS.items(), 1)})
_LIST = Table({number: (name, kind, True) for number, (name, kind) in enumerate(_KINDS.items(), 1)})
_VALUE = Table({1: ("scalar", _SCALAR, False), 2: ("list", _LIST, False), 3: ("tensor", _TENSOR, False)})
_ENTRY.fields[2] = ("value", _VALUE, False)
_SOCKET = Table({1: ("port", "str", False), 2: ("name", "str", False)})
_NODE_SHAPE = Table({1: ("inputs", _SOCKET, True), 2: ("outputs", _SOCKET, True)})
_NODE = Table({1: ("name", "str", False), 2: ("shape", _NODE_SHAPE, False)})
_CATEGORICAL = Table(
    {
        1: ("featureIndex", "int", False),
        2: ("isLeft", "bool", False),
        3: ("numCategories", "int", False),
        4: ("categories", "double", True),
    }
)
_CONTINUOUS = Table({1: ("featureIndex", "int", False), 2: ("threshold", "double", False)})
_SPLIT = Table({1: ("categorical", _CATEGORICAL, False), 2: ("continuous", _CONTINUOUS, False)})
_INTERNAL = Table({1: ("split", _SPLIT, False)})
_LEAF = Table({1: ("values", "double", True)})
_DTREE = Table({1: ("internal", _INTERNAL, False), 2: ("leaf", _LEAF, False)})
_CTREE = Table(
    {
        1: ("index", "int", False),
        2: ("norm", "double", False),
        3: ("values", "double", True),
        4: ("numChildren", "int", False),
    }
)
_ZEROS: dict[str, Any] = {"featureIndex": 0, "isLeft": False, "numCategories": 0, "threshold": 0.0, "categories": []}


def model(content: bytes) -> Model:
    return _read_model(wire.decode(_MODEL, content))


def model_bytes(op: str, attributes: dict[str, Any]) -> bytes:
    return wire.encode(_MODEL, _written_model(op, attributes))


def node(content: bytes) -> dict[str, Any]:
    """{"name", "shape": {"inputs": [{"port", "name"}], "outputs": [...]}}, as in JSON."""
    found = wire.decode(_NODE, content)
    shape = found.get("shape", {})
    ports = {
        side: [{"port": one.get("port", ""), "name": one.get("name", "")} for one in shape.get(side, [])]
        for side in ("inputs", "outputs")
    }
    return {"name": found.get("name", ""), "shape": ports}


def node_bytes(given: dict[str, Any]) -> bytes:
    return wire.encode(_NODE, given)


def tree(content: bytes, clusters: bool) -> list[dict[str, Any]]:
    """A message for each node."""
    return [_cluster(one) if clusters else _decision(one) for one in parts(content, "the tree")]


def _cluster(content: bytes) -> dict[str, Any]:
    return {"index": 0, "norm": 0.0, "values": [], "numChildren": 0, **wire.decode(_CTREE, content)}


def _decision(content: bytes) -> dict[str, Any]:
    found = wire.decode(_DTREE, content)
    if "leaf" in found:
        return {"type": "leaf", "values": found["leaf"].get("values", [])}
    for kind, table in (("categorical", _CATEGORICAL), ("continuous", _CONTINUOUS)):
        split = found.get("internal", {}).get("split", {}).get(kind)
        if split is not None:
            zeros = {name: _ZEROS[name] for name, *_ in table.fields.values()}
            return {"type": "internal", "split": {"type": kind, **zeros, **split}}
    raise BundleError("a node of the tree is neither a leaf nor a split")


def tree_bytes(nodes: Any, clusters: bool) -> bytes:
    return joined(wire.encode(_CTREE, one) if clusters else _decision_bytes(one) for one in nodes)


def _decision_bytes(one: dict[str, Any]) -> bytes:
    if one["type"] == "leaf":
        return wire.encode(_DTREE, {"leaf": one})
    return wire.encode(_DTREE, {"internal": {"split": {one["split"]["type"]: one["split"]}}})


def _read_model(found: dict[str, Any]) -> Model:
    entries = found.get("attributes", {}).get("list", [])
    return Model(found.get("op", ""), {one.get("key", ""): _read(one.get("value", {})) for one in entries})


def _read(found: dict[str, Any]) -> Any:
    if "tensor" in found:
        return _read_tensor(found["tensor"])
    if "list" in found:
        for kind, values in found["list"].items():
            return [_READ.get(kind, _same)(value) for value in values]
        return []
    for kind, value in found.get("scalar", {}).items():
        return _READ.get(kind, _same)(value)
    return None


def _same(value: Any) -> Any:
    return value


def _read_tensor(found: dict[str, Any]) -> Tensor:
    shape = tuple(one.get("size", 0) for one in found.get("shape", {}).get("dimensions", []))
    base = _BASIC[found.get("base", 0)]
    return Tensor(shape, unpacked(base, found.get("value", b"")), base)


def _read_shape(found: dict[str, Any]) -> DataShape:
    tensor = found.get("tensor")
    dimensions = None if tensor is None else tuple(one.get("size", 0) for one in tensor.get("dimensions", []))
    return DataShape(_SHAPES[found.get("base", 0)], found.get("nullable", False), dimensions)


_READ: dict[str, Any] = {
    "long": Long,
    "float": Float,
    "tensor": _read_tensor,
    "basic_type": lambda number: BasicType(_BASIC[number]),
    "data_shape": _read_shape,
    "model": _read_model,
}


def _written_model(op: str, attributes: dict[str, Any]) -> dict[str, Any]:
    entries = [{"key": name, "value": _written(value)} for name, value in attributes.items()]
    return {"op": op, "attributes": {"list": entries}}


def _written(value: Any) -> dict[str, Any]:
    if isinstance(value, Tensor):
        return {"tensor": _written_tensor(value)}
    if isinstance(value, list):
        if not value:
            return {"list": {}}
        kind = kind_of(value[0])
        return {"list": {kind: [_WRITTEN.get(kind, _same)(one) for one in value]}}
    if value is None:
        return {"scalar": {}}
    kind = kind_of(value)
    return {"scalar": {kind: _WRITTEN.get(kind, _same)(value)}}


def kind_of(value: Any) -> str:
    """MLeap's name of the type of a scalar, or of a list's member. Raises BundleError."""
    for kind, of in _OF:
        if isinstance(value, of):
            return kind
    raise BundleError(f"MLeap has no type for {type(value).__name__}")


_OF = [  # bool is an int, and Long, Float, BasicType are their bases': these come first
    ("boolean", bool),
    ("long", Long),
    ("int", int),
    ("float", Float),
    ("double", float),
    ("basic_type", BasicType),
    ("string", str),
    ("byte_string", bytes),
    ("tensor", Tensor),
    ("data_shape", DataShape),
    ("model", Model),
]


def _written_tensor(value: Tensor) -> dict[str, Any]:
    shape = {"dimensions": [{"size": size} for size in value.shape]}
    return {"base": BASIC[value.base], "shape": shape, "value": packed(value.base, value.values)}


def _written_shape(value: DataShape) -> dict[str, Any]:
    tensor = None if value.dimensions is None else {"dimensions": [{"size": size} for size in value.dimensions]}
    return {"base": SHAPES[value.base], "nullable": value.nullable, "tensor": tensor}


_WRITTEN: dict[str, Any] = {
    "tensor": _written_tensor,
    "basic_type": lambda name: BASIC[name],
    "data_shape": _written_shape,
    "model": lambda one: _written_model(one.op, one.attributes),
}
