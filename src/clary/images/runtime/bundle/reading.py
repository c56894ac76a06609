"""A bundle from its files."""

from __future__ import annotations

import json
from typing import Any

from . import json_form
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
    if form != "json":
        raise BundleError(f"bundle.json: format {form!r} is not known")
    root = _Reader(place, form).node("root")
    return Bundle(
        str(info["uid"]), str(info["name"]), root, form, str(info["version"]), str(info.get("timestamp") or "")
    )


class _Reader:
    def __init__(self, place: Place, form: str) -> None:
        self._place = place
        self._extension = "json" if form == "json" else "pb"

    def node(self, folder: str) -> Node:
        given = self._document(folder, "node")
        node = self._model(folder, str(given["name"]))
        shape = given["shape"]
        node.inputs = {one["port"]: one["name"] for one in shape.get("inputs") or ()}
        node.outputs = {one["port"]: one["name"] for one in shape.get("outputs") or ()}
        names = self._children(node, folder)
        node.children = tuple(self.node(f"{folder}/{name}.node") for name in names)
        return node

    def _model(self, folder: str, name: str) -> Node:
        given = self._document(folder, "model")
        node = Node(name, str(given["op"]), attributes=self._attributes(given, folder))
        for below in self._place.folders(folder):
            if not below.endswith(".node") and f"{folder}/{below}/model.{self._extension}" in self._place.names:
                node.models[below] = self._model(f"{folder}/{below}", below)
        path = f"{folder}/tree.{self._extension}"
        if path in self._place.names:
            node.tree = self._tree(path)
        return node

    def _children(self, node: Node, folder: str) -> list[str]:
        names = node.attributes.get("nodes")
        if node.op == "pipeline" and names is None:
            raise BundleError(f"pipeline {node.name} has no attribute nodes")
        if names is not None:
            return list(names)
        return [name[: -len(".node")] for name in self._place.folders(folder) if name.endswith(".node")]

    def _document(self, folder: str, kind: str) -> dict[str, Any]:
        path = f"{folder}/{kind}.{self._extension}"
        return json_form.document(self._place.read(path), path)

    def _attributes(self, given: dict[str, Any], folder: str) -> dict[str, Any]:
        try:
            return json_form.attributes(given.get("attributes"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"{folder}/model.{self._extension}: {type(error).__name__} {error}") from None

    def _tree(self, path: str) -> tuple[dict[str, Any], ...]:
        """MLeap's writer puts each node on a line of its own."""
        lines = self._place.read(path).decode("utf-8").splitlines()
        return tuple(json.loads(line) for line in lines if line.strip())
