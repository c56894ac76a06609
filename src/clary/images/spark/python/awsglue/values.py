"""Dynamic records as Python's values: their types, and how they go into Spark's rows and come out."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

from . import gluetypes as glue
from .schema import merged

_INT = 2**31
_LONG = 2**63
_WIDER = {"int": ("long", "double"), "short": ("int", "long"), "long": ("double",), "float": ("double",)}
_DIGITS = 38  # of a decimal


class DynamicRecord(dict[str, Any]):
    """What the functions of `map` and `filter` are called with: `record["a"]`, and `record.a` where that is a name."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]


def kind_of(value: Any) -> glue.DataType:
    """The type of one value; a whole number is `int` if 32 bits hold it, as Glue's readers have it."""
    if value is None:
        return glue.NullType()
    if isinstance(value, dict):
        return glue.StructType([glue.Field(str(name), kind_of(one)) for name, one in value.items()])
    if isinstance(value, list | tuple):
        element: glue.DataType = glue.NullType()
        for one in value:
            element = merged(element, kind_of(one))
        return glue.ArrayType(element)
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        scale = max(0, -int(exponent)) if isinstance(exponent, int) else 0
        return glue.DecimalType(min(_DIGITS, max(len(digits), scale) + max(0, int(exponent or 0))), scale)
    return glue._ATOMS[_atom(value)]()


def _atom(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if -_INT <= value < _INT else "long" if -_LONG <= value < _LONG else "double"
    for kind, name in _PYTHON:
        if isinstance(value, kind):
            return name
    number = getattr(value, "item", None)  # one of numpy's
    if callable(number):
        return _atom(number())
    raise TypeError(f"A dynamic record holds no {type(value).__name__}: {value!r}")


_PYTHON: tuple[tuple[type, str], ...] = (
    (str, "string"),
    (float, "double"),
    (dt.datetime, "timestamp"),
    (dt.date, "date"),
    (bytes, "binary"),
    (bytearray, "binary"),
)


def encoded(value: Any, kind: glue.DataType) -> Any:
    """As a row of Spark of that type holds it, which a value's own type is part of."""
    if value is None:
        return None
    if isinstance(kind, glue.ChoiceType):
        return _chosen(value, kind)
    if isinstance(kind, glue.StructType):
        return tuple(encoded(value.get(field.name), field.dataType) for field in kind)
    if isinstance(kind, glue.ArrayType):
        return [encoded(one, kind.elementType) for one in value]
    if isinstance(kind, glue.MapType):
        return {str(name): encoded(one, kind.valueType) for name, one in value.items()}
    if isinstance(kind, glue.DoubleType | glue.FloatType):
        return float(value)
    if isinstance(kind, glue.DecimalType):
        return decimal.Decimal(value) if not isinstance(value, float) else decimal.Decimal(repr(value))
    return value.item() if hasattr(value, "item") else value


def _chosen(value: Any, kind: glue.ChoiceType) -> tuple[Any, ...]:
    own = kind_of(value).typeName()
    names = [own, *_WIDER.get(own, ()), *(["map"] if own == "struct" else [])]
    name = next((one for one in names if one in kind.choices), None)
    if name is None:
        raise TypeError(f"{value!r} is of no type of {kind!r}")
    return tuple(encoded(value, one) if one_name == name else None for one_name, one in kind.choices.items())


def decoded(value: Any, kind: glue.DataType) -> Any:
    """A row of Spark as a dynamic record: the value of a choice is the one that is set."""
    if value is None:
        return None
    if isinstance(kind, glue.ChoiceType):
        parts = zip(value, kind.choices.values(), strict=True)
        return next((decoded(one, part) for one, part in parts if one is not None), None)
    if isinstance(kind, glue.StructType):
        return DynamicRecord((field.name, decoded(one, field.dataType)) for field, one in zip(kind, value, strict=True))
    if isinstance(kind, glue.ArrayType):
        return [decoded(one, kind.elementType) for one in value]
    if isinstance(kind, glue.MapType):
        return {name: decoded(one, kind.valueType) for name, one in value.items()}
    return value


def plain(value: Any) -> Any:
    """What JSON says of it, for `show` and for error records."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
