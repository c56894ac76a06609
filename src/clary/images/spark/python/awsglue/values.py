"""Dynamic records as Python's values: their types, and how they go into Spark's rows and come out."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
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


def shape(value: Any) -> Any:
    """A cheap key of a value's type: values of one shape are of one type."""
    kind = type(value)
    if kind is int:
        return "int" if -_INT <= value < _INT else "long" if -_LONG <= value < _LONG else "double"
    if kind in _PLAIN:
        return kind
    if isinstance(value, dict):
        return tuple(value), *map(shape, value.values())
    if kind is list:
        return frozenset(map(shape, value))
    return kind_of(value)


_PLAIN = {str, float, bool, type(None), bytes, dt.datetime, dt.date}


def encoder(kind: glue.DataType) -> Callable[[Any], Any]:
    """What makes of a value of the type what a row of Spark holds for it."""
    if isinstance(kind, glue.ChoiceType):
        return _chooser(kind)
    if isinstance(kind, glue.StructType):
        parts = [(field.name, encoder(field.dataType)) for field in kind]
        return lambda value: None if value is None else tuple([part(value.get(name)) for name, part in parts])
    if isinstance(kind, glue.ArrayType):
        element = encoder(kind.elementType)
        return lambda value: None if value is None else [element(one) for one in value]
    if isinstance(kind, glue.MapType):
        part = encoder(kind.valueType)
        return lambda value: None if value is None else {str(name): part(one) for name, one in value.items()}
    if isinstance(kind, glue.DoubleType | glue.FloatType):
        return lambda value: None if value is None else float(value)
    if isinstance(kind, glue.DecimalType):
        return lambda value: None if value is None else decimal.Decimal(str(value))
    return lambda value: value.item() if hasattr(value, "item") else value


def _chooser(kind: glue.ChoiceType) -> Callable[[Any], Any]:
    at = {name: number for number, name in enumerate(kind.choices)}
    parts = [encoder(one) for one in kind.choices.values()]

    def choose(value: Any) -> Any:
        if value is None:
            return None
        own = "struct" if isinstance(value, dict) else "array" if isinstance(value, list) else kind_of(value).typeName()
        names = [own, *_WIDER.get(own, ()), *(["map"] if own == "struct" else [])]
        number = next((at[one] for one in names if one in at), None)
        if number is None:
            raise TypeError(f"{value!r} is of no type of {kind!r}")
        row = [None] * len(parts)
        row[number] = parts[number](value)
        return tuple(row)

    return choose


def decoder(kind: glue.DataType) -> Callable[[Any], Any]:
    """What makes a dynamic record of a row of Spark: the value of a choice is the one that is set."""
    return _decoder(kind) or (lambda value: value)


def _decoder(kind: glue.DataType) -> Callable[[Any], Any] | None:
    """None where a value stays as it is."""
    if isinstance(kind, glue.ChoiceType):
        choices = [decoder(part) for part in kind.choices.values()]

        def chosen(value: Any) -> Any:
            if value is None:
                return None
            return next((part(one) for one, part in zip(value, choices, strict=True) if one is not None), None)

        return chosen
    if isinstance(kind, glue.StructType):
        names = [field.name for field in kind]
        parts = [(field.name, made) for field in kind if (made := _decoder(field.dataType)) is not None]

        def record(value: Any) -> Any:
            if value is None:
                return None
            found = DynamicRecord(zip(names, value, strict=True))
            for name, part in parts:
                found[name] = part(found[name])
            return found

        return record
    if isinstance(kind, glue.ArrayType):
        element = decoder(kind.elementType)
        return lambda value: None if value is None else [element(one) for one in value]
    if isinstance(kind, glue.MapType):
        part = decoder(kind.valueType)
        return lambda value: None if value is None else {name: part(one) for name, one in value.items()}
    return None


def decoded(value: Any, kind: glue.DataType) -> Any:
    """One row as a dynamic record."""
    return decoder(kind)(value)


def plain(value: Any) -> Any:
    """What JSON says of it, for `show` and for error records."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
