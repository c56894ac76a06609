"""Between plain values and SparkML's models. In the oracle, where numpy is: many rows by columns.

Vectors are ("dense", [...]) and ("sparse", size, [...], [...]).
"""

import importlib
import sys
import types
from typing import Any


def values(column: list[Any], vector: Any) -> list[Any]:
    """`vector` is the class Vector, of whichever package it comes from."""

    def value(one: Any) -> Any:
        if isinstance(one, tuple):
            return vector(len(one[1]), None, one[1]) if one[0] == "dense" else vector(*one[1:])
        return [value(part) for part in one] if isinstance(one, list) else one

    return [value(one) for one in column]


def plain(value: Any) -> Any:
    if hasattr(value, "indices"):
        numbers = [float(number) for number in value.values]
        if value.indices is None:
            return ("dense", numbers)
        return ("sparse", value.size, [int(index) for index in value.indices], numbers)
    return [plain(one) for one in value] if isinstance(value, list) else value


def by_columns(case: dict[str, Any], images: str) -> tuple[list[int], dict[str, Any]]:
    """The rows that are left and the outputs' values. The package is loaded as in a container, by another name."""
    package = types.ModuleType("clary_images")
    package.__path__ = [images]
    sys.modules.setdefault("clary_images", package)
    vector = importlib.import_module("clary_images.sparkml_serving.vectors").Vector
    model = importlib.import_module("clary_images.sparkml_serving.model").load(case["path"])
    inputs = [name for name in model.inputs if name in case["given"]]
    plan = model.plan(inputs, case["outputs"])
    columns = [values(case["given"][name], vector) for name in inputs]
    kept, made = plan.columns(columns)
    lists = [column if isinstance(column, list) else column.tolist() for column in made]
    every = list(range(len(columns[0]))) if kept is None else kept
    return every, {name: [plain(one) for one in column] for name, column in zip(plan.outputs, lists, strict=False)}
