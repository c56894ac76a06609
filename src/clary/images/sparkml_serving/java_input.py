"""Values of requests as the public container makes Java's of them, and refuses them: with Java 8's words.

https://github.com/aws/sagemaker-sparkml-serving-container (helper/DataConversionHelper.java)
https://docs.oracle.com/javase/8/docs/api/java/lang/Double.html#valueOf-java.lang.String-
"""

from __future__ import annotations

import math
import re
import struct
from fractions import Fraction
from typing import Any, Callable

from .java_text import double_text
from .vectors import dense

Convert = Callable[[Any], Any]
NOT_SUPPORTED = "Given type is not supported"
BITS = {"byte": 8, "short": 16, "int": 32, "long": 64}
_WHOLE = re.compile(r"[+-]?\d+")
_REAL = re.compile(
    r"(?P<number>[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+))[fFdD]?"
    r"|(?P<word>[+-]?(?:NaN|Infinity))"
)
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_BLANK = "".join(map(chr, range(33)))  # what String.trim takes away
_CLASSES = {"int": int, "double": float, "float": float, "boolean": bool, "string": str}


class Bad(Exception):
    """A request is at fault. Its text is the answer's body; None where Java's exception has no message."""

    def __init__(self, message: str | None) -> None:
        super().__init__(message)
        self.message = message


def cast(value: Any, wanted: str) -> Bad:
    """A ClassCastException."""
    return Bad(f"{class_name(value)} cannot be cast to {wanted}")


def class_name(value: Any) -> str:
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, int):
        for name, bits in (("Integer", 32), ("Long", 64)):
            if -(1 << bits - 1) <= value < 1 << bits - 1:
                return f"java.lang.{name}"
        return "java.math.BigInteger"
    known = {float: "java.lang.Double", str: "java.lang.String", dict: "java.util.LinkedHashMap"}
    return known.get(type(value), "java.util.ArrayList")


def of_text(kind: str) -> Convert:
    """What makes a value of this type of a text. It raises Bad."""
    if kind in BITS:
        return lambda text: _whole(text, kind)
    if kind == "double":
        return real
    if kind == "float":
        return _single
    if kind == "boolean":
        return lambda text: text.lower() == "true"
    if kind == "string":
        return lambda text: text
    raise Bad(NOT_SUPPORTED)


def of_value(kind: str, struct_: str) -> Convert:
    """What makes a column's value of a value in JSON. It raises Bad."""
    if not struct_.strip() or struct_ == "basic":
        by_text = of_text(kind)
        return lambda value: by_text(value if type(value) is str else text_of(value))
    if struct_ == "array":
        return _array(kind)
    if kind != "double":
        raise Bad("Only Double type is supported for vector")
    return _vector


def text_of(value: Any) -> str:
    """Object.toString. None, which has none, raises Bad."""
    if value is None:
        raise Bad(None)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_text(each)}" for name, each in value.items()) + "}"
    return str(value)


def _whole(text: str, kind: str) -> int:
    bits = BITS[kind]
    if _WHOLE.fullmatch(text):
        found = int(text)
        if -(1 << bits - 1) <= found < 1 << bits - 1:
            return found
        if bits < 32 and -(1 << 31) <= found < 1 << 31:
            raise Bad(f'Value out of range. Value:"{text}" Radix:10')
    raise Bad(f'For input string: "{text}"')


def real(text: str) -> float:
    """Double.valueOf. Raises Bad."""
    if _PLAIN.fullmatch(text):
        return float(text)
    number = _number(text)
    if "x" not in number.lower():
        return float(number.replace("Infinity", "inf"))
    try:
        return float.fromhex(number)
    except OverflowError:
        return float(f"{number[0].strip('0+')}inf")


def _single(text: str) -> float:
    """Float.valueOf. Raises Bad."""
    found = real(text)
    try:
        near = _as_single(found)
    except OverflowError:
        return math.copysign(math.inf, found)
    other = 2 * found - near
    if near == found or math.isnan(found) or other in (near, math.inf, -math.inf) or _as_single(other) != other:
        return near
    number = _number(text)  # in the middle of two: the text, which has more digits than a double, may not be
    exact = Fraction(found) if "x" in number.lower() else Fraction(number)
    if exact == found:
        return near
    return max(near, other) if exact > found else min(near, other)


def _as_single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _number(text: str) -> str:
    """As Python reads it. Raises Bad."""
    text = text.strip(_BLANK)
    if not text:
        raise Bad("empty String")
    found = _REAL.fullmatch(text)
    if not found:
        raise Bad(f'For input string: "{text}"')
    return found["number"] or found["word"]


def _array(kind: str) -> Convert:
    """Jackson makes Integer of 38 and Double of 38.0, and the container casts, so that it takes no other."""
    wanted = _CLASSES.get(kind)
    if wanted is None and kind not in BITS:
        raise Bad(NOT_SUPPORTED)
    name = "java.lang." + {"int": "Integer", "float": "Double"}.get(kind, kind.capitalize())

    def convert(value: Any) -> list[Any]:
        for each in _elements(value, "array"):
            if each is not None and not _is(each, kind, wanted):
                raise cast(each, name)
        return list(value)

    return convert


def _is(value: Any, kind: str, wanted: type | None) -> bool:
    if kind == "long":
        return class_name(value) == "java.lang.Long"
    if kind == "int":
        return class_name(value) == "java.lang.Integer"
    return type(value) is wanted


def _vector(value: Any) -> Any:
    for each in _elements(value, "vector"):
        if each is None:
            raise Bad(None)
        if type(each) is not float:
            raise cast(each, "java.lang.Double")
    return dense(value)


def _elements(value: Any, struct_: str) -> list[Any]:
    if value is None:
        raise Bad(None)
    if not isinstance(value, list):
        raise Bad(f"Input val is not a list but struct passed is {struct_}")
    return value
