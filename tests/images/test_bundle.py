"""MLeap's bundles: what is written is read again, in each of MLeap's two formats and at each kind of place."""

import contextlib
import json
import math
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from clary.images.runtime.bundle import (
    BasicType,
    Bundle,
    BundleError,
    DataShape,
    Float,
    Long,
    Model,
    Node,
    Tensor,
    places,
    read,
    write,
)

UID = "4b73a01f-5ea9-4967-8bed-7f27213d04d0"
doubles = some.floats(allow_infinity=False)
texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=8)
int32 = some.integers(-(2**31), 2**31 - 1)
int64 = some.integers(-(2**63), 2**63 - 1)
floats = some.floats(width=32, allow_infinity=False).map(Float)
shapes = some.builds(
    DataShape,
    some.sampled_from(["scalar", "list", "tensor"]),
    some.booleans(),
    some.none() | some.lists(some.integers(-1, 9), max_size=3).map(tuple),
)
ELEMENTS: dict[str, Any] = {
    "boolean": some.booleans(),
    "byte": some.integers(-128, 127),
    "short": some.integers(-(2**15), 2**15 - 1),
    "int": int32,
    "long": int64,
    "float": floats.map(float),
    "double": doubles,
    "string": texts,
    "byte_string": some.binary(max_size=6),
}


@some.composite
def tensors(draw: Any) -> Tensor:
    base = draw(some.sampled_from(sorted(ELEMENTS)))
    values = draw(some.lists(ELEMENTS[base], max_size=6))
    return Tensor((len(values),), values, base)


scalars = [
    some.booleans(),
    int32,
    int64.map(Long),
    floats,
    doubles,
    texts,
    some.binary(max_size=6),
    tensors(),
    some.sampled_from(["int", "double", "string"]).map(BasicType),
    shapes,
    some.builds(Model, texts, some.dictionaries(texts, texts.filter(bool), max_size=2)),
]
values = some.one_of(*scalars, *(some.lists(one, max_size=4) for one in scalars))


def _plain(value: Any) -> Any:
    """Comparable: NaN equals NaN, types count, and what MLeap doesn't write, a scalar's zero, is None."""
    if isinstance(value, Tensor):
        return ("Tensor", value.base, value.shape, [_plain(one) or _zero(one) for one in value.values])
    if isinstance(value, list):
        return [_plain(one) or _zero(one) for one in value]
    if isinstance(value, Model):
        return ("Model", value.op, _plain(value.attributes))
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, float) and math.isnan(value):
        return (type(value).__name__, "nan")
    if isinstance(value, (DataShape, str)) and value:
        return (type(value).__name__, value)
    return None if not value else (type(value).__name__, value)


def _zero(value: Any) -> Any:
    return ("zero", type(value).__name__, value)


def _around(root: Node, tmp: Path, form: str, name: str = "b.zip") -> Node:
    write(Bundle(UID, "b", root), f"jar:file:{tmp}/{name}", form)
    return read(f"jar:file:{tmp}/{name}").root


@pytest.fixture(scope="module")
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.mark.parametrize("form", ["json", "protobuf"])
@settings(max_examples=80)
@given(attributes=some.dictionaries(texts, values, max_size=6))
def test_attributes_come_back_with_their_types(tmp: Path, form: str, attributes: dict[str, Any]) -> None:
    found = _around(Node("n", "op", attributes=attributes), tmp, form, f"{form}.zip")
    assert _plain(found.attributes) == _plain(attributes)


def _forest() -> Node:
    split = {"type": "continuous", "featureIndex": 3, "threshold": -0.5}
    groups = {"type": "categorical", "featureIndex": 0, "isLeft": False, "numCategories": 4, "categories": [0.0, 2.0]}
    tree = (
        {"type": "internal", "split": split},
        {"type": "internal", "split": groups},
        {"type": "leaf", "values": [0.0, 7.0]},
        {"type": "leaf", "values": []},
        {"type": "leaf", "values": [1.5]},
    )
    clusters = (
        {"index": 1, "norm": 2.0, "values": [1.0, 0.0], "numChildren": 1},
        {"index": 2, "norm": 0.0, "values": [], "numChildren": 0},
    )
    one = Node("tree0", "decision_tree_classifier", attributes={"num_features": Long(4)}, tree=tree)
    forest = Node(
        "rf_1",
        "random_forest_classifier",
        {"features": "x"},
        {"raw_prediction": "raw", "prediction": "p"},
        {"trees": ["tree0"], "tree_weights": [1.0]},
        models={"tree0": one},
    )
    inner = Node("inner", "pipeline", children=(forest,))
    last = Node("k", "bisecting_k_means", {"features": "x"}, {"prediction": "c"}, tree=clusters)
    return Node("top", "pipeline", children=(inner, last))


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_pipelines_forests_and_their_trees_come_back_from_every_place(tmp_path: Path, form: str) -> None:
    bundle = Bundle(UID, "top", _forest(), version="0.23.3", timestamp="2026-01-02T03:04:05.678")
    bundle.root.attributes["nodes"] = ["inner", "k"]
    bundle.root.children[0].attributes["nodes"] = ["rf_1"]
    bundle.format = form
    write(bundle, f"jar:file:{tmp_path}/model.zip", form)
    write(bundle, f"file:{tmp_path}/folder", form)
    write(bundle, str(tmp_path / "plain.zip"), form)
    write(bundle, f"jar:file:{tmp_path}/inside.zip!/one/two", form)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "folder", ".")
    places = ["jar:file:{}/model.zip", "{}/model.zip", "file:{}/folder", "file://{}/folder", "{}/plain.zip"]
    places += ["jar:file:{}/inside.zip!/one/two", "{}/model.tar.gz"]
    for place in places:
        assert read(place.format(tmp_path)) == bundle, place


