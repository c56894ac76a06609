"""StandardScaler, MinMaxScaler, MaxAbsScaler, Normalizer."""

from __future__ import annotations

from typing import Any

from pyspark.ml.linalg import DenseVector, SparseVector

from mleap.bundles import Node, Tensor
from mleap.columns import Columns
from mleap.java import ML, Stage, java, new, plain
from mleap.op import INPUT, OUTPUT, Op, floats_of, loads, vector

_FEATURE = ML + "feature."


def _standard(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """What is not used is not kept."""
    found = {}
    if stage.param("withMean"):
        found["mean"] = vector(plain(stage.java.mean()))
    if stage.param("withStd"):
        found["std"] = vector(plain(stage.java.std()))
    return found


def _load_standard(node: Node) -> Any:
    mean, std = node.value("mean", Tensor, None), node.value("std", Tensor, None)
    size = len((std or mean).values) if std or mean else 0
    nothing = SparseVector(size, [], [])
    means = DenseVector(floats_of(mean)) if mean else nothing
    deviations = DenseVector(floats_of(std)) if std else nothing
    stage = Stage(new(_FEATURE + "StandardScalerModel", node.name, java(deviations), java(means)))
    stage.set("withStd", std is not None)
    stage.set("withMean", mean is not None)
    return stage.java


def _min_max(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {
        "min": vector(plain(stage.java.originalMin())),
        "max": vector(plain(stage.java.originalMax())),
        "minValue": stage.param("min"),
        "maxValue": stage.param("max"),
    }


def _load_min_max(node: Node) -> Any:
    low, high = (java(DenseVector(floats_of(node.value(name, Tensor)))) for name in ("min", "max"))
    stage = Stage(new(_FEATURE + "MinMaxScalerModel", node.name, low, high))
    stage.set("min", node.value("minValue", float, 0.0))
    stage.set("max", node.value("maxValue", float, 1.0))
    return stage.java


def _max_abs(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"maxAbs": vector(plain(stage.java.maxAbs()))}


def _load_max_abs(node: Node) -> Any:
    return new(_FEATURE + "MaxAbsScalerModel", node.name, java(DenseVector(floats_of(node.value("maxAbs", Tensor)))))


def _normalizer(stage: Stage, columns: Columns) -> dict[str, Any]:
    return {"p_norm": stage.param("p"), "input_size": columns.size(stage.param("inputCol"))}


_load_normalizer = loads("feature.Normalizer", p=("p_norm", float))
OPS = (
    Op("standard_scaler", "feature.StandardScalerModel", INPUT, OUTPUT, _standard, _load_standard),
    Op("min_max_scaler", "feature.MinMaxScalerModel", INPUT, OUTPUT, _min_max, _load_min_max),
    Op("max_abs_scaler", "feature.MaxAbsScalerModel", INPUT, OUTPUT, _max_abs, _load_max_abs),
    Op("normalizer", "feature.Normalizer", INPUT, OUTPUT, _normalizer, _load_normalizer),
)
