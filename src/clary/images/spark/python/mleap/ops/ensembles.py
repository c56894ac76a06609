"""What is made of other models: one-vs-rest; and recommendation (ALS)."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from mleap.bundles import Long, Node, Tensor
from mleap.columns import Columns
from mleap.java import ML, Stage, jvm, new, objects
from mleap.op import FEATURES, PREDICTION, Op, UnknownTransformer

Known = tuple[Op, ...]


def _one_vs_rest(stage: Stage, _columns: Columns) -> dict[str, Any]:
    models = list(stage.java.models())
    return {"num_classes": Long(len(models)), "num_features": Long(models[0].numFeatures())}


def _tell_one_vs_rest(known: Known, stage: Stage, columns: Columns, node: Node) -> None:
    for number, model in enumerate(stage.java.models()):
        one = Stage(model)
        op = {op.kind: op for op in known}.get(one.kind[len(ML) :])
        if op is None:
            raise UnknownTransformer(f"MLeap doesn't know {one.kind} (stage {one.uid} in {stage.uid})")
        node.models[f"model{number}"] = op.model(one, columns, f"model{number}")


def _load_one_vs_rest(known: Known, node: Node) -> Any:
    """The classifier that Spark keeps beside the models, unfitted, is of their kind."""
    by_name = {op.name: op for op in known}
    classes = node.value("num_classes", int)
    inner = [node.models[f"model{number}"] for number in range(classes)]
    models = [by_name[one.op].transformer(one) for one in inner]
    for model in models:
        Stage(model).set("featuresCol", node.inputs.get("features", "features"))
    array = objects(jvm().org.apache.spark.ml.classification.ClassificationModel, models)
    attribute = jvm().org.apache.spark.ml.attribute.NominalAttribute.defaultAttr()
    metadata = attribute.withName(node.outputs.get("prediction", "prediction")).withNumValues(classes).toMetadata()
    stage = Stage(new(ML + "classification.OneVsRestModel", node.name, metadata, array))
    kind = by_name[inner[0].op].kind.replace("ClassificationModel", "Classifier").replace("Model", "")
    stage.set("classifier", new(ML + kind))
    return stage.java


def _als(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """`cold_start_strategy` is not MLeap's, which knows only Spark's "nan"."""
    found: dict[str, Any] = {"rank": int(stage.java.rank())}
    for one, many in (("user", "users"), ("item", "items")):
        rows = _factors(getattr(stage.java, f"{one}Factors")())
        found[many] = [identity for identity, _ in rows]
        found[f"{one}_factors"] = [Tensor((len(values),), values, "float") for _, values in rows]
    strategy = str(stage.param("coldStartStrategy"))
    return found if strategy == "nan" else {**found, "cold_start_strategy": strategy}


def _factors(frame: Any) -> list[tuple[int, list[float]]]:
    rows = DataFrame(frame, SparkSession.builder.getOrCreate()).select("id", "features").collect()
    return [(int(row[0]), [float(one) for one in row[1]]) for row in rows]


def _load_als(node: Node) -> Any:
    session = SparkSession.builder.getOrCreate()
    frames = []
    for one, many in (("user", "users"), ("item", "items")):
        factors = ([float(value) for value in tensor.values] for tensor in node.value(f"{one}_factors", list))
        rows = list(zip(node.value(many, list), factors, strict=True))
        frames.append(session.createDataFrame(rows, "id int, features array<float>")._jdf)  # noqa: SLF001 - its entry
    stage = Stage(new(ML + "recommendation.ALSModel", node.name, node.value("rank", int), *frames))
    stage.set("coldStartStrategy", node.value("cold_start_strategy", str, "nan"))
    return stage.java


_BOTH = {"user": "userCol", "item": "itemCol"}
_RAW = {"raw_prediction": "rawPredictionCol", **PREDICTION}


def ops(known: Known) -> Known:
    """`known`: what the models inside may be."""
    return (
        Op(
            "one_vs_rest",
            "classification.OneVsRestModel",
            FEATURES,
            _RAW,
            _one_vs_rest,
            partial(_load_one_vs_rest, known),
            partial(_tell_one_vs_rest, known),
        ),
        Op("als", "recommendation.ALSModel", _BOTH, PREDICTION, _als, _load_als),
    )
