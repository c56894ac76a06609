"""Numbers of a vector, or alone, made other numbers: scalers, normalizer, imputer, binarizer, bucketizer, IDF.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark (ml/feature, mllib/feature)
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

from . import batch
from .batch import np
from .failures import BadRow, SkippedRow, WrongModel
from .java_math import power
from .java_text import double_text
from .stage import Stage
from .vectors import Vector, compressed, dense


def numbers(node: Any, name: str) -> list[float]:
    """An attribute that is a vector, as MLeap writes it."""
    given = node.value(name, object)
    return [float(value) for value in getattr(given, "values", given)]


def sized(node: Any, vector: Any, size: int) -> Vector:
    """Raises BadRow for what is no vector of that size."""
    if not isinstance(vector, Vector) or vector.size != size:
        given = vector.size if isinstance(vector, Vector) else vector
        raise BadRow(f"{node.name} takes vectors of {size} numbers, not of {given}")
    return vector


class _Each(Stage):
    """Each number times its own factor; a sparse vector stays one, with the zeros that this makes."""

    factors: list[float]

    def _times(self, value: Any) -> Any:
        vector = sized(self.node, value, len(self.factors))
        if vector.indices is None:
            return dense([one * factor for one, factor in zip(vector.values, self.factors)])
        scaled = [one * self.factors[index] for index, one in zip(vector.indices, vector.values)]
        return Vector(vector.size, vector.indices, scaled)

    def columns(self, columns: Sequence[Any]) -> Any:
        table = batch.table(columns[0])
        if not self.factors or self.row != self._times or table is None or table.size != len(self.factors):
            return super().columns(columns)
        made = table.values * np.array(self.factors)
        if table.sparse.any() and ((made == 0.0) & (table.values != 0.0) & table.sparse[:, None]).any():
            return super().columns(columns)  # zeros that a sparse vector keeps
        return [batch.Table(np.where(table.sparse[:, None], made + 0.0, made), table.sparse)]


class StandardScaler(_Each):
    """By reciprocals, as StandardScalerModel.getTransformFunc. MLeap writes what is used of mean and deviation."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.factors = []
        if "std" in node.attributes:
            self.factors = [1.0 / value if value else 0.0 for value in numbers(node, "std")]
        if "mean" in node.attributes:
            self._means = numbers(node, "mean")
            self.row = self._shifted
        else:
            self.row = self._times if self.factors else self._same

    def _same(self, value: Any) -> Any:
        return value

    def _shifted(self, value: Any) -> Any:
        values = sized(self.node, value, len(self._means)).tolist()
        shifted = [one - mean for one, mean in zip(values, self._means)]
        return dense([one * factor for one, factor in zip(shifted, self.factors)] if self.factors else shifted)

    def columns(self, columns: Sequence[Any]) -> Any:
        table = batch.table(columns[0])
        if self.row != self._shifted or table is None or table.size != len(self._means):
            return super().columns(columns)
        made = table.values - np.array(self._means)
        return [batch.dense(made * np.array(self.factors) if self.factors else made)]


class MaxAbsScaler(_Each):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.factors = [1.0 / value if value else 1.0 for value in numbers(node, "maxAbs")]
        self.row = self._times


class ElementwiseProduct(_Each):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.factors = numbers(node, "scaling_vec")
        self.row = self._times


class IDF(_Each):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.factors = numbers(node, "idf")
        self.row = self._times


