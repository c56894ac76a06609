"""A bundle from its files."""

from __future__ import annotations

import json
import math
from typing import Any

from . import json_form, proto_form
from .bundle import Bundle, Node
from .errors import BundleError
from .places import Place


def read(uri: str) -> Bundle:
    """Reads a folder, .zip, .tar or .tar.gz, given as path, file: or jar:file: URI.

    Raises BundleError for what is none, naming the file in it.
    """
    place = Place(uri)
    try:
        return _bundle(place)
    except RecursionError:
        raise BundleError(f"{uri}: too deeply nested") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{uri} is not a bundle of MLeap's: {type(error).__name__} {error}") from None
    finally:
        place.close()


def _bundle(place: Place) -> Bundle:
    info = json_form.document(place.read("bundle.json"), "bundle.json")
    form = info.get("format")
    if form not in ("json", "protobuf"):
        raise BundleError(f"bundle.json: format {form!r} is not known")
    root = _Reader(place, form).node("root")
    return Bundle(
        str(info["uid"]), str(info["name"]), root, form, str(info["version"]), str(info.get("timestamp") or "")
    )


class _Reader:
    def __init__(self, place: Place, form: str) -> None:
        self._place = place
        self._json = form == "json"
        self._extension = "json" if self._json else "pb"

    def node(self, folder: str) -> Node:
        path = f"{folder}/node.{self._extension}"
        content = self._place.read(path)
        given = json_form.document(content, path) if self._json else proto_form.node(content)
        node = self._model(folder, str(given["name"]))
        shape = given["shape"]
        node.inputs = {one["port"]: one["name"] for one in shape.get("inputs") or ()}
        node.outputs = {one["port"]: one["name"] for one in shape.get("outputs") or ()}
        names = self._children(node, folder)
        node.children = tuple(self.node(f"{folder}/{name}.node") for name in names)
        return node

    def _model(self, folder: str, name: str) -> Node:
        op, attributes = self._attributes(f"{folder}/model.{self._extension}")
        node = Node(name, op, attributes=attributes)
        for below in self._place.folders(folder):
            if not below.endswith(".node") and f"{folder}/{below}/model.{self._extension}" in self._place.names:
                node.models[below] = self._model(f"{folder}/{below}", below)
        path = f"{folder}/tree.{self._extension}"
        if path in self._place.names:
            node.tree = tuple(self._tree(path, clusters=node.op == "bisecting_k_means"))
        return node

    def _children(self, node: Node, folder: str) -> list[str]:
        names = node.attributes.get("nodes")
        if node.op == "pipeline" and names is None:
            raise BundleError(f"pipeline {node.name} has no attribute nodes")
        if names is not None:
            return list(names)
        return [name[: -len(".node")] for name in self._place.folders(folder) if name.endswith(".node")]

    def _attributes(self, path: str) -> tuple[str, dict[str, Any]]:
        content = self._place.read(path)
        try:
            if self._json:
                given = json_form.document(content, path)
                op, attributes = str(given["op"]), json_form.attributes(given.get("attributes"))
            else:
                op, attributes = proto_form.model(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"{path}: {type(error).__name__} {error}") from None
        if op == "bucketizer":
            _restore(attributes)
        return op, attributes

    def _tree(self, path: str, clusters: bool) -> list[dict[str, Any]]:
        """MLeap's writer of JSON puts each node on a line of its own."""
        content = self._place.read(path)
        if not self._json:
            return proto_form.tree(content, clusters)
        return [json.loads(line) for line in content.decode("utf-8").splitlines() if line.strip()]


def _restore(attributes: dict[str, Any]) -> None:
    """Of infinity, which a bucketizer's outer splits often are, MLeap's JSON makes null."""
    splits = attributes.get("splits")
    if splits:
        for at, infinite in ((0, -math.inf), (-1, math.inf)):
            if math.isnan(splits[at]):
                splits[at] = infinite
