"""The schema: which columns a request's values are for, of which types, and which column is answered.

https://github.com/aws/sagemaker-sparkml-serving-container (README; dto/DataSchema.java, dto/ColumnSchema.java)
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from . import answers, java_input
from .batch import Table
from .java_input import Bad
from .model import Model, Plan
from .stage import batch_list

TYPES = ("boolean", "byte", "short", "int", "long", "float", "double", "string")
WRONG = "Data type passed in the request is wrong for one or more columns"
FEW = 16  # rows up to which one after the other is as fast as columns


class SchemaError(Bad):
    """What is no schema."""


class Column:
    def __init__(self, told: Any, where: str) -> None:
        known = ("name", "type", "struct")
        if not isinstance(told, dict) or not set(told) <= set(known):
            raise SchemaError(f"The schema's {where} must be an object with name, type and struct alone")
        for member in known[:2]:
            if not _scalar(told.get(member)):
                raise SchemaError(f"The schema's {where} has no {member}")
        if told.get("struct") is not None and not _scalar(told["struct"]):
            raise SchemaError(f"The struct of the schema's {where} must be basic, vector or array")
        self.name = java_input.text_of(told["name"])
        self.type = java_input.text_of(told["type"])
        self.struct = "basic" if told.get("struct") is None else java_input.text_of(told["struct"])


class Schema:
    """Raises SchemaError."""

    def __init__(self, told: Any) -> None:
        if not isinstance(told, dict) or not set(told) <= {"input", "output"}:
            raise SchemaError("The schema must be an object with input and output alone")
        if not isinstance(told.get("input"), list) or told.get("output") is None:
            raise SchemaError("The schema must have input, a list of columns, and output, a column")
        self.inputs = [Column(each, f"input[{place}]") for place, each in enumerate(told["input"])]
        self.output = Column(told["output"], "output")


def _scalar(value: Any) -> bool:
    """What Jackson makes a String of."""
    return isinstance(value, (str, int, float))


class Way:
    """From values to the answer's value, by a model and a schema. What is wrong with the schema is said of each
    request, as the container does.
    """

    def __init__(self, model: Model, schema: Schema) -> None:
        self._model = model
        self._schema = schema
        self._plan: Plan | None = None
        self.form = answers.form(schema.output.type, schema.output.struct)
        self._texts = [_made(java_input.of_text, column.type) for column in schema.inputs]
        self._values = [_made(_of_value, column) for column in schema.inputs]
        self._plain = all(column.struct in ("basic", "") for column in schema.inputs)
        self._width = len(schema.inputs)

    def of_text(self, fields: Sequence[str]) -> list[Any]:
        """The columns' values of a CSV line's fields. Raises Bad."""
        if len(fields) < self._width:
            for convert, text in zip(self._texts, fields):
                convert(text)
            raise Bad(str(len(fields)))  # ArrayIndexOutOfBoundsException
        values = [convert(text) for convert, text in zip(self._texts, fields)]
        return values if self._plain else self.of_values(values)

    def of_values(self, data: Sequence[Any] | None) -> list[Any]:
        """The columns' values of JSON's. Raises Bad."""
        if data is None:
            raise Bad(None)
        values = [convert(value) for convert, value in zip(self._values, data)]
        if len(values) < self._width:
            raise Bad(f"Index: {len(values)}, Size: {len(values)}")  # IndexOutOfBoundsException
        return values

    def answer(self, values: list[Any]) -> Any:
        """The output column's value of a row. Raises Bad, and what the model says."""
        found = self._planned().row(values)
        if found is None:
            raise Bad("next on empty iterator")  # the row is left out, and there was one
        return found[0]

    def texts(self, rows: list[list[Any]], accept: str) -> list[str]:
        """What of many rows is answered. Raises Bad, and what the model says."""
        if len(rows) <= FEW:
            return [self.form(self.answer(values), accept) for values in rows]
        try:
            kept, (column,) = self._planned().columns([list(column) for column in zip(*rows)])
        except ValueError:  # of some row: which comes first, and so what is said, shows one by one
            return [self.form(self.answer(values), accept) for values in rows]
        if kept is not None and len(kept) < len(rows):
            raise Bad("next on empty iterator")
        quick = isinstance(column, Table) and self._schema.output.struct == "vector" and accept == answers.CSV
        found = answers.lines(column.values) if quick else None
        if found is not None:
            return found
        return [self.form(value, accept) for value in batch_list(column)]

    def _planned(self) -> Plan:
        if self._plan is None:
            names = [column.name for column in self._schema.inputs]
            self._plan = self._model.plan(names, [self._schema.output.name])
        return self._plan


def _of_value(column: Column) -> Callable[[Any], Any]:
    if column.type not in TYPES:
        raise Bad(WRONG)
    return java_input.of_value(column.type, column.struct)


def _made(make: Callable[[Any], Any], of: Any) -> Callable[[Any], Any]:
    """What converts; or says what is wrong with the type each time that it is asked to."""
    try:
        convert: Callable[[Any], Any] = make(of)
    except Bad as error:
        said = error.message

        def convert(_value: Any) -> Any:
            raise Bad(said)

    return convert
