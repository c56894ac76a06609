"""What classifiers share: raw predictions, probabilities, a class.

As Spark's ProbabilisticClassificationModel and ml.impl.Utils:
https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/classification
"""

from __future__ import annotations

import math
from typing import Any, Sequence

from . import batch, batch_math
from .batch import np
from .failures import BadRow, WrongModel
from .java_math import exp
from .stage import Stage
from .vectors import Vector, dense


class Classifier(Stage):
    """A subclass has `raw`, and `probability` where the model has probabilities.

    It predicts by the raw prediction; by probabilities where there are thresholds, or no raw prediction is asked for.
    """

    ports: tuple[str, ...] = ("raw_prediction", "probability", "prediction")

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        unknown = [port for port in node.outputs if port not in self.ports]
        if unknown:
            raise WrongModel(f"an output {unknown[0]}")
        self.outputs = list(node.outputs.values())
        self._wanted = list(node.outputs)
        self.thresholds: list[float] | None = [float(t) for t in node.value("thresholds", list, [])] or None
        self._by_raw = self.thresholds is None and "raw_prediction" in self._wanted
        self._by_raw = self._by_raw or type(self).probability is Classifier.probability
        self._probable = "probability" in self._wanted or not self._by_raw
        self.row = self._row

    def raw(self, features: Vector) -> list[float]:
        raise NotImplementedError

    def probability(self, raw: list[float]) -> list[float]:
        """A new list."""
        raise NotImplementedError

    def raws(self, _features: batch.Table) -> Any:
        """`raw` of many rows, as an array of rows by classes; None where numpy does no better."""
        return None

    def probabilities(self, raw: Any) -> Any:
        return np.array([self.probability(row) for row in raw.tolist()], "f8")

    def predictions(self, values: Any) -> Any:
        """Of raw predictions or probabilities, whichever it predicts by."""
        if self.thresholds is None:
            return values.argmax(axis=1).astype("f8")
        return np.array([self.of_probability(row) for row in values.tolist()], "f8")

    def columns(self, columns: Sequence[Any]) -> Any:
        features = batch.table(columns[0])
        raw = self.raws(features) if features is not None and len(features) else None
        if raw is None or not np.isfinite(raw).all():
            return super().columns(columns)
        probability = self.probabilities(raw) if self._probable else raw
        made: list[Any] = []
        for port in self._wanted:
            if port == "prediction":
                made.append(self.predictions(raw if self._by_raw else probability))
            else:
                made.append(batch.dense(raw if port == "raw_prediction" else probability))
        return made

    def of_raw(self, raw: list[float]) -> float:
        return float(argmax(raw))

    def of_probability(self, probability: list[float]) -> float:
        if self.thresholds is None:
            return float(argmax(probability))
        best, most = 0, -math.inf
        for index, (value, threshold) in enumerate(zip(probability, self.thresholds)):
            scaled = value / threshold if threshold else (math.inf if value > 0 else math.nan)
            if scaled > most:
                best, most = index, scaled
        return float(best)

    def _row(self, features: Any) -> Any:
        if features is None:
            raise BadRow(f"{self.node.name}: the features of a row are null")
        raw = self.raw(features)
        probability = self.probability(raw) if self._probable else []
        made: list[Any] = []
        for port in self._wanted:
            if port == "raw_prediction":
                made.append(dense(raw))
            elif port == "probability":
                made.append(dense(probability))
            else:
                made.append(self.of_raw(raw) if self._by_raw else self.of_probability(probability))
        return made if self.many else made[0]


def argmax(values: Sequence[float]) -> int:
    """DenseVector.argmax: the first of the largest; -1 of none."""
    if not values:
        return -1
    best = 0
    for index, value in enumerate(values):
        if value > values[best]:
            best = index
    return best


def softmax(values: Sequence[float]) -> list[float]:
    """Utils.softmax: e^(x - largest), times the reciprocal of their sum."""
    largest = -1.7976931348623157e308
    for index, value in enumerate(values):
        if value == math.inf:
            made = [0.0] * len(values)
            made[index] = 1.0
            return made
        largest = max(largest, value)
    total = 0.0
    made = []
    for value in values:
        power = exp(value - largest)
        made.append(power)
        total += power
    scale = 1.0 / total
    return [power * scale for power in made]


def softmaxes(raw: Any) -> Any:
    """`softmax` of each row of finite numbers."""
    powers = batch_math.exp((raw - raw.max(axis=1)[:, None]).ravel()).reshape(raw.shape)
    return powers * (1.0 / totals(powers))[:, None]


def totals(values: Any) -> Any:
    """The sum of each row, added from the left."""
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total


def normalized(values: Sequence[float]) -> list[float]:
    """ProbabilisticClassificationModel.normalizeToProbabilitiesInPlace."""
    total = 0.0
    for value in values:
        total += value
    return [value / total for value in values] if total else list(values)


def normalizeds(values: Any) -> Any:
    """`normalized` of each row."""
    total = totals(values)[:, None]
    return np.where(total != 0.0, values / np.where(total != 0.0, total, 1.0), values)
