"""Decision trees, forests and gradient-boosted trees.

A tree goes over to Python and back as one text: json4s, which Spark brings, knows Spark's own class for keeping nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mleap.bundles import Long, Node
from mleap.columns import Columns
from mleap.java import ML, Stage, doubles, jvm, new, objects, single
from mleap.op import CLASSES, FEATURES, PREDICTION, Op

from .linear import set_thresholds, thresholds

_KEPT = ML + "tree.DecisionTreeModelReadWrite"
_CLASSIFIER = ML + "classification."
_REGRESSOR = ML + "regression."


def _tell_tree(stage: Stage, _columns: Columns, node: Node) -> None:
    classes = node.op == "decision_tree_classifier"
    nodes = single(_KEPT + "$NodeData").build(stage.java.rootNode(), 0).productElement(0)
    text = single("org.json4s.jackson.Serialization").write(nodes, single("org.json4s.DefaultFormats"))
    node.tree = tuple(_told(one, classes) for one in json.loads(text))


def _told(found: dict[str, Any], classes: bool) -> dict[str, Any]:
    """Spark keeps a node before its left and that before its right, as MLeap does."""
    if found["leftChild"] < 0:
        values = found["impurityStats"] if classes else [found["prediction"]]
        return {"type": "leaf", "values": [float(one) for one in values]}
    split = found["split"]
    feature, count, given = split["featureIndex"], split["numCategories"], split["leftCategoriesOrThreshold"]
    if count < 0:
        return {"type": "internal", "split": {"type": "continuous", "featureIndex": feature, "threshold": given[0]}}
    right = [float(one) for one in range(count) if one not in given]
    is_left = len(given) < len(right)
    told = {"featureIndex": feature, "isLeft": is_left, "numCategories": count}
    categories = [float(one) for one in given] if is_left else right
    return {"type": "internal", "split": {"type": "categorical", **told, "categories": categories}}


def _root(node: Node) -> Any:
    """Raises ValueError for a tree that ends too early, or too late."""
    kept: list[dict[str, Any]] = []
    told = iter(node.tree)
    classes = node.op == "decision_tree_classifier"
    _keep(kept, told, classes, node)
    if next(told, None) is not None:
        raise ValueError(f"The tree of node {node.name} has nodes that belong to none")
    manifests = single("scala.reflect.ManifestFactory")
    loader = jvm().java.lang.Thread.currentThread().getContextClassLoader()
    of_nodes = manifests.arrayType(
        manifests.classType(jvm().java.lang.Class.forName(_KEPT + "$NodeData", True, loader))
    )
    formats = single("org.json4s.DefaultFormats")
    made = single("org.json4s.jackson.Serialization").read(json.dumps(kept), formats, of_nodes)
    return single(_KEPT).buildTreeFromNodes(made, "gini" if classes else "variance")


def _keep(kept: list[dict[str, Any]], told: Iterator[dict[str, Any]], classes: bool, node: Node) -> None:
    """As Spark keeps them: each knows its children's numbers. A stack of its own: trees may be 30 deep."""
    waiting: list[tuple[dict[str, Any], str]] = []
    while True:
        one = next(told, None)
        if one is None:
            raise ValueError(f"The tree of node {node.name} ends too early")
        made = _kept(one, len(kept), classes)
        kept.append(made)
        if waiting:
            parent, side = waiting.pop()
            parent[side] = made["id"]
        if one["type"] == "internal":
            waiting += [(made, "rightChild"), (made, "leftChild")]
        if not waiting:
            return


def _kept(told: dict[str, Any], number: int, classes: bool) -> dict[str, Any]:
    none: dict[str, Any] = {"featureIndex": -1, "leftCategoriesOrThreshold": [], "numCategories": -1}
    made: dict[str, Any] = {"id": number, "prediction": 0.0, "impurity": 0.0, "gain": -1.0, "rawCount": -1}
    made.update(impurityStats=[0.0] * 3, leftChild=-1, rightChild=-1, split=none)
    if told["type"] == "leaf":
        values = [float(one) for one in told["values"]]
        made["prediction"] = float(values.index(max(values))) if classes else values[0]
        made["impurityStats"] = values if classes else [1.0, values[0], values[0] * values[0]]
        return made
    split = told["split"]
    made["split"] = {**none, "featureIndex": split["featureIndex"]}
    if split["type"] == "continuous":
        made["split"]["leftCategoriesOrThreshold"] = [split["threshold"]]
    else:
        categories, count = split["categories"], split["numCategories"]
        left = categories if split["isLeft"] else [float(one) for one in range(count) if one not in categories]
        made["split"].update(leftCategoriesOrThreshold=left, numCategories=count)
    return made


