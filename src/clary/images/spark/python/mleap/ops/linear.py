"""Models that are coefficients: regressions, classifiers, perceptrons, naive Bayes."""

from __future__ import annotations

from typing import Any

from pyspark.ml.linalg import DenseVector

from mleap.bundles import Long, Node, Tensor
from mleap.columns import Columns
from mleap.java import ML, MLLIB, Stage, doubles, java, new, plain
from mleap.op import CLASSES, FEATURES, PREDICTION, Op, by_rows, floats_of, matrix, vector

_CLASSIFIER = ML + "classification."
_REGRESSOR = ML + "regression."


def _weights(stage: Stage) -> dict[str, Any]:
    return {"coefficients": vector(plain(stage.java.coefficients())), "intercept": float(stage.java.intercept())}


def _given(node: Node) -> tuple[Any, float]:
    return java(DenseVector(floats_of(node.value("coefficients", Tensor)))), node.value("intercept", float)


def thresholds(stage: Stage) -> dict[str, Any]:
    return {"thresholds": [float(one) for one in stage.param("thresholds")]} if stage.is_set("thresholds") else {}


def set_thresholds(stage: Stage, node: Node) -> Any:
    if "thresholds" in node.attributes:
        stage.set("thresholds", node.value("thresholds", list))
    return stage.java


