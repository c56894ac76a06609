"""Protobuf's wire format, for messages that are told as tables.

A table leads from a field's number to its name, its kind and whether it is repeated; a message is a dict of the fields
that are there. A field of a kind that is a table is a message itself.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from typing import Any

from .errors import BundleError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TYPES = {"bool": _VARINT, "int": _VARINT, "double": _FIXED64, "float": _FIXED32}
_PACKS = {"double": ("d", 8), "float": ("f", 4)}


class Table:
    """`fields`: {number: (name, kind, repeated)}; kind is "bool", "int", "double", "float", "str", "bytes", a Table."""

    def __init__(self, fields: dict[int, tuple[str, Any, bool]]) -> None:
        self.fields = fields


def encode(table: Table, message: dict[str, Any]) -> bytes:
    """A field that is zero or empty is left out, as proto3 does; of a list, none is."""
    out = bytearray()
    for number, (name, kind, repeated) in table.fields.items():
        value = message.get(name)
        if repeated:
            _repeated(out, number, kind, value or ())
        elif isinstance(kind, Table):
            if value is not None:
                _chunk(out, number, encode(kind, value))
        elif value or (kind in _PACKS and value is not None and str(value) == "-0.0"):
            _one(out, number, kind, value)
    return bytes(out)


def _repeated(out: bytearray, number: int, kind: Any, values: Any) -> None:
    if not values:
        return
    if kind in _TYPES:
        _chunk(out, number, _packed(kind, values))
        return
    for value in values:
        _chunk(out, number, encode(kind, value) if isinstance(kind, Table) else _raw(kind, value))


def _packed(kind: str, values: Any) -> bytes:
    if kind in _PACKS:
        return struct.pack(f"<{len(values)}{_PACKS[kind][0]}", *values)
    out = bytearray()
    for value in values:
        _varint(out, int(value))
    return bytes(out)


def _one(out: bytearray, number: int, kind: str, value: Any) -> None:
    if kind not in _TYPES:
        _chunk(out, number, _raw(kind, value))
        return
    _varint(out, number << 3 | _TYPES[kind])
    out += _packed(kind, [value])


def _raw(kind: str, value: Any) -> bytes:
    return str(value).encode("utf-8") if kind == "str" else bytes(value)


def _chunk(out: bytearray, number: int, content: bytes) -> None:
    _varint(out, number << 3 | _BYTES)
    _varint(out, len(content))
    out += content


def _varint(out: bytearray, value: int) -> None:
    value &= 0xFFFFFFFFFFFFFFFF  # negative: two's complement of 64 bits
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def decode(table: Table, content: bytes) -> dict[str, Any]:
    """Fields that the table doesn't know are skipped. Raises BundleError for what is no message of it."""
    try:
        return _decode(table, memoryview(content))
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise BundleError(f"not a protobuf message: {error}") from None


def _decode(table: Table, content: memoryview) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    while at < len(content):
        tag, at = _number(content, at)
        value, at = _value(content, at, tag & 7)
        name, kind, repeated = table.fields.get(tag >> 3, (None, None, False))
        if name is None:
            continue
        if repeated:
            found.setdefault(name, []).extend(_several(kind, value, tag & 7))
        else:
            found[name] = _typed(kind, value, tag & 7)
    return found


def _value(content: memoryview, at: int, wire: int) -> tuple[Any, int]:
    if wire == _VARINT:
        return _number(content, at)
    if wire == _BYTES:
        size, at = _number(content, at)
    elif wire in (_FIXED64, _FIXED32):
        size = 8 if wire == _FIXED64 else 4
    else:
        raise BundleError(f"not a protobuf message: wire type {wire}")
    if at + size > len(content):
        raise IndexError("it ends in the middle of a field")
    return content[at : at + size], at + size


def _number(content: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise BundleError("not a protobuf message: a number longer than 64 bits")


def _several(kind: Any, value: Any, wire: int) -> list[Any]:
    if wire != _BYTES or kind not in _TYPES:
        return [_typed(kind, value, wire)]
    if kind in _PACKS:
        letter, size = _PACKS[kind]
        return list(struct.unpack(f"<{len(value) // size}{letter}", value))
    numbers = []
    at = 0
    while at < len(value):
        number, at = _number(value, at)
        numbers.append(_typed(kind, number, _VARINT))
    return numbers


def _typed(kind: Any, value: Any, wire: int) -> Any:
    if wire != (_TYPES.get(kind, _BYTES)):
        raise BundleError(f"not a protobuf message: wire type {wire}")
    if isinstance(kind, Table):
        return _decode(kind, value)
    if kind in _PACKS:
        return struct.unpack("<" + _PACKS[kind][0], value)[0]
    if kind == "str":
        return bytes(value).decode("utf-8")
    if kind == "bytes":
        return bytes(value)
    if kind == "bool":
        return bool(value)
    return value - (1 << 64) if value >> 63 else value
