"""Categories: StringIndexer, IndexToString, OneHotEncoder, VectorIndexer, Bucketizer, Binarizer. And Imputer."""

from __future__ import annotations

import math
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType

from mleap.bundles import DataShape, Long, Node
from mleap.columns import Columns, quoted
from mleap.java import ML, Stage, context, ints, java, jvm, new, plain, scala_map, texts
from mleap.op import INPUT, OUTPUT, Op, loads, one_column

_FEATURE = ML + "feature."


def _string_indexer(stage: Stage, _columns: Columns) -> dict[str, Any]:
    labels = [list(one) for one in plain(stage.java.labelsArray())]
    arrays = {f"labels_array_{number}": one for number, one in enumerate(labels)}
    return {"labels_length": len(labels), "handle_invalid": stage.param("handleInvalid"), **arrays}


def _load_string_indexer(node: Node) -> Any:
    """MLeap for Spark 2 has one list, `labels`."""
    if "labels_length" in node.attributes:
        numbers = range(node.value("labels_length", int))
        labels = [node.value(f"labels_array_{number}", list) for number in numbers]
    else:
        labels = [node.value("labels", list)]
    arrays = context()._gateway.new_array(jvm().java.lang.String, len(labels), 0)  # noqa: SLF001 - py4j's entry
    for number, one in enumerate(labels):
        arrays[number] = texts(one)
    stage = Stage(new(_FEATURE + "StringIndexerModel", node.name, arrays))
    stage.set("handleInvalid", node.value("handle_invalid", str, "error"))
    return stage.java


def _index_to_string(stage: Stage, columns: Columns) -> dict[str, Any]:
    given = list(stage.param("labels")) if stage.is_set("labels") else []
    labels = given or columns.labels(stage.param("inputCol"))
    return {"labels": labels, "input_shape": DataShape("scalar", nullable=False)}


