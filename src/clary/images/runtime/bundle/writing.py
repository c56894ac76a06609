"""A bundle to its files."""

from __future__ import annotations

import json
import math
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any, Callable

from . import json_form, proto_form
from .bundle import Bundle, Node
from .errors import BundleError
from .places import split

FORMATS = {"json": "json", "protobuf": "pb"}
_LONG = 65536
_QUICK = 1  # numbers' digits shrink little more by the best, which takes thrice as long


def write(bundle: Bundle, uri: str, form: str = "json") -> None:
    """Writes jar:file:/archive.zip (or a path that ends in .zip), or file:/folder, as "json" or "protobuf".

    An archive that is there is replaced, whole or not at all. So is the bundle in a folder, whose other files stay;
    but where this process is killed between two renames, what was there is in .PID.part/before.
    Raises BundleError for what MLeap's format cannot say, and OSError.
    """
    if form not in FORMATS:
        raise BundleError(f"format {form!r} is neither json nor protobuf")
    files: dict[str, bytes] = {}
    writer = _Writer(files, form)
    try:
        writer.node(bundle.root, "root")
    except RecursionError:
        raise BundleError("too deeply nested") from None
    info = {"uid": bundle.uid, "name": bundle.name, "format": form, "version": bundle.version}
    files["bundle.json"] = _pretty({**info, "timestamp": bundle.timestamp})
    path, inside, archived = split(uri)
    if archived:
        _archive(Path(path), f"{inside}/" if inside else "", files)
    else:
        _folder(Path(path), files)


class _Writer:
    def __init__(self, files: dict[str, bytes], form: str) -> None:
        self._files = files
        self._json = form == "json"
        self._extension = FORMATS[form]

    def node(self, node: Node, folder: str) -> None:
        self._model(node, folder)
        shape = {
            "inputs": [{"name": name, "port": port} for port, name in node.inputs.items()],
            "outputs": [{"name": name, "port": port} for port, name in node.outputs.items()],
        }
        self._file(folder, "node", {"name": node.name, "shape": shape}, proto_form.node_bytes)
        names = [child.name for child in node.children]
        if len(set(names)) < len(names):
            raise BundleError(f"{node.name} has two nodes of one name: {', '.join(sorted(names))}")
        for child in node.children:
            self.node(child, f"{folder}/{_part(child.name)}.node")

    def _model(self, node: Node, folder: str) -> None:
        attributes = dict(node.attributes)
        if node.op == "pipeline":
            attributes["nodes"] = [child.name for child in node.children]
        try:
            if self._json:
                given = json_form.written_model(node.op, _finite(node.op, attributes))
                self._files[f"{folder}/model.json"] = _pretty(given)
            else:
                self._files[f"{folder}/model.pb"] = proto_form.model_bytes(node.op, attributes)
        except BundleError as error:
            raise BundleError(f"{node.name} ({node.op}): {error}") from None
        if node.tree:
            self._tree(node, folder)
        for name, model in node.models.items():
            self._model(model, f"{folder}/{_part(name)}")

    def _tree(self, node: Node, folder: str) -> None:
        if self._json:
            lines = (json.dumps(one, separators=(",", ":"), allow_nan=False) + "\n" for one in node.tree)
            self._files[f"{folder}/tree.json"] = "".join(lines).encode("utf-8")
        else:
            self._files[f"{folder}/tree.pb"] = proto_form.tree_bytes(node.tree, clusters="type" not in node.tree[0])

    def _file(self, folder: str, kind: str, given: dict[str, Any], to_bytes: Callable[[Any], bytes]) -> None:
        self._files[f"{folder}/{kind}.{self._extension}"] = _pretty(given) if self._json else to_bytes(given)


def _pretty(given: dict[str, Any]) -> bytes:
    """Lines for who reads it; in one line, which takes a seventh of the time, where that is long."""
    text = json.dumps(given, ensure_ascii=False, allow_nan=False)
    if len(text) < _LONG:
        text = json.dumps(given, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def _part(name: str) -> str:
    """A name that becomes a folder's."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise BundleError(f"{name!r} cannot be a folder's name")
    return name


def _finite(op: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """Of a bucketizer's outer splits, which may be infinite, MLeap's JSON makes null; its reader knows."""
    if op != "bucketizer" or not attributes.get("splits"):
        return attributes
    splits = list(attributes["splits"])
    for at in (0, -1):
        if math.isinf(splits[at]):
            splits[at] = math.nan
    return {**attributes, "splits": splits}


def _archive(path: Path, prefix: str, files: dict[str, bytes]) -> None:
    """What else is in the archive stays only where the bundle is put into a folder of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + f".{os.getpid()}.part")
    try:
        with zipfile.ZipFile(str(part), "w", zipfile.ZIP_DEFLATED, compresslevel=_QUICK) as archive:
            if prefix and path.exists():
                with zipfile.ZipFile(str(path)) as before:
                    for name in before.namelist():
                        if not name.startswith(prefix):
                            archive.writestr(name, before.read(name))
            for name, content in files.items():
                archive.writestr(prefix + name, content)
        part.replace(path)
    except zipfile.BadZipFile as error:
        raise BundleError(f"{path}: {error}") from None
    finally:
        if part.exists():
            part.unlink()


def _folder(path: Path, files: dict[str, bytes]) -> None:
    if path.exists() and not path.is_dir():
        raise BundleError(f"{path} is a file: a bundle in a zip archive is written to jar:file:{path}")
    new = not path.exists()
    # Inside a folder that is there: it may be a place of its own, beside which nothing can be.
    part = path.with_name(f"{path.name}.{os.getpid()}.part") if new else path / f".{os.getpid()}.part"
    try:
        for name, content in files.items():
            at = part / name
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content)
        if new:
            part.replace(path)
        else:
            _swap(path, part)
    finally:
        shutil.rmtree(str(part), ignore_errors=True)


def _swap(path: Path, part: Path) -> None:
    """A folder's bundle for the one in `part`. What was there comes back where that fails."""
    root, before = path / "root", part / "before"
    there = root.exists()
    if there and not any((path / name).is_file() for name in ("bundle.json", "root/model.json", "root/model.pb")):
        raise BundleError(f"{root} is there, and of no bundle")
    if there:
        root.replace(before)
    try:
        (part / "root").replace(root)
        try:
            (part / "bundle.json").replace(path / "bundle.json")
        except OSError:
            root.replace(part / "root")
            raise
    except OSError:
        if there:
            before.replace(root)
        raise
