"""The values of attributes: plain Python, and small types where Python's own don't say which of MLeap's it is.

=============  ==============================================
MLeap's        here
=============  ==============================================
boolean        bool
int            int
long           Long, an int
float          Float, a float (read as 32 bits)
double         float
string         str
byte_string    bytes
tensor         Tensor
basic_type     BasicType, a str: "double", "string", ...
data_shape     DataShape
model          Model
a list         a list of one of them
=============  ==============================================

A number that is 0, a text that is empty and False are not written by MLeap at all: `{}`, of no type. That is None
here, and `Node.value` makes the asked type's zero of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

BASIC = {  # bundle.proto's BasicType
    "unknown": 0,
    "boolean": 1,
    "byte": 2,
    "short": 3,
    "int": 4,
    "long": 5,
    "float": 6,
    "double": 7,
    "string": 100,
    "byte_string": 101,
}
SHAPES = {"scalar": 0, "list": 1, "tensor": 2}  # bundle.proto's DataShapeType


class Long(int):
    """A 64-bit integer: MLeap reads an attribute only by the width that its transformer knows."""

    __slots__ = ()


class Float(float):
    """A 32-bit number."""

    __slots__ = ()


class BasicType(str):
    """The type of a scalar: a key of BASIC."""

    __slots__ = ()


class DataShape(NamedTuple):
    """What a column holds: "scalar", "list" or "tensor", and of a tensor its dimensions (-1: any)."""

    base: str
    nullable: bool = False
    dimensions: tuple[int, ...] | None = None


class Tensor(NamedTuple):
    """`values` in row-major order: as many as the dimensions say. `base` is a key of BASIC."""

    shape: tuple[int, ...]
    values: Sequence[Any]
    base: str = "double"


class Model(NamedTuple):
    """A model as a value of another's attribute."""

    op: str
    attributes: dict[str, Any]
