"""Vectors of columns: VectorAssembler."""

from __future__ import annotations

from typing import Any, Sequence

from . import batch
from .batch import np
from .failures import BadRow, SkippedRow
from .stage import Stage
from .vectors import Vector, compressed


class VectorAssembler(Stage):
    """All inputs in a row. MLeap's bundles don't say handleInvalid: where none is written it is "error".

    https://github.com/apache/spark/blob/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/feature/VectorAssembler.scala
    """

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._invalid = node.value("handle_invalid", str, "error")
        shapes = node.value("input_shapes", list, [])
        self._sizes = [shape.dimensions[0] if shape.dimensions else 1 for shape in shapes]
        self._sizes += [1] * (len(self.inputs) - len(self._sizes))
        self.row = self._row

    def _row(self, *columns: Any) -> Any:
        indices: list[int] = []
        values: list[float] = []
        size = 0
        for value in columns:
            if type(value) is Vector:
                if value.indices is None:
                    for index, number in enumerate(value.values, size):
                        if number:
                            indices.append(index)
                            values.append(number)
                else:
                    for index, number in zip(value.indices, value.values):
                        if number:
                            indices.append(size + index)
                            values.append(number)
                size += value.size
            elif value is None or value != value:  # noqa: PLR0124 - NaN
                size += self._missing(value, size, indices, values)
            else:
                if value:
                    indices.append(size)
                    values.append(float(value))
                size += 1
        return compressed(size, indices, values)

    def _missing(self, value: Any, place: int, indices: list[int], values: list[float]) -> int:
        if self._invalid == "skip":
            raise SkippedRow
        if self._invalid == "keep":
            size = self._size_at(place) if value is None else 1
            indices.extend(range(place, place + size))
            values.extend([float("nan")] * size)
            return size
        kind = "null" if value is None else "NaN"
        raise BadRow(
            f'Encountered {kind} while assembling a row with handleInvalid = "error". Consider removing {kind}s from '
            'dataset or using handleInvalid = "keep" or "skip".'
        )

    def _size_at(self, place: int) -> int:
        start = 0
        for size in self._sizes:
            if start == place:
                return size
            start += size
        return 1

    def columns(self, columns: Sequence[Any]) -> Any:
        parts = [_part(column) for column in columns]
        if any(part is None for part in parts):
            return super().columns(columns)
        width = sum(1 if size is None else size for _, size in parts)
        if width > batch.WIDEST:
            return super().columns(columns)
        rows = len(parts[0][0])
        values = np.zeros((width + 1, rows))  # a column lies together; the last one is for what is nowhere
        every = np.arange(rows)
        place = 0
        for part, size in parts:  # + 0.0: -0.0 is zero, which is not kept
            if size is None:
                values[place] = part + 0.0
            elif isinstance(part, batch.Hot):
                values[np.where(part.index < size, place + part.index, width), every] = 1.0
            else:
                values[place : place + size] = part.values.T + 0.0
            place += 1 if size is None else size
        return [batch.compressed(values[:-1].T)]


def _part(column: Any) -> Any:
    """A column as (array, None), or (Table or Hot, its size); None where it is neither."""
    if isinstance(column, (batch.Hot, batch.Table)):
        return column, column.size
    if isinstance(column, list) and column and type(column[0]) is Vector:
        table = batch.table(column)
        return None if table is None else (table, table.size)
    numbers = batch.numbers(column)
    return None if numbers is None or np.isnan(numbers).any() else (numbers, None)