class MinMaxScaler(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        lows, highs = numbers(node, "min"), numbers(node, "max")
        self._least: float = node.value("minValue", float, 0.0)
        most: float = node.value("maxValue", float, 1.0)
        self._constant = (self._least + most) / 2
        ranges = [high - low for low, high in zip(lows, highs)]
        self._scales = [(low, (most - self._least) / span if span else 0.0) for low, span in zip(lows, ranges)]
        self.row = self._row

    def _row(self, value: Any) -> Any:
        vector = sized(self.node, value, len(self._scales))
        made = [self._number(one, low, scale) for one, (low, scale) in zip(vector.tolist(), self._scales)]
        kept = [index for index, one in enumerate(made) if one]
        return compressed(vector.size, kept, [made[index] for index in kept]) if len(kept) < len(made) else dense(made)

    def columns(self, columns: Sequence[Any]) -> Any:
        table = batch.table(columns[0])
        if table is None or table.size != len(self._scales):
            return super().columns(columns)
        lows, scales = np.array([low for low, _ in self._scales]), np.array([scale for _, scale in self._scales])
        made = np.where(scales != 0.0, (table.values - lows) * scales + self._least, self._constant)
        made = np.where(np.isnan(table.values), table.values, made)
        made = batch.compressed(made)
        made.values[made.sparse] += 0.0
        return [made]

    def _number(self, value: float, low: float, scale: float) -> float:
        if value != value:  # noqa: PLR0124 - NaN
            return value
        return (value - low) * scale + self._least if scale else self._constant


class Normalizer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._p: float = node.value("p_norm", float, 2.0)
        if not self._p >= 1.0:
            raise WrongModel(f"p_norm {self._p}")
        self.row = self._row

    def _row(self, vector: Any) -> Any:
        norm = self._norm(vector.values)
        if not norm:
            return vector
        return Vector(vector.size, vector.indices, [value / norm for value in vector.values])

    def _norm(self, values: Sequence[float]) -> float:
        total = 0.0
        if self._p == math.inf:
            for value in values:
                total = max(total, abs(value))
            return total
        for value in values:
            total += self._power(value)
        if self._p == 1.0:
            return total
        return math.sqrt(total) if self._p == 2.0 else power(total, 1.0 / self._p)

    def _power(self, value: float) -> float:
        if self._p == 1.0:
            return abs(value)
        return value * value if self._p == 2.0 else power(abs(value), self._p)


class Imputer(Stage):
    """Null and the missing value are replaced. Spark's NaN is equal to NaN."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        surrogate: float = node.value("surrogate_value", float)
        missing: float = node.value("missing_value", float, math.nan)
        nan = missing != missing  # noqa: PLR0124 - NaN

        def row(value: Any) -> Any:
            if value is None or value == missing or (nan and value != value):  # noqa: PLR0124 - NaN
                return surrogate
            return value

        self.row = row


class Binarizer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        if "thresholds" in node.attributes:
            thresholds = [float(value) for value in node.value("thresholds", list)]
        else:
            thresholds = [node.value("threshold", float, 0.0)] * len(self.inputs)
        if len(thresholds) != len(self.inputs) or len(thresholds) != len(self.outputs):
            raise WrongModel(f"{len(thresholds)} thresholds for {len(self.inputs)} columns")
        self._thresholds = thresholds
        self.row = self._several if self.many else self._one

    def _one(self, value: Any) -> Any:
        return _binary(value, self._thresholds[0])

    def columns(self, columns: Sequence[Any]) -> Any:
        found = [batch.numbers(column) for column in columns]
        if any(one is None for one in found):
            return super().columns(columns)
        return [(values > threshold).astype("f8") for values, threshold in zip(found, self._thresholds)]

    def _several(self, *values: Any) -> Any:
        return [_binary(value, threshold) for value, threshold in zip(values, self._thresholds)]


def _binary(value: Any, threshold: float) -> Any:
    if value is None:
        return None
    if not isinstance(value, Vector):
        return 1.0 if value > threshold else 0.0
    if threshold >= 0.0:
        kept = [index for index, one in value.active() if one and one > threshold]
    else:
        kept = [index for index, one in enumerate(value.tolist()) if not (one and one <= threshold)]
    return compressed(value.size, kept, [1.0] * len(kept))


class Bucketizer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        if "splits_array" in node.attributes or len(self.inputs) != 1:
            raise WrongModel("several columns, which MLeap's bundles don't have")
        splits = [float(value) for value in node.value("splits", list)]
        if len(splits) < 3:
            raise WrongModel("fewer than 3 splits")
        if splits[0] != splits[0]:
            splits[0] = -math.inf
        if splits[-1] != splits[-1]:
            splits[-1] = math.inf
        self._splits = splits
        self.row = _bucket(splits, node.value("handle_invalid", str, "error"))

    def columns(self, columns: Sequence[Any]) -> Any:
        values = batch.numbers(columns[0])
        splits = self._splits
        if values is None or not ((values >= splits[0]) & (values <= splits[-1])).all():
            return super().columns(columns)
        if 0.0 in splits and np.signbit(values[values == 0.0]).any():  # -0.0 is below 0.0 here, as nowhere else
            return super().columns(columns)
        place = np.searchsorted(splits, values, side="right") - 1.0
        return [np.minimum(place, len(splits) - 2.0)]


def _bucket(splits: list[float], invalid: str) -> Callable[[Any], Any]:
    bounds = f"[{double_text(splits[0])}, {double_text(splits[-1])}]"

    def row(value: Any) -> Any:
        if value is None or value != value:  # noqa: PLR0124 - NaN
            if invalid == "skip":
                raise SkippedRow
            if value is None:
                return None
            if invalid == "keep":
                return float(len(splits) - 1)
            raise BadRow(
                "Bucketizer encountered NaN value. To handle or skip NaNs, try setting Bucketizer.handleInvalid."
            )
        if value == splits[-1]:
            return float(len(splits) - 2)
        place = searched(splits, float(value))
        if place >= 0:
            return float(place)
        place = -place - 1
        if place in (0, len(splits)):
            raise BadRow(
                f"Feature value {double_text(float(value))} out of Bucketizer bounds {bounds}.  "
                "Check your features, or loosen the lower/upper bound constraints."
            )
        return float(place - 1)

    return row


def searched(values: Sequence[float], key: float) -> int:
    """java.util.Arrays.binarySearch: where it finds the key, else -(where it belongs) - 1. -0.0 is below 0.0."""
    low, high = 0, len(values) - 1
    while low <= high:
        middle = (low + high) >> 1
        value = values[middle]
        if value < key or (value == key == 0.0 and math.copysign(1.0, value) < math.copysign(1.0, key)):
            low = middle + 1
        elif value > key or (value == key == 0.0 and math.copysign(1.0, value) > math.copysign(1.0, key)):
            high = middle - 1
        else:
            return middle
    return -(low + 1)


class IsotonicRegression(Stage):
    """Between boundaries by a straight line, as mllib's IsotonicRegressionModel."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._bounds = [float(value) for value in node.value("boundaries", list)]
        self._made = [float(value) for value in node.value("predictions", list)]
        self._index = node.value("feature_index", int, 0)
        self.row = self._row

    def _row(self, value: Any) -> Any:
        if isinstance(value, Vector):
            value = value.tolist()[self._index]
        x, bounds, made = float(value), self._bounds, self._made
        place = searched(bounds, x)
        if place >= 0:
            return made[place]
        place = -place - 1
        if place == 0:
            return made[0]
        if place == len(bounds):
            return made[-1]
        x1, y1, x2, y2 = bounds[place - 1], made[place - 1], bounds[place], made[place]
        return y1 + (y2 - y1) * (x - x1) / (x2 - x1)