def _one_hot_encoder(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {
        "category_sizes": [int(size) for size in plain(stage.java.categorySizes())],
        "drop_last": stage.param("dropLast"),
        "handle_invalid": stage.param("handleInvalid"),
    }


def _load_one_hot_encoder(node: Node) -> Any:
    """MLeap for Spark 2 has the one column's `size`."""
    sizes = [node.value("size", int)] if "size" in node.attributes else node.value("category_sizes", list)
    stage = Stage(new(_FEATURE + "OneHotEncoderModel", node.name, ints(sizes)))
    drop_last = node.value("drop_last", bool, default=True)
    stage.set("dropLast", drop_last)
    stage.set("handleInvalid", node.value("handle_invalid", str, "error"))
    return stage.java


def _vector_indexer(stage: Stage, _columns: Columns) -> dict[str, Any]:
    found = plain(stage.java.javaCategoryMaps())
    attributes: dict[str, Any] = {}
    for key, categories in sorted(found.items()):
        attributes[f"key_{key}_keys"] = [float(value) for value in categories]
        attributes[f"key_{key}_values"] = [Long(index) for index in categories.values()]
    attributes["keys"] = [Long(key) for key in sorted(found)]
    attributes["num_features"] = Long(stage.java.numFeatures())
    attributes["handle_invalid"] = stage.param("handleInvalid")
    return attributes


def _load_vector_indexer(node: Node) -> Any:
    maps = jvm().java.util.HashMap()
    for key in node.value("keys", list):
        values = (int(index) for index in node.value(f"key_{key}_values", list))
        categories = dict(zip(node.value(f"key_{key}_keys", list), values, strict=True))
        maps.put(int(key), scala_map(java(categories)))
    features = node.value("num_features", int)
    stage = Stage(new(_FEATURE + "VectorIndexerModel", node.name, features, scala_map(maps)))
    stage.set("handleInvalid", node.value("handle_invalid", str, "error"))
    return stage.java


def _bucketizer(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return _buckets(stage, stage.param("splits"))


def _buckets(stage: Stage, splits: Any) -> dict[str, Any]:
    return {"splits": [float(one) for one in splits], "handle_invalid": stage.param("handleInvalid")}


def _bucketizers(stage: Stage, columns: Columns) -> tuple[Node, ...]:
    if not stage.is_set("splitsArray"):
        return ()
    several = [plain(one) for one in stage.java.getSplitsArray()]
    each = zip(stage.columns("inputCols"), stage.columns("outputCols"), several, strict=True)
    return tuple(
        one_column("bucketizer", stage, columns, number, source, target, _buckets(stage, splits))
        for number, (source, target, splits) in enumerate(each)
    )


def _binarizer(stage: Stage, columns: Columns) -> dict[str, Any]:
    if stage.is_set("inputCols"):
        names = stage.columns("inputCols")
        same = [stage.param("threshold")] * len(names)
        thresholds = stage.param("thresholds") if stage.is_set("thresholds") else same
        shapes = [columns.shape(name) for name in names]
        return {"input_shapes_list": shapes, "thresholds": [float(one) for one in thresholds]}
    return {"input_shapes": columns.shape(stage.param("inputCol")), "threshold": stage.param("threshold")}


def _load_binarizer(node: Node) -> Any:
    stage = Stage(new(_FEATURE + "Binarizer", node.name))
    if "thresholds" in node.attributes:
        stage.set("thresholds", node.value("thresholds", list))
    else:
        stage.set("threshold", node.value("threshold", float))
    return stage.java


def _imputed(stage: Stage, columns: Columns, source: str) -> dict[str, Any]:
    found = stage.java.surrogateDF().selectExpr(texts([quoted(source)])).head()
    return {
        "nullable_input": columns.nullable(source),
        "surrogate_value": float(found.get(0)),
        "missing_value": float(stage.param("missingValue")),
        "strategy": stage.param("strategy"),
    }


def _imputer(stage: Stage, columns: Columns) -> dict[str, Any]:
    return _imputed(stage, columns, stage.param("inputCol"))


def _imputers(stage: Stage, columns: Columns) -> tuple[Node, ...]:
    if not stage.is_set("inputCols"):
        return ()
    each = zip(stage.columns("inputCols"), stage.columns("outputCols"), strict=True)
    return tuple(
        one_column("imputer", stage, columns, number, source, target, _imputed(stage, columns, source))
        for number, (source, target) in enumerate(each)
    )


def _load_imputer(node: Node) -> Any:
    """Spark keeps what it imputes in a frame, by the column's name."""
    schema = StructType([StructField(node.inputs["input"], DoubleType())])
    frame = SparkSession.builder.getOrCreate().createDataFrame([(node.value("surrogate_value", float),)], schema)
    stage = Stage(new(_FEATURE + "ImputerModel", node.name, frame._jdf))  # noqa: SLF001 - pyspark's own entry
    stage.set("missingValue", node.value("missing_value", float, math.nan))
    stage.set("strategy", node.value("strategy", str, "mean"))
    return stage.java


_load_index_to_string = loads("feature.IndexToString", labels=("labels", list))
_load_bucketizer = loads("feature.Bucketizer", splits=("splits", list), handleInvalid=("handle_invalid", str, "error"))
OPS = (
    Op("string_indexer", "feature.StringIndexerModel", INPUT, OUTPUT, _string_indexer, _load_string_indexer),
    Op("reverse_string_indexer", "feature.IndexToString", INPUT, OUTPUT, _index_to_string, _load_index_to_string),
    Op("one_hot_encoder", "feature.OneHotEncoderModel", INPUT, OUTPUT, _one_hot_encoder, _load_one_hot_encoder),
    Op("vector_indexer", "feature.VectorIndexerModel", INPUT, OUTPUT, _vector_indexer, _load_vector_indexer),
    Op("bucketizer", "feature.Bucketizer", INPUT, OUTPUT, _bucketizer, _load_bucketizer, several=_bucketizers),
    Op("binarizer", "feature.Binarizer", INPUT, OUTPUT, _binarizer, _load_binarizer),
    Op("imputer", "feature.ImputerModel", INPUT, OUTPUT, _imputer, _load_imputer, several=_imputers),
)