def test_the_files_are_those_that_mleap_writes(tmp_path: Path) -> None:
    attributes = {"labels_length": 1, "labels_array_0": ["b", "a"], "handle_invalid": "skip", "n": 0, "m": Long(3)}
    node = Node("si_1", "string_indexer", {"input": "colour"}, {"output": "index"}, attributes)
    write(Bundle(UID, "p", Node("p", "pipeline", children=(node,)), timestamp="t"), f"file:{tmp_path}/b")

    def content(path: str) -> Any:
        return json.loads((tmp_path / "b" / path).read_text())

    assert content("bundle.json") == {
        "uid": UID,
        "name": "p",
        "format": "json",
        "version": "0.23.3",
        "timestamp": "t",
    }
    assert content("root/model.json") == {
        "op": "pipeline",
        "attributes": {"nodes": {"type": "list", "string": ["si_1"]}},
    }
    assert content("root/node.json") == {"name": "p", "shape": {"inputs": [], "outputs": []}}
    assert content("root/si_1.node/node.json") == {
        "name": "si_1",
        "shape": {"inputs": [{"name": "colour", "port": "input"}], "outputs": [{"name": "index", "port": "output"}]},
    }
    assert content("root/si_1.node/model.json")["attributes"] == {
        "labels_length": {"int": 1},
        "labels_array_0": {"type": "list", "string": ["b", "a"]},
        "handle_invalid": {"string": "skip"},
        "n": {},
        "m": {"long": 3},
    }


def test_protobuf_is_the_bytes_of_bundle_proto(tmp_path: Path) -> None:
    """The bytes are those of Google's compiler and library for MLeap's bundle.proto and dtree.proto."""
    attributes = {
        "i": -1,
        "d": [1.5, -2.0],
        "t": Tensor((2,), [1.0, 2.0]),
        "s": DataShape("tensor", True, (3,)),
        "b": BasicType("string"),
    }
    tree = ({"type": "leaf", "values": [0.5]},)
    write(
        Bundle(UID, "n", Node("n", "op", {"input": "x"}, {}, attributes, tree=tree)), f"file:{tmp_path}/b", "protobuf"
    )
    assert (tmp_path / "b/root/model.pb").read_bytes().hex() == MODEL
    assert (tmp_path / "b/root/node.pb").read_bytes().hex() == "0a016e120c0a0a0a05696e707574120178"
    assert (tmp_path / "b/root/tree.pb").read_bytes().hex() == "0000000c120a0a08000000000000e03f"


MODEL = (
    "0a026f7012720a120a0169120d0a0b18ffffffffffffffffff010a190a0164121412123210000000000000f83f0000000000"
    "0000c00a210a0174121c1a1a080712040a0208021a103ff000000000000040000000000000000a130a0173120e0a0c520a08"
    "0210011a040a0208030a090a016212040a024864"
)


def test_a_zip_is_replaced_and_a_folder_keeps_nothing_of_the_last_bundle(tmp_path: Path) -> None:
    for place in (f"jar:file:{tmp_path}/b.zip", f"file:{tmp_path}/b"):
        write(Bundle(UID, "top", _forest()), place)
        write(Bundle(UID, "n", Node("n", "tokenizer")), place)
        assert read(place).root == Node("n", "tokenizer")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert sorted(archive.namelist()) == ["bundle.json", "root/model.json", "root/node.json"]
    assert not (tmp_path / "b/root/inner.node").exists()


def test_what_is_too_large_in_an_archive_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(Bundle(UID, "n", Node("n", "op", attributes={"a": "x" * 5000})), f"{tmp_path}/b.zip")
    write(Bundle(UID, "n", Node("n", "op", attributes={"a": "x" * 5000})), f"{tmp_path}/b")
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "b", ".")
    monkeypatch.setattr(places, "LARGEST", 4096)
    for name in ("b.zip", "b.tar.gz"):
        with pytest.raises(BundleError, match=rf"{name}: \S*root/model.json makes 5\d\d\d bytes: more than 4096"):
            read(f"{tmp_path}/{name}")
    assert read(f"{tmp_path}/b").root.value("a", str) == "x" * 5000  # a folder's owner has written it


