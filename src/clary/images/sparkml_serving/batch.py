"""Columns of many rows, where numpy does better than Python's lists.

A column is one of
- a list: of texts, of lists of texts, of Vectors, of anything with None in it;
- a float64 array: numbers, none of them missing;
- a Table: vectors. `values` is an array of rows by size; `sparse` says which rows Spark keeps sparsely (then
  by its numbers that are not zero);
- a Hot: vectors that are 1.0 at `index` and zero elsewhere, kept sparsely; where `index` is `size`, zero everywhere.
Each gives its values as Python's by `tolist()`, and some rows of it by `take(rows)`.
"""

from __future__ import annotations

import importlib
from typing import Any, Sequence

from .vectors import Vector

_NUMBERS = frozenset((float, int))
WIDEST = 4096  # numbers of a vector; wider ones are few and far between, and an array of all would not fit


class _Numpy:
    """numpy, imported when a batch comes: single rows need none of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("numpy"), name)


np: Any = _Numpy()


class Table:
    def __init__(self, values: Any, sparse: Any) -> None:
        self.values = values
        self.sparse = sparse

    @property
    def size(self) -> int:
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Sequence[int]) -> Table:
        return Table(self.values[rows], self.sparse[rows])

    def tolist(self) -> list[Vector]:
        size = self.size
        made = [Vector(size, None, numbers) for numbers in self.values.tolist()]
        for row in np.flatnonzero(self.sparse).tolist():
            kept = [(index, value) for index, value in enumerate(made[row].values) if value]
            made[row] = Vector(size, [index for index, _ in kept], [value for _, value in kept])
        return made


class Hot:
    def __init__(self, size: int, index: Any) -> None:
        self.size = size
        self.index = index

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Sequence[int]) -> Hot:
        return Hot(self.size, self.index[rows])

    def tolist(self) -> list[Vector]:
        one = [Vector(self.size, (index,), (1.0,)) for index in range(self.size)]
        one.append(Vector(self.size, (), ()))
        return [one[index] for index in self.index.tolist()]


def numbers(column: Any) -> Any:
    """The column as a float64 array; None where one of its values is missing or no number."""
    if isinstance(column, list):
        if not _NUMBERS.issuperset(map(type, column)):
            return None
        return np.array(column, "f8")
    if hasattr(column, "dtype") and column.ndim == 1 and column.dtype.kind in "iuf":
        return column.astype("f8")
    return None


def table(column: Any) -> Table | None:
    """The column as a Table; None where that isn't possible: too wide, not all of one size, zeros kept, missing."""
    if isinstance(column, Table):
        return column
    if isinstance(column, Hot):
        if column.size > WIDEST:
            return None
        rows = len(column)
        values = np.zeros((rows, column.size + 1))
        values[np.arange(rows), column.index] = 1.0
        return Table(values[:, :-1], np.ones(rows, bool))
    if not isinstance(column, list) or set(map(type, column)) != {Vector}:
        return None
    size = column[0].size
    if size > WIDEST or any(value.size != size for value in column):
        return None
    if any(value.indices is not None and not all(value.values) for value in column):
        return None
    values = np.array([value.tolist() for value in column], "f8").reshape(len(column), size)
    return Table(values, np.array([value.indices is not None for value in column], bool))


def dense(values: Any) -> Table:
    """A Table of these rows, all of them dense."""
    return Table(values, np.zeros(len(values), bool))


def compressed(values: Any) -> Table:
    """A Table of these rows, each kept as Vector.compressed would."""
    count = np.count_nonzero(values, axis=1)
    return Table(values, 1.5 * (count + 1.0) < values.shape[1])
