"""SparkML's models without a JVM: plans, rules for what is invalid, arithmetic as Java's. Exactness: tests/spark."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from clary.images.runtime.bundle import Bundle, DataShape, Node, Tensor, write
from clary.images.sparkml_serving import java_math
from clary.images.sparkml_serving.failures import BadRow, MissingColumn, UnknownTransformer, WrongModel
from clary.images.sparkml_serving.model import Model, load
from clary.images.sparkml_serving.murmur import hashed
from clary.images.sparkml_serving.texts import split
from clary.images.sparkml_serving.vectors import Vector, dense, sparse
from images import sparkml_bundles as bundles


def model(*stages: Node) -> Model:
    return load(Bundle("uid", "name", Node("all", "pipeline", children=stages)))


def indexer(**told: Any) -> Node:
    return Node("index", "string_indexer", {"input": "word"}, {"output": "place"}, {"labels": ["b", "a"], **told})


def test_car(tmp_path: Path) -> None:
    cars = load(bundles.cars(tmp_path / "cars"))
    assert cars.inputs == list(bundles.ATTRIBUTES)
    plan = cars.plan(cars.inputs, ["features"])
    for car in bundles.CARS[::100]:
        made = plan.row(car[:6])
        assert made is not None
        assert made[0].tolist() == bundles.features(car[:6])
        assert made[0].indices is not None  # 6 of 21: 1.5 * (6 + 1) < 21
    assert cars.row(dict(zip(bundles.ATTRIBUTES, bundles.CARS[0], strict=False))) is not None


def test_unknown_transformer_is_named_at_load(tmp_path: Path) -> None:
    bundle = Bundle("uid", "name", Node("all", "pipeline", children=(indexer(), Node("mine", "my_op"))))
    write(bundle, f"file:{tmp_path / 'unknown'}")
    with pytest.raises(UnknownTransformer, match="node mine is a transformer that is not known here: my_op") as raised:
        load(tmp_path / "unknown")
    assert (raised.value.op, raised.value.node) == ("my_op", "mine")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Node("n", "string_indexer", {"input": "a"}, {"output": "b"}), "labels"),
        (Node("n", "one_hot_encoder", {"input0": "a"}, {"output0": "b"}, {"category_sizes": [1, 2]}), "2 sizes"),
        (Node("n", "decision_tree_regression", {"features": "a"}, {"prediction": "b"}), "no tree"),
        (Node("n", "gbt_regression", {"features": "a"}, {"prediction": "b"}, {"trees": ["tree0"]}), "tree0"),
        (Node("n", "regex_tokenizer", {"input": "a"}, {"output": "b"}, {"regex": "\\p{L}"}), "Java's alone"),
    ],
)
def test_a_model_that_cannot_be_made_names_its_node(node: Node, message: str) -> None:
    with pytest.raises(ValueError, match=f"(?i)node n.*{re.escape(message)}"):
        model(node)


def test_missing_columns() -> None:
    made = model(indexer(), Node("back", "reverse_string_indexer", {"input": "n"}, {"output": "m"}, {"labels": ["x"]}))
    with pytest.raises(MissingColumn, match="Field n does not exist"):
        made.row({"word": "a"})
    # Only what an output needs has to be there, and Spark's StringIndexer does without its column.
    assert made.plan(["n"], ["m"]).row([0.0]) == ["x"]
    assert made.row({"n": 0.0}) == {"n": 0.0, "m": "x"}
    with pytest.raises(MissingColumn, match="Field other"):
        made.plan(["n"], ["other"])


def test_a_column_made_twice_is_the_last_one() -> None:
    one = Node("one", "binarizer", {"input": "x"}, {"output": "y"}, {"threshold": 0.5})
    two = Node("two", "binarizer", {"input": "y"}, {"output": "x"}, {"threshold": 0.5})
    assert model(one, two).row({"x": 3.0}) == {"x": 1.0, "y": 1.0}


def test_invalid_labels() -> None:
    wrong = model(indexer()).plan(["word"], ["place"])
    assert wrong.row(["a"]) == [1.0]
    with pytest.raises(BadRow, match=r"Unseen label: c\. To handle unseen labels, set Param handleInvalid to keep\."):
        wrong.row(["c"])
    with pytest.raises(BadRow, match="encountered NULL value"):
        wrong.row([None])
    keep = model(indexer(handle_invalid="keep")).plan(["word"], ["place"])
    assert [keep.row([word]) for word in ("c", None, "b")] == [[2.0], [2.0], [0.0]]
    skip = model(indexer(handle_invalid="skip")).plan(["word"], ["place"])
    assert [skip.row([word]) for word in ("c", None, "b")] == [None, None, [0.0]]
    assert skip.columns([["c", "b", None, "a"]]) == ([1, 3], [[0.0, 1.0]])


def test_numbers_are_indexed_by_their_text() -> None:
    node = Node("index", "string_indexer", {"input": "x"}, {"output": "y"}, {"labels": ["1.0", "1.0E-5", "2", "true"]})
    plan = model(node).plan(["x"], ["y"])
    assert [plan.row([value]) for value in (1.0, 0.00001, 2, True)] == [[0.0], [1.0], [2.0], [3.0]]


def test_one_hot() -> None:
    def encoder(**told: Any) -> Any:
        told = {"category_sizes": [3], **told}
        return model(Node("hot", "one_hot_encoder", {"input": "x"}, {"output": "y"}, told)).plan(["x"], ["y"])

    last = encoder(drop_last=True, handle_invalid="error")
    assert [last.row([x]) for x in (1.0, 2.0)] == [[sparse(2, [1], [1.0])], [sparse(2, [], [])]]
    assert last.row([None]) == [None]
    with pytest.raises(BadRow, match=r"Unseen value: 3\.0\. To handle unseen values, set Param handleInvalid to keep"):
        last.row([3.0])
    with pytest.raises(BadRow, match=r"Negative value: -1\.0\. Input can't be negative"):
        last.row([-1.0])
    keep = encoder(drop_last=False, handle_invalid="keep")
    assert [keep.row([x]) for x in (9.0, -1.0)] == [[sparse(4, [3], [1.0])]] * 2
    assert encoder(drop_last=True, handle_invalid="keep").row([9.0]) == [sparse(3, [], [])]


def test_assembled() -> None:
    shapes = [DataShape("scalar", True), DataShape("tensor", True, (2,))]

    def assembler(**told: Any) -> Any:
        told = {"input_shapes": shapes, **told}
        node = Node("all", "vector_assembler", {"input0": "x", "input1": "v"}, {"output": "y"}, told)
        return model(node).plan(["x", "v"], ["y"])

    plan = assembler()
    assert plan.row([1, dense([0.0, -0.0])]) == [dense([1.0, 0.0, 0.0])]
    with pytest.raises(BadRow, match="Encountered null while assembling a row"):
        plan.row([1.0, None])
    with pytest.raises(BadRow, match="Encountered NaN while assembling a row"):
        plan.row([math.nan, dense([1.0, 2.0])])
    assert assembler(handle_invalid="skip").row([None, dense([1.0, 2.0])]) is None
    (kept,) = assembler(handle_invalid="keep").row([1.0, None])
    assert str(kept.tolist()) == "[1.0, nan, nan]"


def test_a_value_of_another_type_names_the_node() -> None:
    sliced = Node("cut", "vector_slicer", {"input": "v"}, {"output": "w"}, {"indices": [0]})
    scaled = Node("twice", "elementwise_product", {"input": "w"}, {"output": "x"}, {"scaling_vec": Tensor((1,), [2.0])})
    plan = model(sliced, scaled).plan(["v"], ["x"])
    assert plan.row([dense([4.0, 5.0])]) == [dense([8.0])]
    for wrong in (3.0, "word", None, [1.0]):
        with pytest.raises(BadRow, match=r"Node cut \(vector_slicer\) takes no such values"):
            plan.row([wrong])
    with pytest.raises(BadRow, match="reads number 0 of a vector of 0"):
        plan.row([dense([])])
    texts = model(Node("cut", "ngram", {"input": "t"}, {"output": "n"}, {"n": 2})).plan(["t"], ["n"])
    with pytest.raises(BadRow, match=r"Node cut \(ngram\)"):
        texts.columns([[["a", "b"], None]])


def test_ports_are_in_the_order_of_their_numbers() -> None:
    ports = {f"input{place}": f"x{place}" for place in (10, 2, 0, 1, 9, 3, 8, 4, 7, 5, 6)}
    node = Node("all", "vector_assembler", ports, {"output": "y"}, {"input_shapes": []})
    assert model(node).inputs == [f"x{place}" for place in range(11)]


def test_buckets() -> None:
    def bucketizer(**told: Any) -> Any:
        told = {"splits": [math.nan, 0.0, 1.0], **told}  # MLeap's -Infinity in JSON
        return model(Node("n", "bucketizer", {"input": "x"}, {"output": "y"}, told)).plan(["x"], ["y"])

    plan = bucketizer()
    assert [plan.row([x]) for x in (-9.0, -0.0, 0.0, 1.0, None)] == [[0.0], [0.0], [1.0], [1.0], [None]]
    with pytest.raises(BadRow, match=re.escape("Feature value 1.5 out of Bucketizer bounds [-Infinity, 1.0].")):
        plan.row([1.5])
    with pytest.raises(BadRow, match="Bucketizer encountered NaN value"):
        plan.row([math.nan])
    assert bucketizer(handle_invalid="keep").row([math.nan]) == [2.0]
    assert bucketizer(handle_invalid="skip").row([None]) is None


def test_missing_numbers_are_imputed() -> None:
    told = {"surrogate_value": 7.5, "missing_value": -1.0, "strategy": "mean"}
    plan = model(Node("n", "imputer", {"input": "x"}, {"output": "y"}, told)).plan(["x"], ["y"])
    assert [plan.row([x]) for x in (None, -1.0, 2.0)] == [[7.5], [7.5], [2.0]]
    assert str(plan.row([math.nan])) == "[nan]"  # which is not what is missing here
    told["missing_value"] = math.nan
    plan = model(Node("n", "imputer", {"input": "x"}, {"output": "y"}, told)).plan(["x"], ["y"])
    assert plan.row([math.nan]) == [7.5]


def test_a_tree_of_categories() -> None:
    split = {"type": "categorical", "featureIndex": 1, "isLeft": False, "numCategories": 3, "categories": [1.0]}
    tree = (
        {"type": "internal", "split": {"type": "continuous", "featureIndex": 0, "threshold": 0.5}},
        {"type": "internal", "split": split},
        {"type": "leaf", "values": [1.0]},
        {"type": "leaf", "values": [2.0]},
        {"type": "leaf", "values": [3.0]},
    )
    node = Node("n", "decision_tree_regression", {"features": "x"}, {"prediction": "y"}, {"num_features": 2}, tree=tree)
    plan = model(node).plan(["x"], ["y"])
    rows = [dense([0.5, 0.0]), dense([0.0, 1.0]), dense([0.6, 1.0]), sparse(2, [1], [1.0]), dense([math.nan, 0.0])]
    assert [plan.row([row]) for row in rows] == [[1.0], [2.0], [3.0], [2.0], [3.0]]
    with pytest.raises(BadRow, match="The model has 2 features, the row 1"):
        plan.row([dense([1.0])])
    node.tree = tree[:-1]
    with pytest.raises(WrongModel, match="ends too early"):
        model(node)


def test_how_features_are_kept_decides_the_sum() -> None:
    x, y = [3.9, 6.5, 1.9, 4.9, 5.3], [2.8, 8.7, 1.6, 5.0, 7.1]
    told = {"coefficients": Tensor((5,), y), "intercept": None}
    plan = model(Node("n", "linear_regression", {"features": "x"}, {"prediction": "y"}, told)).plan(["x"], ["y"])
    fused, one_by_one = plan.row([dense(x)]), plan.row([Vector(5, range(5), x)])
    assert fused == [132.64000000000001]  # as Java11BLAS's Math.fma
    assert one_by_one == [132.64]


@pytest.mark.parametrize(
    ("function", "x", "java"),  # what OpenJDK 17 gives on x86-64, where libm gives another last bit
    [
        (java_math.exp, "0x1.e39a34bd3eb9ap+2", "0x1.de2ebd9711601p+10"),
        (java_math.exp, "0x1.4fb629802b884p-1", "0x1.ed2ccd9f8ba5ap+0"),
        (java_math.exp, "0x1.4749e07eb9710p+3", "0x1.b032d4655ff98p+14"),
        (java_math.log, "0x1.d2120b5577ee0p-1", "-0x1.80f94b7784e7fp-4"),
        (java_math.log, "0x1.e9c62a9f47c9ap+0", "0x1.4c2b294fa897dp-1"),
        (java_math.log1p, "0x1.5bbe410af1204p-3", "0x1.412ff8ccd980cp-3"),
        (java_math.log1p, "0x1.a83117d4ea5e0p-2", "0x1.62eae6548bb6dp-2"),
        (java_math.erf, "-0x1.8a1fa2bc2cdc2p+0", "-0x1.f0ea5358e86b5p-1"),  # of Commons Math
        (java_math.erf, "0x1.2e40336b11789p-5", "0x1.54e6174611635p-5"),
    ],
)
def test_javas_functions(function: Any, x: str, java: str) -> None:
    assert float(function(float.fromhex(x))).hex() == java


def test_functions_at_their_ends() -> None:
    assert [java_math.exp(x) for x in (0.0, -math.inf, math.inf, 1e-300, 1000.0)] == [1.0, 0.0, math.inf, 1.0, math.inf]
    assert [java_math.log(x) for x in (0.0, 1.0, math.inf)] == [-math.inf, 0.0, math.inf]
    assert [java_math.log1p(x) for x in (-1.0, 0.0, math.inf)] == [-math.inf, 0.0, math.inf]
    assert all(math.isnan(function(math.nan)) for function in (java_math.exp, java_math.log, java_math.log1p))
    assert math.isnan(java_math.log(-1.0))
    assert [java_math.erf(x) for x in (-math.inf, -41.0, 0.0, 1e-200, 41.0)] == [-1.0, -1.0, 0.0, 0.0, 1.0]
    assert math.isnan(java_math.erf(math.nan))
    assert java_math.fma(0.1, 10.0, -1.0) == 5.551115123125783e-17


def test_hashes() -> None:
    fox = b"The quick brown fox jumps over the lazy dog"
    assert [hashed(data, 0) & 0xFFFFFFFF for data in (b"", b"test", b"hello", fox)] == [
        0,
        0xBA6BD213,
        0x248BFA47,
        0x2E4FF723,
    ]
    assert hashed(b"a", 42, 1) == 1485273170  # Spark's SELECT hash('a')
    assert hashed(b"abcd", 42, 1) == hashed(b"abcd", 42, 2)
    assert hashed(b"abc", 42, 1) != hashed(b"abc", 42, 2)


@pytest.mark.parametrize(
    ("text", "at_spaces", "at_commas"),
    [("", [""], [""]), (" a,b , c ", ["", "a,b", ",", "c"], [" a", "b ", " c "]), (",,", [",,"], [])],
)
def test_texts_are_split_as_java_splits(text: str, at_spaces: list[str], at_commas: list[str]) -> None:
    assert split(re.compile(r"\s"), text) == at_spaces
    assert split(re.compile(","), text) == at_commas
