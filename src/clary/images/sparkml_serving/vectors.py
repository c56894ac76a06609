"""Spark's vectors: dense, or sparse by indices. Which of both a vector is decides how Spark adds up a dot product."""

from __future__ import annotations

from typing import Any, Sequence


class Vector:
    """`size` numbers. `indices` is None where all are in `values`, else those of `values`, ascending. Never changed."""

    __slots__ = ("indices", "size", "values")

    def __init__(self, size: int, indices: Sequence[int] | None, values: Sequence[float]) -> None:
        self.size = size
        self.indices = indices
        self.values = values

    def tolist(self) -> list[float]:
        """All `size` numbers."""
        if self.indices is None:
            return list(self.values)
        numbers = [0.0] * self.size
        for index, value in zip(self.indices, self.values):
            numbers[index] = value
        return numbers

    def active(self) -> Any:
        """(index, value) of each number that is kept, be it zero."""
        return enumerate(self.values) if self.indices is None else zip(self.indices, self.values)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        """The same numbers, kept in the same way."""
        if not isinstance(other, Vector):
            return NotImplemented
        return (
            self.size == other.size
            and (None if self.indices is None else list(self.indices))
            == (None if other.indices is None else list(other.indices))
            and list(self.values) == list(other.values)
        )

    __hash__ = None  # type: ignore[assignment]  # as Python itself says that a class has no hash

    def __repr__(self) -> str:
        if self.indices is None:
            return f"dense({list(self.values)})"
        return f"sparse({self.size}, {list(self.indices)}, {list(self.values)})"


def dense(values: Sequence[float]) -> Vector:
    return Vector(len(values), None, values)


def sparse(size: int, indices: Sequence[int], values: Sequence[float]) -> Vector:
    return Vector(size, indices, values)


def compressed(size: int, indices: list[int], values: list[float]) -> Vector:
    """Of numbers without zeros, as Vector.compressed: sparse where 1.5 * (count + 1) < size.

    https://github.com/apache/spark/blob/v3.5.6/mllib-local/src/main/scala/org/apache/spark/ml/linalg/Vectors.scala
    """
    if 1.5 * (len(values) + 1.0) < size:
        return Vector(size, indices, values)
    if len(values) == size:
        return Vector(size, None, values)
    numbers = [0.0] * size
    for index, value in zip(indices, values):
        numbers[index] = value
    return Vector(size, None, numbers)


def vector(value: Any) -> Any:
    """A Vector of what a caller gives for a column: a Vector, or a list of numbers. None stays None."""
    if value is None or isinstance(value, Vector):
        return value
    return Vector(len(value), None, [float(number) for number in value])
