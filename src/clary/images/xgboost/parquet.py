"""Parquet files as one array of float32, which is what xgboost keeps: half of what reading them as a table takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .failures import UserError
from .packages import numpy, package

ROWS = 16384  # of a batch: few enough that a batch stays in the processor's cache, enough that Python does not count


def read(sources: list[Path]) -> Any:
    """Rows by columns, nulls as NaN. Raises UserError where the files do not go together."""
    arrow = package("pyarrow")
    opened = [package("pyarrow.parquet").ParquetFile(str(source)) for source in sources]
    columns = [len(file.schema_arrow.names) for file in opened]
    if len(set(columns)) > 1:
        odd = next(number for number, count in enumerate(columns) if count != columns[0])
        raise UserError(
            f"File '{sources[odd].name}' has {columns[odd]} columns, '{sources[0].name}' has {columns[0]}. Please give "
            "all files of a channel the same columns."
        )
    values = numpy.empty((sum(file.metadata.num_rows for file in opened), columns[0]), dtype=numpy.float32)
    row = 0
    for file in opened:
        for batch in file.iter_batches(batch_size=ROWS):
            for number in range(batch.num_columns):
                column = batch.column(number)
                if not arrow.types.is_floating(column.type):
                    column = column.cast(arrow.float64())
                values[row : row + batch.num_rows, number] = column.to_numpy(zero_copy_only=False)
            row += batch.num_rows
    return values
