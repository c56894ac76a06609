"""Naive Bayes.

https://github.com/apache/spark/blob/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/classification/NaiveBayes.scala
"""

from __future__ import annotations

from typing import Any

from . import batch, batch_math
from .batch import np
from .classified import Classifier, softmax, softmaxes, totals
from .failures import BadRow, WrongModel
from .java_math import exp, log, log1p
from .java_text import double_text
from .matrices import Matrix
from .vectors import Vector, dense

_KINDS = ("multinomial", "complement", "bernoulli", "gaussian")


class NaiveBayes(Classifier):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._kind = node.value("model_type", str, "multinomial").lower()
        if self._kind not in _KINDS:
            raise WrongModel(f"model_type {self._kind}")
        self._pi = [float(value) for value in node.value("pi", object).values]
        self._theta = Matrix(node.value("theta", object))
        if self._kind == "gaussian":
            self._sigma = Matrix(node.value("sigma", object))
            self._logs = [_total(log(value) for value in row) for row in self._sigma.rows]
        if self._kind == "bernoulli":
            rows = [[log1p(-exp(value)) for value in row] for row in self._theta.rows]
            ones = dense([1.0] * self._theta.width)
            plus = self._theta.rows
            self._theta.rows = rows
            self._pi = self._theta.add_times(ones, self._pi)
            self._theta.rows = [[a - b for a, b in zip(first, second)] for first, second in zip(plus, rows)]

    def raw(self, features: Vector) -> list[float]:
        if self._kind == "gaussian":
            return self._gaussian(features)
        self._check(features)
        if self._kind != "complement":
            return self._theta.add_times(features, self._pi)
        values = self._theta.add_times(features, [0.0] * len(self._pi))
        largest = max(values)
        total = log(_total(exp(value - largest) for value in values)) + largest
        return [value - total for value in values]

    def raws(self, features: batch.Table) -> Any:
        values = features.values
        if self._kind == "gaussian":
            return self._gaussians(values)
        fine = ((values == 0.0) | (values == 1.0)) if self._kind == "bernoulli" else values >= 0.0
        if self._kind == "complement" or features.size != self._theta.width or not fine.all():
            return None
        rows = zip(self._theta.rows, self._pi)
        return np.stack([batch_math.times(features, row) + pi for row, pi in rows], axis=1)

    def _gaussians(self, values: Any) -> Any:
        raw = []
        for pi, means, variances, logs in zip(self._pi, self._theta.rows, self._sigma.rows, self._logs):
            if len(means) != values.shape[1]:
                return None
            difference = values - np.array(means)
            raw.append(pi - (totals(difference * difference / np.array(variances)) + logs) / 2.0)
        return np.stack(raw, axis=1)

    def _gaussian(self, features: Vector) -> list[float]:
        numbers = features.tolist()
        raw = []
        for pi, means, variances, logs in zip(self._pi, self._theta.rows, self._sigma.rows, self._logs):
            total = 0.0
            for value, mean, variance in zip(numbers, means, variances):
                difference = value - mean
                total += difference * difference / variance
            raw.append(pi - (total + logs) / 2.0)
        return raw

    def _check(self, features: Vector) -> None:
        if self._kind == "bernoulli":
            good, kind = all(value in (0.0, 1.0) for value in features.values), "0 or 1"
        else:
            good, kind = all(value >= 0.0 for value in features.values), "nonnegative"
        if not good:
            found = ",".join(map(double_text, features.values))
            raise BadRow(f"{self._kind} naive Bayes requires {kind} feature values but found [{found}].")

    def probability(self, raw: list[float]) -> list[float]:
        return softmax(raw)

    def probabilities(self, raw: Any) -> Any:
        return softmaxes(raw)


def _total(values: Any) -> float:
    total = 0.0
    for value in values:
        total += value
    return total
