"""Parts and products of vectors: slices, selections, indexed categories, polynomials, interactions, components.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/feature
"""

from __future__ import annotations

import math
from typing import Any, Sequence

from . import batch, batch_math
from .batch import np
from .failures import BadRow, SkippedRow, WrongModel
from .java_text import double_text
from .matrices import Matrix
from .scaled import sized
from .stage import Stage
from .vectors import Vector, compressed, dense


class _Selection(Stage):
    chosen: list[int]

    def _row(self, vector: Any) -> Any:
        chosen = self.chosen
        if vector.size <= max(chosen, default=-1):
            raise BadRow(f"{self.node.name} reads number {max(chosen)} of a vector of {vector.size}")
        if vector.indices is None:
            return dense([vector.values[index] for index in chosen])
        kept = dict(zip(vector.indices, vector.values))
        places = [(place, index) for place, index in enumerate(chosen) if index in kept]
        return Vector(len(chosen), [place for place, _ in places], [kept[index] for _, index in places])


class VectorSlicer(_Selection):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.chosen = [int(index) for index in node.value("indices", list, [])]
        self.chosen += [int(index) for index in node.value("named_indices", list, [])]
        self.row = self._row


class ChiSqSelector(_Selection):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.chosen = sorted(int(index) for index in node.value("filter_indices", list))
        self.row = self._row


class VectorIndexer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._size = node.value("num_features", int)
        self._invalid = node.value("handle_invalid", str, "error")
        self._maps: dict[int, dict[float, float]] = {}
        for key in sorted(int(key) for key in node.value("keys", list, [])):
            values = [float(value) for value in node.value(f"key_{key}_keys", list)]
            places = [float(value) for value in node.value(f"key_{key}_values", list)]
            self._maps[key] = dict(zip(values, places))
        self.row = self._row

    def _row(self, value: Any) -> Any:
        vector = sized(self.node, value, self._size)
        values = list(vector.values)
        if vector.indices is None:
            for index, places in self._maps.items():
                values[index] = self._place(index, values[index], places)
        else:
            for place, index in enumerate(vector.indices):
                if index in self._maps:
                    values[place] = self._place(index, values[place], self._maps[index])
        return Vector(vector.size, vector.indices, values)

    def _place(self, index: int, value: float, places: dict[float, float]) -> float:
        if value in places:
            return places[value]
        if self._invalid == "keep":
            return float(len(places))
        if self._invalid == "skip":
            raise SkippedRow
        raise BadRow(
            f"VectorIndexer encountered invalid value {double_text(value)} on feature index {index}. To handle or skip "
            "invalid value, try setting VectorIndexer.handleInvalid."
        )


class PolynomialExpansion(Stage):
    """All products of up to `degree` numbers, multiplied in Spark's order."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._degree = node.value("degree", int)
        self.row = self._row

    def _row(self, vector: Any) -> Any:
        size = _choose(vector.size, self._degree) - 1
        made: list[tuple[int, float]] = []
        indices = range(vector.size) if vector.indices is None else vector.indices
        _expand(indices, vector.values, len(vector.values) - 1, vector.size - 1, self._degree, 1.0, made, -1)
        if vector.indices is None:
            numbers = [0.0] * size
            for index, value in made:
                numbers[index] = value
            return dense(numbers)
        made.sort()
        return Vector(size, [index for index, _ in made], [value for _, value in made])


def _choose(features: int, degree: int) -> int:
    chosen = 1
    for step in range(1, degree + 1):
        chosen = chosen * (features + step) // step
    return chosen


def _expand(
    indices: Sequence[int],
    values: Sequence[float],
    last: int,
    feature: int,
    degree: int,
    product: float,
    made: list[tuple[int, float]],
    place: int,
) -> int:
    """PolynomialExpansion.expandSparse, which does for dense vectors too; the place after what was made."""
    if product != 0.0:
        if degree == 0 or last < 0:
            if place >= 0:
                made.append((place, product))
        else:
            start, factor = place, product
            for taken in range(degree + 1):
                if factor == 0.0:
                    break
                start = _expand(indices, values, last - 1, indices[last] - 1, degree - taken, factor, made, start)
                factor *= values[last]
    return place + _choose(feature + 1, degree)


class Interaction(Stage):
    """Products of one number of each column; a nominal number is one-hot first."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        count = node.value("num_inputs", int, len(self.inputs))
        if count != len(self.inputs):
            raise WrongModel(f"{count} inputs for {len(self.inputs)} columns")
        self._sizes = [[int(size) for size in node.value(f"num_features{index}", list)] for index in range(count)]
        self.row = self._row

    def _row(self, *columns: Any) -> Any:
        indices, values, size = [0], [1.0], 1
        for value, sizes in zip(reversed(columns), reversed(self._sizes)):
            made = list(self._encoded(value, sizes))
            indices, values = (
                [before + index * size for index, _ in made for before in indices],
                [before * number for _, number in made for before in values],
            )
            size *= sum(sizes)
        kept = [place for place, value in enumerate(values) if value]
        return compressed(size, [indices[place] for place in kept], [values[place] for place in kept])

    def _encoded(self, value: Any, sizes: list[int]) -> Any:
        if value is None:
            raise BadRow("Values to interact cannot be null.")
        start, seen = 0, 0
        for index, number in value.active() if isinstance(value, Vector) else [(0, float(value))]:
            start += sum(sizes[seen:index])
            seen = index
            if sizes[index] == 1:
                yield start, number
            elif 0.0 <= number < sizes[index] and number == int(number):
                yield start + int(number), 1.0
            else:
                raise BadRow(f"Values from column must be indices, but got {double_text(number)}.")


class PCA(Stage):
    """The transposed components times the vector."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        tensor = node.value("principal_components", object)
        size, count = tensor.shape
        turned = type(tensor)((count, size), [tensor.values[c * size + r] for r in range(size) for c in range(count)])
        self._matrix = Matrix(turned)
        self._zeros = [0.0] * count
        self.row = self._row

    def _row(self, vector: Any) -> Any:
        return dense(self._matrix.add_times(sized(self.node, vector, self._matrix.width), self._zeros))

    def columns(self, columns: Sequence[Any]) -> Any:
        table = batch.table(columns[0])
        if table is None or table.size != self._matrix.width:
            return super().columns(columns)
        return [batch.dense(np.stack([batch_math.times(table, row) + 0.0 for row in self._matrix.rows], axis=1))]


class DCT(Stage):
    """The scaled discrete cosine transform DCT-II, or its inverse DCT-III, by definition: exact to some last bits."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._inverse = node.value("inverse", bool, default=False)
        self.row = self._row

    def _row(self, vector: Any) -> Any:
        size = vector.size
        first, other = math.sqrt(1.0 / size), math.sqrt(2.0 / size)

        def factor(k: int) -> float:
            return other if k else first

        def angle(n: int, k: int) -> float:
            return math.cos(math.pi * ((2 * n + 1) * k % (4 * size)) / (2 * size))

        values = vector.tolist()
        if self._inverse:
            terms = [value * factor(k) for k, value in enumerate(values)]
            return dense([math.fsum(term * angle(n, k) for k, term in enumerate(terms)) for n in range(size)])
        return dense([factor(k) * math.fsum(x * angle(n, k) for n, x in enumerate(values)) for k in range(size)])