def _features(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"num_features": Long(stage.java.numFeatures())}


def _classes(stage: Stage, columns: Columns) -> dict[str, Any]:
    return {**_features(stage, columns), "num_classes": Long(stage.java.numClasses()), **thresholds(stage)}


def _tell_trees(stage: Stage, columns: Columns, node: Node) -> None:
    for number, tree in enumerate(stage.java.trees()):
        one = Stage(tree)
        op = _CLASSES if one.kind == ML + _CLASSES.kind else _NUMBERS
        node.models[f"tree{number}"] = op.model(one, columns, f"tree{number}")
    weights = [float(one) for one in stage.java.treeWeights()]
    node.attributes.update(tree_weights=weights, trees=list(node.models))


def _load_classes(node: Node) -> Any:
    features, classes = node.value("num_features", int), node.value("num_classes", int)
    kind = _CLASSIFIER + "DecisionTreeClassificationModel"
    return set_thresholds(Stage(new(kind, node.name, _root(node), features, classes)), node)


def _load_numbers(node: Node) -> Any:
    return new(_REGRESSOR + "DecisionTreeRegressionModel", node.name, _root(node), node.value("num_features", int))


def _trees(node: Node, op: Op) -> Any:
    """Raises ValueError for weights that Spark's forests cannot have."""
    if node.op.startswith("random_forest") and any(one != 1 for one in node.value("tree_weights", list)):
        raise ValueError(f"Node {node.name}: Spark's forests know only trees of weight 1")
    missing = [name for name in node.value("trees", list) if name not in node.models]
    if missing:
        raise ValueError(f"Node {node.name} has no {missing[0]}")
    kind = jvm().org.apache.spark.ml
    for part in op.kind.split("."):
        kind = getattr(kind, part)
    return objects(kind, [op.transformer(node.models[name]) for name in node.value("trees", list)])


def _load_forest_of_classes(node: Node) -> Any:
    trees = _trees(node, _CLASSES)
    numbers = (node.value("num_features", int), node.value("num_classes", int))
    stage = Stage(new(_CLASSIFIER + "RandomForestClassificationModel", node.name, trees, *numbers))
    stage.set("numTrees", len(trees))
    return set_thresholds(stage, node)


def _load_forest_of_numbers(node: Node) -> Any:
    trees = _trees(node, _NUMBERS)
    stage = Stage(new(_REGRESSOR + "RandomForestRegressionModel", node.name, trees, node.value("num_features", int)))
    stage.set("numTrees", len(trees))
    return stage.java


def _load_boosted_classes(node: Node) -> Any:
    weights = doubles(node.value("tree_weights", list))
    trees, features = _trees(node, _NUMBERS), node.value("num_features", int)
    return set_thresholds(Stage(new(_CLASSIFIER + "GBTClassificationModel", node.name, trees, weights, features)), node)


def _load_boosted_numbers(node: Node) -> Any:
    weights = doubles(node.value("tree_weights", list))
    return new(
        _REGRESSOR + "GBTRegressionModel", node.name, _trees(node, _NUMBERS), weights, node.value("num_features", int)
    )


_CLASSES = Op(
    "decision_tree_classifier",
    "classification.DecisionTreeClassificationModel",
    FEATURES,
    CLASSES,
    _classes,
    _load_classes,
    _tell_tree,
)
_NUMBERS = Op(
    "decision_tree_regression",
    "regression.DecisionTreeRegressionModel",
    FEATURES,
    PREDICTION,
    _features,
    _load_numbers,
    _tell_tree,
)
OPS = (
    _CLASSES,
    _NUMBERS,
    Op(
        "random_forest_classifier",
        "classification.RandomForestClassificationModel",
        FEATURES,
        CLASSES,
        _classes,
        _load_forest_of_classes,
        _tell_trees,
    ),
    Op(
        "random_forest_regression",
        "regression.RandomForestRegressionModel",
        FEATURES,
        PREDICTION,
        _features,
        _load_forest_of_numbers,
        _tell_trees,
    ),
    Op(
        "gbt_classifier",
        "classification.GBTClassificationModel",
        FEATURES,
        CLASSES,
        _classes,
        _load_boosted_classes,
        _tell_trees,
    ),
    Op(
        "gbt_regression",
        "regression.GBTRegressionModel",
        FEATURES,
        PREDICTION,
        _features,
        _load_boosted_numbers,
        _tell_trees,
    ),
)
