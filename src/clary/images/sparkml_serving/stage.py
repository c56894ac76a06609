"""What a transformer is here: columns in, columns out, for a row and for many."""

from __future__ import annotations

import re
from typing import Any, Callable, Sequence

from .failures import SkippedRow


class Stage:
    """One transformer of a bundle, ready to run.

    A subclass is made from a node of the bundle, and sets `row`: a function of a value for each of `inputs` that
    returns the value of its output, or a tuple with one for each of `outputs` if there are several (`many`).
    `row` raises BadRow in Spark's words, or SkippedRow. It may be called by several threads at once.
    Where numpy does better than `row` once for each row, the subclass has `columns` too.
    """

    inputs: list[str]
    outputs: list[str]
    row: Callable[..., Any]

    def __init__(self, node: Any) -> None:
        self.node = node
        self.inputs = ports(node.inputs)
        self.outputs = ports(node.outputs)
        self.many = len(self.outputs) > 1

    def columns(self, columns: Sequence[Any]) -> Any:
        """The output columns (a list), of columns of the same length; see batch.py for what these are.

        A row that is left out has SKIPPED in the first of them.
        """
        results = list(map(_skipping(self.row), *[batch_list(column) for column in columns]))
        if not self.many:
            return [results]
        count = len(self.outputs)
        empty = (SKIPPED,) * count
        return [list(one) for one in zip(*[empty if r is SKIPPED else r for r in results])] or [
            [] for _ in range(count)
        ]


SKIPPED: Any = type("Skipped", (), {"__repr__": lambda _self: "SKIPPED"})()


def _skipping(row: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        try:
            return row(*values)
        except SkippedRow:
            return SKIPPED

    return call


def batch_list(column: Any) -> Any:
    """A column's values as Python's, one by one."""
    return column.tolist() if hasattr(column, "tolist") else column


def ports(columns: dict[str, str]) -> list[str]:
    """The columns in the order of their ports: input0, input1, ... input10."""

    def order(port: str) -> tuple[str, int]:
        found = re.fullmatch(r"(.*?)(\d*)", port)
        assert found
        return (found.group(1), int(found.group(2) or 0))

    numbered = [port for port in columns if re.fullmatch(r"(input|output)\d+", port)]
    if len(numbered) != len(columns):
        return list(columns.values())
    return [columns[port] for port in sorted(columns, key=order)]
