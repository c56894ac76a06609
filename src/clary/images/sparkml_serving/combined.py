"""Models of models: one against the rest, networks, mixtures.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml (classification, ann, clustering)
"""

from __future__ import annotations

import math
from typing import Any

from .batch import np
from .bayes import NaiveBayes
from .classified import Classifier, argmax
from .failures import BadRow, UnknownTransformer, WrongModel
from .java_math import exp, log
from .linear import LinearSVC, LogisticRegression
from .matrices import Matrix
from .scaled import sized
from .stage import Stage
from .trees import DecisionTreeClassifier, GBTClassifier, RandomForestClassifier
from .vectors import Vector, dense


class MultilayerPerceptron(Classifier):
    """Layers of sigmoids, the last of softmax. Raw predictions are what softmax is made of."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        sizes = [int(size) for size in node.value("layers", list)]
        weights = [float(value) for value in node.value("weights", object).values]
        self._size = sizes[0]
        self._layers: list[tuple[Matrix, list[float]]] = []
        tensor = type(node.value("weights", object))
        start = 0
        for given, made in zip(sizes, sizes[1:]):
            end = start + given * made
            matrix = Matrix(tensor((made, given), weights[start:end]))
            self._layers.append((matrix, weights[end : end + made]))
            start = end + made
        if start != len(weights):
            raise WrongModel(f"{len(weights)} weights for layers of {sizes}")

    def raw(self, features: Vector) -> list[float]:
        values = list(sized(self.node, features, self._size).tolist())
        for place, (matrix, bias) in enumerate(self._layers):
            if place:
                values = [1.0 / (1.0 + exp(-value)) for value in values]
            values = matrix.add_times(dense(values), bias)
        return values

    def probability(self, raw: list[float]) -> list[float]:
        largest = max(raw)
        powers = [exp(value - largest) for value in raw]
        total = 0.0
        for power in powers:
            total += power
        return [power / total for power in powers]


_ONES: dict[str, type[Classifier]] = {
    "logistic_regression": LogisticRegression,
    "linear_svc": LinearSVC,
    "naive_bayes": NaiveBayes,
    "decision_tree_classifier": DecisionTreeClassifier,
    "random_forest_classifier": RandomForestClassifier,
    "gbt_classifier": GBTClassifier,
    "multi_layer_perceptron_classifier": MultilayerPerceptron,
}


class OneVsRest(Classifier):
    """Each class's own model says how much it is that class: the second of its raw predictions."""

    ports = ("raw_prediction", "prediction")

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._models: list[Classifier] = []
        for index in range(node.value("num_classes", int)):
            name = f"model{index}"
            if name not in node.models:
                raise WrongModel(f"{name} is not there")
            inner = node.models[name]
            if inner.op not in _ONES:
                raise UnknownTransformer(inner.op, f"{node.name}/{name}")
            self._models.append(_ONES[inner.op](inner))

    def raw(self, features: Vector) -> list[float]:
        return [model.raw(features)[1] for model in self._models]


class GaussianMixture(Stage):
    """Densities by the covariances' eigenvectors, which numpy's LAPACK finds: exact to some last bits."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._weights = [float(value) for value in node.value("weights", list)]
        self._parts = []
        for mean, tensor in zip(node.value("means", list), node.value("covs", list)):
            center = np.array([float(value) for value in mean.values], "f8")
            covariance = np.array([float(value) for value in tensor.values], "f8").reshape(tensor.shape).T
            values, vectors = np.linalg.eigh(covariance)
            least = 2.220446049250313e-16 * max(values) * len(values)
            kept = values > least
            if not kept.any():
                raise WrongModel("a covariance has no non-zero singular values")
            inverse = np.where(kept, np.sqrt(1.0 / np.where(kept, values, 1.0)), 0.0)
            constant = -0.5 * (len(values) * log(2.0 * math.pi) + sum(log(float(v)) for v in values[kept]))
            self._parts.append((center, inverse[:, None] * vectors.T, constant))
        self.outputs = list(node.outputs.values())
        self._wanted = list(node.outputs)
        self.row = self._row

    def _row(self, features: Any) -> Any:
        if not isinstance(features, Vector):
            raise BadRow(f"{self.node.name}: the features of a row are null")
        values = np.array(features.tolist(), "f8")
        found = []
        for weight, (center, root, constant) in zip(self._weights, self._parts):
            turned = root @ (values - center)
            found.append(2.220446049250313e-16 + weight * exp(constant - 0.5 * float(turned @ turned)))
        total = 0.0
        for one in found:
            total += one
        found = [one / total for one in found]
        made = [argmax(found) if port == "prediction" else dense(found) for port in self._wanted]
        return made if self.many else made[0]
