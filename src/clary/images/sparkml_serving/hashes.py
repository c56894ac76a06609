"""Locality-sensitive hashes: a list of vectors of one number, as Spark's LSH models make them.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/feature
"""

from __future__ import annotations

import math
from typing import Any

from .failures import BadRow
from .matrices import Matrix
from .scaled import sized
from .stage import Stage
from .vectors import dense

_PRIME = 2038074743


class BucketedRandomProjection(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        vectors = node.value("random_unit_vectors", list)
        rows = [[float(value) for value in tensor.values] for tensor in vectors]
        tensor = type(vectors[0])((len(rows), len(rows[0])), [value for column in zip(*rows) for value in column])
        self._matrix = Matrix(tensor)
        self._zeros = [0.0] * len(rows)
        self._factor = 1.0 / node.value("bucket_length", float)
        self.row = self._row

    def _row(self, vector: Any) -> Any:
        products = self._matrix.add_times(sized(self.node, vector, self._matrix.width), self._zeros)
        return [dense([float(math.floor(self._factor * product))]) for product in products]


class MinHash(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        first = [int(value) for value in node.value("random_coefficients_a", list)]
        second = [int(value) for value in node.value("random_coefficients_b", list)]
        self._pairs = list(zip(first, second))
        self.row = self._row

    def _row(self, vector: Any) -> Any:
        kept = [index for index, value in vector.active() if value]
        if not kept:
            raise BadRow("requirement failed: Must have at least 1 non zero entry.")
        return [dense([float(min(((1 + index) * a + b) % _PRIME for index in kept))]) for a, b in self._pairs]
