"""Spark's matrices, as far as models multiply by them: y = A * x + y.

https://github.com/apache/spark/blob/v3.5.6/mllib-local/src/main/scala/org/apache/spark/ml/linalg/BLAS.scala (gemv)
"""

from __future__ import annotations

from typing import Any, Sequence

from .failures import WrongModel
from .java_math import fma
from .vectors import Vector

_DENSE, _SPARSE = 17, 29  # Matrices.getDenseSize and getSparseSize: 8 * numbers + 17; 12 * kept + 4 * pointers + 29


class Matrix:
    """`rows` lists of numbers. `kept` says how Spark's training leaves it: dense by rows, or compressed."""

    def __init__(self, tensor: Any, *, compress: bool = False) -> None:
        """Of a tensor whose values are in the order of columns, as MLeap writes Spark's matrices."""
        if len(tensor.shape) != 2:
            raise WrongModel(f"a matrix of shape {tensor.shape}")
        count, width = tensor.shape
        values = [float(value) for value in tensor.values]
        if len(values) != count * width:
            raise WrongModel(f"{len(values)} numbers for a matrix of {count} by {width}")
        self.rows = [values[row::count] for row in range(count)]
        self.width = width
        self.form = _form(self.rows, width) if compress else "dense"
        self._columns = [
            [(row, self.rows[row][column]) for row in range(count) if self.rows[row][column] != 0.0]
            for column in (range(width) if self.form == "csc" else ())
        ]

    def add_times(self, x: Vector, y: Sequence[float]) -> list[float]:
        """A * x + y, in Spark's order of additions."""
        if x.size != self.width:
            raise WrongModel(f"{x.size} features where the model has {self.width}")
        if self.form == "csc":
            return self._by_columns(x, list(y))
        if self.form == "csr" or x.indices is not None:
            pairs = list(x.active())
            if self.form == "csr":
                return [
                    _sum(row, [pair for pair in pairs if row[pair[0]] != 0.0]) + add for row, add in zip(self.rows, y)
                ]
            return [_sum(row, pairs) + add for row, add in zip(self.rows, y)]
        return [_fused(row, x.values) + add for row, add in zip(self.rows, y)]

    def _by_columns(self, x: Vector, y: list[float]) -> list[float]:
        for column, value in x.active():
            for row, number in self._columns[column]:
                y[row] += number * value
        return y


def _sum(row: Sequence[float], pairs: Sequence[tuple[int, float]]) -> float:
    total = 0.0
    for index, value in pairs:
        total += value * row[index]
    return total


def _fused(row: Sequence[float], values: Sequence[float]) -> float:
    """One column of dgemv of a transposed matrix: one sum, unlike ddot's four."""
    total = 0.0
    for value, number in zip(values, row):
        if value == 1.0:
            total += number
        elif value != 0.0:
            total = fma(value, number, total)
    return total


def _form(rows: Sequence[Sequence[float]], width: int) -> str:
    """Matrix.compressed: the form that takes least memory."""
    count = sum(1 for row in rows for value in row if value != 0.0)
    by_columns = 12 * count + 4 * (width + 1) + _SPARSE
    by_rows = 12 * count + 4 * (len(rows) + 1) + _SPARSE
    if 8 * len(rows) * width + _DENSE <= min(by_columns, by_rows):
        return "dense"
    return "csc" if by_columns <= by_rows else "csr"