def test_what_older_mleap_and_scikit_learn_write_is_read(tmp_path: Path) -> None:
    """No version of MLeap but reads the others': shapes without tensorShape, whole numbers as doubles, null as NaN."""
    root = tmp_path / "root"
    root.mkdir()
    model = {
        "op": "vector_assembler",
        "attributes": {
            "input_shapes": {"data_shape": [{"base": "scalar", "isNullable": False}], "type": "list"},
            "means": {"type": "tensor", "double": [1, None], "shape": {"dimensions": [{"size": 2, "name": ""}]}},
            "unset": {"double": 0},
        },
    }
    (root / "model.json").write_text(json.dumps(model))
    (root / "node.json").write_text(json.dumps({"name": "va", "shape": {"inputs": [], "outputs": []}}))
    info = {"uid": UID, "name": "x", "format": "json", "version": "0.8.1"}
    (tmp_path / "bundle.json").write_text(json.dumps(info))
    found = read(str(tmp_path)).root
    assert found.value("input_shapes", list) == [DataShape("scalar")]
    means = found.value("means", Tensor)
    assert means.values[0] == 1.0
    assert math.isnan(means.values[1])
    assert found.value("unset", float) == 0.0


def test_infinite_splits_survive_json_as_in_mleap(tmp_path: Path) -> None:
    node = Node("b", "bucketizer", attributes={"splits": [-math.inf, 0.0, math.inf]})
    assert _around(node, tmp_path, "json") == node
    with pytest.raises(BundleError, match=r"n \(imputer\): JSON has no infinity"):
        _around(Node("n", "imputer", attributes={"surrogate_value": math.inf}), tmp_path, "json")
    assert _around(Node("n", "imputer", attributes={"v": math.inf}), tmp_path, "protobuf").attributes == {"v": math.inf}


def test_values_are_asked_for_by_type() -> None:
    node = Node("n", "op", attributes={"zero": None, "n": Long(3), "s": "x", "b": True})
    assert [node.value("zero", kind) for kind in (bool, int, float, str, list)] == [False, 0, 0.0, "", []]
    assert (node.value("n", int), node.value("n", float), node.value("other", int, 5)) == (3, 3.0, 5)
    with pytest.raises(BundleError, match=r"Node n \(op\) has no attribute other"):
        node.value("other", str)
    for name in ("s", "b"):
        with pytest.raises(BundleError, match=f"Attribute {name} of node n"):
            node.value(name, int)


def _broken(tmp_path: Path) -> Iterator[tuple[str, str]]:
    yield f"{tmp_path}/none.zip", "there is no file"
    yield "s3://bucket/model.zip", "at file: and jar:file: only"
    (tmp_path / "text").write_text("hello")
    yield f"{tmp_path}/text", "neither a folder nor a zip nor a tar"
    (tmp_path / "empty").mkdir()
    yield f"{tmp_path}/empty", "has no bundle.json"
    for number, (path, content, said) in enumerate(
        [
            ("bundle.json", "[]", "not a JSON object"),
            ("bundle.json", '{"format": "mixed"}', "'mixed' is not known"),
            ("root/model.json", "{", r"root/model.json is not JSON"),
            (
                "root/model.json",
                '{"op": "x", "attributes": {"a": {"quaternion": 1}}}',
                "model.json: .*unknown value",
            ),
            ("root/model.json", '{"op": "pipeline"}', "has no attribute nodes"),
            ("root/node.json", '{"name": "n"}', "KeyError 'shape'"),
        ]
    ):
        place = f"{tmp_path}/broken{number}"
        write(Bundle(UID, "n", Node("n", "op")), place)
        Path(place, path).write_text(content)
        yield place, said
    write(Bundle(UID, "n", Node("n", "op", attributes={"a": "text"})), f"{tmp_path}/cut", "protobuf")
    model = tmp_path / "cut/root/model.pb"
    model.write_bytes(model.read_bytes()[:-2])
    yield f"{tmp_path}/cut", "not a protobuf message"


def test_what_is_no_bundle_is_said(tmp_path: Path) -> None:
    for place, said in _broken(tmp_path):
        with pytest.raises(BundleError, match=said):
            read(place)


def test_names_of_nodes_lead_nowhere_else(tmp_path: Path) -> None:
    for name in ("../../out", "..", "", "a/b"):
        root = Node("p", "pipeline", children=(Node(name, "tokenizer"),))
        with pytest.raises(BundleError, match="folder's name"):
            write(Bundle(UID, "p", root), f"file:{tmp_path}/b")
    twice = Node("p", "pipeline", children=(Node("a", "tokenizer"), Node("a", "ngram")))
    with pytest.raises(BundleError, match="two nodes of one name"):
        write(Bundle(UID, "p", twice), f"file:{tmp_path}/b")
    with pytest.raises(BundleError, match="neither json nor protobuf"):
        write(Bundle(UID, "p", Node("a", "op")), f"file:{tmp_path}/b", "mixed")
    assert not (tmp_path / "b").exists()


@settings(max_examples=60)
@given(content=some.binary(max_size=60))
def test_any_bytes_as_protobuf_end_in_words(tmp: Path, content: bytes) -> None:
    write(Bundle(UID, "n", Node("n", "op")), f"{tmp}/fuzz", "protobuf")
    Path(tmp, "fuzz/root/model.pb").write_bytes(content)
    with contextlib.suppress(BundleError):
        read(f"{tmp}/fuzz")
