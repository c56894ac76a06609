"""Large CSV files as one array of float32, read by pyarrow on all processors.

xgboost's own parser, and all that it does with a matrix that came from there, has one thread. Where its rules would
matter (an empty field, a line with more or fewer, what is no number), it is asked instead: `read` then gives None.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .packages import numpy, package

LARGE = 8 << 20  # bytes: for less, the import of pyarrow takes longer than it saves
BLOCK = 4 << 20  # bytes that a thread reads at once
ROWS = 16384  # copied at once: few enough to stay in the processor's cache


def read(sources: list[Path], delimiter: str, threads: int) -> Any:
    """Rows by columns, or None."""
    if sum(source.stat().st_size for source in sources) < LARGE:
        return None
    arrow, read_csv = package("pyarrow"), package("pyarrow.csv")
    arrow.set_cpu_count(threads)
    with sources[0].open(errors="ignore") as file:
        names = [str(number) for number in range(len(file.readline().split(delimiter)))]
    tables = []
    for source in sources:
        try:
            table = read_csv.read_csv(
                str(source),
                read_csv.ReadOptions(column_names=names, block_size=BLOCK),
                read_csv.ParseOptions(delimiter=delimiter, quote_char=False),
                read_csv.ConvertOptions(column_types=dict.fromkeys(names, arrow.float32())),
            )
        except arrow.ArrowInvalid:
            return None
        if any(column.null_count for column in table.columns):
            return None
        tables.append(table)
    values = numpy.empty((sum(table.num_rows for table in tables), len(names)), dtype=numpy.float32)
    row = 0
    while tables:
        for batch in tables.pop(0).to_batches(ROWS):
            for number in range(batch.num_columns):
                values[row : row + batch.num_rows, number] = batch.column(number).to_numpy()
            row += batch.num_rows
    return values if bool(numpy.isfinite(values.sum(dtype=numpy.float64))) else None
