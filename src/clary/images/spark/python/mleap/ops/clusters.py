"""Clusters: k-means, bisecting k-means, Gaussian mixtures, and topics (LDA)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.ml.linalg import DenseVector
from pyspark.sql import SparkSession

from mleap.bundles import Long, Node, Tensor
from mleap.columns import Columns
from mleap.java import ML, MLLIB, Stage, doubles, field, java, jvm, new, objects, plain
from mleap.op import FEATURES, PREDICTION, Op, by_columns, floats_of, matrix, vector

_CLUSTERS = ML + "clustering."


def _distance(stage: Stage) -> dict[str, Any]:
    """Not MLeap's, which knows only the Euclidean."""
    measure = str(stage.param("distanceMeasure"))
    return {} if measure == "euclidean" else {"distance_measure": measure}


def _old(values: Any) -> Any:
    """A vector of the older library, on which Spark's clusters are built."""
    return jvm().org.apache.spark.mllib.linalg.Vectors.fromML(java(DenseVector(values)))


def _k_means(stage: Stage, _columns: Columns) -> dict[str, Any]:
    centers = [vector(plain(one)) for one in stage.java.clusterCenters()]
    return {"cluster_centers": centers, "num_features": Long(len(centers[0].values)), **_distance(stage)}


def _load_k_means(node: Node) -> Any:
    centers = [_old(floats_of(one)) for one in node.value("cluster_centers", list)]
    array = objects(jvm().org.apache.spark.mllib.linalg.Vector, centers)
    measure = node.value("distance_measure", str, "euclidean")
    inner = new(MLLIB + "clustering.KMeansModel", array, measure, 0.0, -1)
    stage = Stage(new(_CLUSTERS + "KMeansModel", node.name, inner))
    stage.set("k", len(centers))
    stage.set("distanceMeasure", measure)
    return stage.java


def _bisecting(stage: Stage, _columns: Columns) -> dict[str, Any]:
    return _distance(stage)


def _tell_bisecting(stage: Stage, _columns: Columns, node: Node) -> None:
    node.tree = tuple(_clusters(field(stage.java, "parentModel").root()))


def _clusters(found: Any) -> Iterator[dict[str, Any]]:
    center = found.centerWithNorm()
    children = list(found.children())
    values = [float(one) for one in plain(center.vector().asML()).toArray()]
    yield {
        "index": int(found.index()),
        "norm": float(center.norm()),
        "values": values,
        "numChildren": len(children),
    }
    for child in children:
        yield from _clusters(child)


def _load_bisecting(node: Node) -> Any:
    measure = node.value("distance_measure", str, "euclidean")
    told = iter(node.tree)
    root = _cluster(told, node)
    if next(told, None) is not None:
        raise ValueError(f"The tree of node {node.name} has nodes that belong to none")
    inner = new(MLLIB + "clustering.BisectingKMeansModel", root, measure, 0.0)
    stage = Stage(new(_CLUSTERS + "BisectingKMeansModel", node.name, inner))
    stage.set("distanceMeasure", measure)
    return stage.java


def _cluster(told: Iterator[dict[str, Any]], node: Node) -> Any:
    one = next(told, None)
    if one is None:
        raise ValueError(f"The tree of node {node.name} ends too early")
    children = [_cluster(told, node) for _ in range(one["numChildren"])]
    center = new(MLLIB + "clustering.VectorWithNorm", _old(one["values"]), float(one["norm"]), 1.0)
    kind = jvm().org.apache.spark.mllib.clustering.ClusteringTreeNode
    return kind(int(one["index"]), 0, center, 0.0, 0.0, objects(kind, children))


def _mixture(stage: Stage, _columns: Columns) -> dict[str, Any]:
    found = list(stage.java.gaussians())
    return {
        "means": [vector(plain(one.mean())) for one in found],
        "covs": [matrix(plain(one.cov())) for one in found],
        "weights": [float(one) for one in plain(stage.java.weights())],
    }


def _load_mixture(node: Node) -> Any:
    kind = jvm().org.apache.spark.ml.stat.distribution.MultivariateGaussian
    both = zip(node.value("means", list), node.value("covs", list), strict=True)
    found = [kind(java(DenseVector(floats_of(mean))), java(by_columns(covariance))) for mean, covariance in both]
    weights = doubles(node.value("weights", list))
    stage = Stage(new(_CLUSTERS + "GaussianMixtureModel", node.name, weights, objects(kind, found)))
    stage.set("k", len(found))
    return stage.java


def _topics(stage: Stage, _columns: Columns) -> dict[str, Any]:
    """Of topics that are still distributed over the cluster, the local form: MLeap knows no other."""
    return {
        "vocabSize": int(stage.java.vocabSize()),
        "docConcentration": [float(one) for one in stage.java.getEffectiveDocConcentration()],
        "topicConcentration": float(stage.java.getEffectiveTopicConcentration()),
        "topicMatrix": matrix(plain(stage.java.topicsMatrix())),
    }


def _load_topics(node: Node) -> Any:
    topics = jvm().org.apache.spark.mllib.linalg.Matrices.fromML(java(by_columns(node.value("topicMatrix", Tensor))))
    weights = _old(node.value("docConcentration", list))
    inner = new(
        MLLIB + "clustering.LocalLDAModel", topics, weights, node.value("topicConcentration", float), _GAMMA_SHAPE
    )
    session = SparkSession.builder.getOrCreate()._jsparkSession  # noqa: SLF001 - pyspark's own entry
    stage = Stage(new(_CLUSTERS + "LocalLDAModel", node.name, node.value("vocabSize", int), inner, session))
    stage.set("k", int(node.value("topicMatrix", Tensor).shape[1]))
    return stage.java


_GAMMA_SHAPE = 100.0  # Spark's own
_TOPICS = {"prediction": "topicDistributionCol"}
_MIXED = {**PREDICTION, "probability": "probabilityCol"}
OPS = (
    Op("k_means", "clustering.KMeansModel", FEATURES, PREDICTION, _k_means, _load_k_means),
    Op(
        "bisecting_k_means",
        "clustering.BisectingKMeansModel",
        FEATURES,
        PREDICTION,
        _bisecting,
        _load_bisecting,
        _tell_bisecting,
    ),
    Op("gaussian_mixture", "clustering.GaussianMixtureModel", FEATURES, _MIXED, _mixture, _load_mixture),
    Op("lda_local_model_op", "clustering.LocalLDAModel", FEATURES, _TOPICS, _topics, _load_topics),
)
