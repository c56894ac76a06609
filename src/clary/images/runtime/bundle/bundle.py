"""A bundle in memory: what it is called, and its tree of nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator

from .errors import BundleError
from .values import Float, Long

_NONE: Any = object()


@dataclass
class Node:
    """One transformer.

    `inputs` and `outputs` lead from the transformer's ports ("input", "input0", "features", "output", "prediction"...)
    to columns, in the order of the file. `children` are the stages of a pipeline, in their order; what is read has
    their names as the attribute `nodes` too, which writing makes of them. `models` are the
    models inside an ensemble by the folder that keeps them ("tree0", "model1"): nodes without ports.
    `tree` is the tree of a tree model as MLeap keeps it, each node before its left and its right:
    {"type": "internal", "split": {"type": "continuous", "featureIndex": 3, "threshold": 0.5}} or
    {"type": "internal", "split": {"type": "categorical", "featureIndex": 3, "isLeft": True, "numCategories": 4,
    "categories": [0.0, 2.0]}} or {"type": "leaf", "values": [...]}; of bisecting k-means it is
    {"index", "norm", "values", "numChildren"}, each node before its children.
    """

    name: str
    op: str
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    children: tuple[Node, ...] = ()
    models: dict[str, Node] = field(default_factory=dict)
    tree: tuple[dict[str, Any], ...] = ()

    def value(self, name: str, kind: Any, default: Any = _NONE) -> Any:
        """The attribute as kind (bool, int, float, str, list, Tensor, DataShape...), or default where it isn't there.

        Raises BundleError where it is of another kind, or isn't there and no default is given.
        """
        if name not in self.attributes:
            if default is not _NONE:
                return default
            raise BundleError(f"Node {self.name} ({self.op}) has no attribute {name}")
        value = self.attributes[name]
        if value is None and kind in (bool, int, float, str, bytes, list):
            return kind()
        if kind is float and isinstance(value, (int, Float)) and not isinstance(value, bool):
            return float(value)
        if kind is int and isinstance(value, Long):
            return int(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            expected = getattr(kind, "__name__", str(kind))
            raise BundleError(f"Attribute {name} of node {self.name} ({self.op}) is not a {expected}: {value!r:.80}")
        return value

    def walk(self) -> Iterator[Node]:
        """This node, and all below it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class Bundle:
    """`format` is "json" or "protobuf", `version` MLeap's, `uid` a UUID's text."""

    uid: str
    name: str
    root: Node
    format: str = "json"
    version: str = "0.23.3"
    timestamp: str = ""