def _linear(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """`scale` is not MLeap's: Spark's regression by the Huber loss has one, 1 without it."""
    scale = float(stage.java.scale())
    return {**_weights(stage), **({} if scale == 1 else {"scale": scale})}


def _load_linear(node: Node) -> Any:
    return new(_REGRESSOR + "LinearRegressionModel", node.name, *_given(node), node.value("scale", float, 1.0))


def _logistic(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """Two classes fitted as if they were many have two rows: MLeap cannot say that; here they are kept as many are."""
    count = int(stage.java.numClasses())
    found = plain(stage.java.coefficientMatrix())
    if found.numRows == 1:
        return {"num_classes": Long(count), **_weights(stage), "threshold": float(stage.java.getThreshold())}
    return {
        "num_classes": Long(count),
        "coefficient_matrix": matrix(found),
        "intercept_vector": vector(plain(stage.java.interceptVector())),
        **thresholds(stage),
        **({"threshold": float(stage.param("threshold"))} if stage.is_set("threshold") else {}),
    }


def _load_logistic(node: Node) -> Any:
    count = node.value("num_classes", int)
    several = "coefficient_matrix" in node.attributes
    if several:
        weights = by_rows(node.value("coefficient_matrix", Tensor))
        intercepts = DenseVector(floats_of(node.value("intercept_vector", Tensor)))
    else:
        coefficients = node.value("coefficients", Tensor)
        weights = by_rows(Tensor((1, len(coefficients.values)), coefficients.values))
        intercepts = DenseVector([node.value("intercept", float)])
    kind = _CLASSIFIER + "LogisticRegressionModel"
    stage = Stage(new(kind, node.name, java(weights), java(intercepts), count, several))
    if not several or "threshold" in node.attributes:
        stage.set("threshold", node.value("threshold", float, 0.5))
    return set_thresholds(stage, node)


def _svc(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {"num_classes": Long(2), **_weights(stage), "threshold": float(stage.param("threshold"))}


def _load_svc(node: Node) -> Any:
    stage = Stage(new(_CLASSIFIER + "LinearSVCModel", node.name, *_given(node)))
    stage.set("threshold", node.value("threshold", float))
    return stage.java


def _glm(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """The powers of the Tweedie family are not MLeap's, which knows only the others."""
    found = {**_weights(stage), "family": stage.param("family")}
    if stage.has("link"):
        found["link"] = stage.param("link")
    if str(found["family"]).lower() == "tweedie":
        for name, param in _POWERS.items():
            if stage.has(param):
                found[name] = float(stage.param(param))
    return found


_POWERS = {"variance_power": "variancePower", "link_power": "linkPower"}


def _load_glm(node: Node) -> Any:
    stage = Stage(new(_REGRESSOR + "GeneralizedLinearRegressionModel", node.name, *_given(node)))
    stage.set("family", node.value("family", str))
    if "link" in node.attributes:
        stage.set("link", node.value("link", str))
    for name, param in _POWERS.items():
        if name in node.attributes:
            stage.set(param, node.value(name, float))
    return stage.java


def _survival(stage: Stage, _columns: Columns) -> dict[str, Any]:
    quantiles = [float(one) for one in stage.param("quantileProbabilities")]
    return {**_weights(stage), "quantile_probabilities": quantiles, "scale": float(stage.java.scale())}


def _load_survival(node: Node) -> Any:
    kind = _REGRESSOR + "AFTSurvivalRegressionModel"
    stage = Stage(new(kind, node.name, *_given(node), node.value("scale", float)))
    stage.set("quantileProbabilities", node.value("quantile_probabilities", list))
    return stage.java


def _isotonic(stage: Stage, columns: Columns) -> dict[str, Any]:
    found = {
        "boundaries": [float(one) for one in plain(stage.java.boundaries())],
        "predictions": [float(one) for one in plain(stage.java.predictions())],
        "isotonic": stage.param("isotonic"),
    }
    if columns.kind(stage.param("featuresCol")) == "vector":
        found["feature_index"] = Long(stage.param("featureIndex"))
    return found


def _load_isotonic(node: Node) -> Any:
    rising = node.value("isotonic", bool)
    values = (doubles(node.value(name, list)) for name in ("boundaries", "predictions"))
    inner = new(MLLIB + "regression.IsotonicRegressionModel", *values, rising)
    stage = Stage(new(_REGRESSOR + "IsotonicRegressionModel", node.name, inner))
    stage.set("isotonic", rising)
    stage.set("featureIndex", node.value("feature_index", int, 0))
    return stage.java


def _perceptron(stage: Stage, _columns: Columns) -> dict[str, Any]:
    layers = [Long(one) for one in stage.param("layers")]
    return {"layers": layers, "weights": vector(plain(stage.java.weights())), **thresholds(stage)}


def _load_perceptron(node: Node) -> Any:
    weights = java(DenseVector(floats_of(node.value("weights", Tensor))))
    stage = Stage(new(_CLASSIFIER + "MultilayerPerceptronClassificationModel", node.name, weights))
    stage.set("layers", [int(one) for one in node.value("layers", list)])
    return set_thresholds(stage, node)


def _bayes(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return {
        "num_features": Long(stage.java.numFeatures()),
        "num_classes": Long(stage.java.numClasses()),
        "pi": vector(plain(stage.java.pi())),
        "theta": matrix(plain(stage.java.theta())),
        "model_type": stage.param("modelType"),
        **thresholds(stage),
        "sigma": matrix(plain(stage.java.sigma())),
    }


def _load_bayes(node: Node) -> Any:
    pi = DenseVector(floats_of(node.value("pi", Tensor)))
    theta, sigma = by_rows(node.value("theta", Tensor)), by_rows(node.value("sigma", Tensor, Tensor((0, 0), [])))
    stage = Stage(new(_CLASSIFIER + "NaiveBayesModel", node.name, java(pi), java(theta), java(sigma)))
    stage.set("modelType", node.value("model_type", str))
    return set_thresholds(stage, node)


_PERCEPTRON = ("multi_layer_perceptron_classifier", "classification.MultilayerPerceptronClassificationModel")
_GLM = ("generalized_linear_regression", "regression.GeneralizedLinearRegressionModel")
_LINKED = {"link_prediction": "linkPredictionCol", **PREDICTION}
_QUANTILES = {**PREDICTION, "quantiles": "quantilesCol"}
_RAW = {"raw_prediction": "rawPredictionCol", **PREDICTION}
OPS = (
    Op("linear_regression", "regression.LinearRegressionModel", FEATURES, PREDICTION, _linear, _load_linear),
    Op("logistic_regression", "classification.LogisticRegressionModel", FEATURES, CLASSES, _logistic, _load_logistic),
    Op("linear_svc", "classification.LinearSVCModel", FEATURES, _RAW, _svc, _load_svc),
    Op(*_GLM, FEATURES, _LINKED, _glm, _load_glm),
    Op(
        "aft_survival_regression",
        "regression.AFTSurvivalRegressionModel",
        FEATURES,
        _QUANTILES,
        _survival,
        _load_survival,
    ),
    Op("isotonic_regression", "regression.IsotonicRegressionModel", FEATURES, PREDICTION, _isotonic, _load_isotonic),
    Op(*_PERCEPTRON, FEATURES, CLASSES, _perceptron, _load_perceptron),
    Op("naive_bayes", "classification.NaiveBayesModel", FEATURES, CLASSES, _bayes, _load_bayes),
)
