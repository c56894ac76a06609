"""Linear models: regression, logistic regression, support vectors, generalized regression, survival regression.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml (regression, classification)
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

from . import batch, batch_math
from .batch import np
from .classified import Classifier, softmax, softmaxes
from .failures import BadRow, WrongModel
from .java_math import dot, erf, exp, log, log1p
from .matrices import Matrix
from .scaled import numbers
from .stage import Stage
from .vectors import Vector, compressed, dense


class _Margin:
    """features · coefficients + intercept. MLeap writes all coefficients; Spark keeps few of many sparsely."""

    def __init__(self, node: Any, *, compress: bool) -> None:
        values = numbers(node, "coefficients")
        self.coefficients = dense(values)
        if compress:
            kept = [(index, value) for index, value in enumerate(values) if value != 0.0]
            self.coefficients = compressed(len(values), [index for index, _ in kept], [value for _, value in kept])
        self.intercept: float = node.value("intercept", float, 0.0)

    def __call__(self, features: Any) -> float:
        if not isinstance(features, Vector) or features.size != self.coefficients.size:
            given = features.size if isinstance(features, Vector) else features
            raise BadRow(f"The model has {self.coefficients.size} features, the row {given}")
        return dot(features, self.coefficients) + self.intercept

    def of(self, table: Any) -> Any:
        """Of many rows; None where they are no table of the right width."""
        if table is None or table.size != self.coefficients.size:
            return None
        return batch_math.dot(table, self.coefficients) + self.intercept

    def both(self, table: Any) -> Any:
        """The margin against and for the second class."""
        margins = self.of(table)
        return None if margins is None else np.stack([-margins, margins], axis=1)


_NORMAL = 4096  # features up to which LinearRegression solves the normal equation, and then keeps all coefficients


class LinearRegression(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._margin = _Margin(node, compress=len(numbers(node, "coefficients")) > _NORMAL)
        self.row = self._margin

    def columns(self, columns: Sequence[Any]) -> Any:
        margins = self._margin.of(batch.table(columns[0]))
        return super().columns(columns) if margins is None else [margins]


class LogisticRegression(Classifier):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._several = node.value("num_classes", int, 2) > 2 or "coefficient_matrix" in node.attributes
        if self._several:
            self._matrix = Matrix(node.value("coefficient_matrix", object), compress=True)
            self._intercepts = [float(value) for value in node.value("intercept_vector", object).values]
            return
        self._margin = _Margin(node, compress=True)
        threshold = node.value("threshold", float, 0.5)
        self.thresholds = None
        self._by_raw = "raw_prediction" in self._wanted
        self._probable = "probability" in self._wanted or not self._by_raw
        self._threshold = threshold
        ends = {0.0: -math.inf, 1.0: math.inf}
        self._raw_threshold = ends[threshold] if threshold in ends else log(threshold / (1.0 - threshold))

    def raw(self, features: Vector) -> list[float]:
        if self._several:
            return self._matrix.add_times(features, self._intercepts)
        margin = self._margin(features)
        return [-margin, margin]

    def probability(self, raw: list[float]) -> list[float]:
        if self._several:
            return softmax(raw)
        first = 1.0 / (1.0 + exp(-raw[0]))
        return [first, 1.0 - first]

    def raws(self, features: batch.Table) -> Any:
        if not self._several:
            return self._margin.both(features)
        if features.size != self._matrix.width or self._matrix.form != "dense":
            return None
        rows = zip(self._matrix.rows, self._intercepts)
        return np.stack([batch_math.times(features, row) + intercept for row, intercept in rows], axis=1)

    def probabilities(self, raw: Any) -> Any:
        if self._several:
            return softmaxes(raw)
        first = 1.0 / (1.0 + batch_math.exp(-raw[:, 0]))
        return np.stack([first, 1.0 - first], axis=1)

    def predictions(self, values: Any) -> Any:
        if self._several:
            return super().predictions(values)
        return (values[:, 1] > (self._raw_threshold if self._by_raw else self._threshold)).astype("f8")

    def of_raw(self, raw: list[float]) -> float:
        return super().of_raw(raw) if self._several else float(raw[1] > self._raw_threshold)

    def of_probability(self, probability: list[float]) -> float:
        return super().of_probability(probability) if self._several else float(probability[1] > self._threshold)


class LinearSVC(Classifier):
    ports = ("raw_prediction", "prediction")

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._margin = _Margin(node, compress=False)
        self._threshold = node.value("threshold", float, 0.0)

    def raw(self, features: Vector) -> list[float]:
        margin = self._margin(features)
        return [-margin, margin]

    def raws(self, features: batch.Table) -> Any:
        return self._margin.both(features)

    def predictions(self, values: Any) -> Any:
        return (values[:, 1] > self._threshold).astype("f8")

    def of_raw(self, raw: list[float]) -> float:
        return float(raw[1] > self._threshold)


_LARGEST, _LEAST = 1.7976931348623157e308, 1e-16  # GeneralizedLinearRegression.epsilon
_LINKS: dict[str, Callable[[float], float]] = {
    "identity": lambda eta: eta,
    "log": exp,
    "logit": lambda eta: 1.0 / (1.0 + exp(-eta)),
    "inverse": lambda eta: 1.0 / eta if eta else math.copysign(math.inf, eta),
    "cloglog": lambda eta: 1.0 - exp(-1.0 * exp(eta)),
    "sqrt": lambda eta: eta * eta,
    "probit": lambda eta: 0.5 * (1.0 + erf(eta / math.sqrt(2.0))),
}
_FAMILIES = {"gaussian": "identity", "binomial": "logit", "poisson": "log", "gamma": "inverse"}


class GeneralizedLinearRegression(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._family = node.value("family", str, "gaussian").lower()
        if self._family not in _FAMILIES:
            raise WrongModel(f"family {self._family}: MLeap's bundles don't have its powers")
        link = node.value("link", str, "").lower() or _FAMILIES[self._family]
        if link not in _LINKS:
            raise WrongModel(f"link {link}")
        self._unlink = _LINKS[link]
        self._margin = _Margin(node, compress=False)
        self.outputs = list(node.outputs.values())
        self._wanted = list(node.outputs)
        self.row = self._row

    def _row(self, features: Any) -> Any:
        eta = self._margin(features) + 0.0
        made = [eta if port == "link_prediction" else self._fitted(eta) for port in self._wanted]
        return made if self.many else made[0]

    def _fitted(self, eta: float) -> float:
        mean = self._unlink(eta)
        if self._family == "gaussian":
            return max(-_LARGEST, min(_LARGEST, mean)) if mean == mean else mean  # noqa: PLR0124 - NaN
        if mean < _LEAST:
            return _LEAST
        if self._family == "binomial":
            return min(mean, 1.0 - _LEAST) if mean == mean else mean  # noqa: PLR0124 - NaN
        return _LARGEST if mean == math.inf else mean


class AFTSurvivalRegression(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._margin = _Margin(node, compress=False)
        scale = node.value("scale", float)
        quantiles = [float(value) for value in node.value("quantile_probabilities", list, [])]
        self._factors = [exp(log(-log1p(-value)) * scale) for value in quantiles]
        self.outputs = list(node.outputs.values())
        self._wanted = list(node.outputs)
        self.row = self._row

    def _row(self, features: Any) -> Any:
        middle = exp(self._margin(features))
        quantiles = dense([middle * factor for factor in self._factors])
        made = [middle if port == "prediction" else quantiles for port in self._wanted]
        return made if self.many else made[0]
