"""Thrift's binary protocol, as far as a metastore needs it: messages in, messages out, structures as dictionaries.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md

A type is a word: "string", "bool", "i16", "i32", "i64", a structure's name, or "list<type>" and "map<type,type>".
"""

import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

VERSION = 0x80010000
CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
UNKNOWN_METHOD, INTERNAL_ERROR = 1, 6
STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 0, 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
WIRE = {"bool": BOOL, "i16": I16, "i32": I32, "i64": I64, "double": DOUBLE, "string": STRING}
FIXED = {BOOL: "!?", BYTE: "!b", DOUBLE: "!d", I16: "!h", I32: "!i", I64: "!q"}
LONGEST, DEEPEST = 64 << 20, 32  # bytes of a text or list, and structures within each other

Struct = Mapping[int, tuple[str, str]]  # field's number -> name and type
Read = Callable[[int], bytes]


class Malformed(Exception):
    """This is no message of Thrift's."""


class Shapes(Protocol):
    def __getitem__(self, name: str, /) -> Struct: ...


class Reader:
    def __init__(self, read: Read, shapes: Shapes) -> None:
        """`read` gives so many bytes, or raises EOFError."""
        self._read, self._shapes = read, shapes

    def begin(self) -> tuple[str, int]:
        """The name of what is called, and the call's number. Raises EOFError and Malformed."""
        if self._number("!I") not in (VERSION | CALL, VERSION | ONEWAY):
            raise Malformed("a call of the strict binary protocol is expected")
        return self._text(), int(self._number("!i"))

    def arguments(self, types: tuple[str, ...]) -> list[Any]:
        """By their places; what is not given is None."""
        found = self._struct({number + 1: (str(number), kind) for number, kind in enumerate(types)}, 0)
        return [found.get(str(number)) for number in range(len(types))]

    def _struct(self, shape: Struct, depth: int) -> dict[str, Any]:
        """Fields that the shape does not have are read over."""
        if depth > DEEPEST:
            raise Malformed("structures are nested too deeply")
        found: dict[str, Any] = {}
        while (wire := self._number("!b")) != STOP:
            name, kind = shape.get(int(self._number("!h")), ("", ""))
            value = self._value(int(wire), kind, depth + 1)
            if name:
                found[name] = value
        return found

    def _value(self, wire: int, kind: str, depth: int) -> Any:
        if wire in FIXED:
            return self._number(FIXED[wire])
        if wire == STRING:
            return self._text()
        if wire == STRUCT:
            return self._struct(self._shapes[kind] if kind and kind not in WIRE else {}, depth)
        inner = inside(kind)
        if wire == MAP:
            key, value = int(self._number("!b")), int(self._number("!b"))
            pairs = range(self._size())
            kinds = inner if len(inner) == 2 else ("", "")
            return {
                _hashable(self._value(key, kinds[0], depth + 1)): self._value(value, kinds[1], depth + 1) for _ in pairs
            }
        if wire in (LIST, SET):
            each = int(self._number("!b"))
            return [self._value(each, inner[0] if inner else "", depth + 1) for _ in range(self._size())]
        raise Malformed(f"{wire} is no type")

    def _text(self) -> str:
        return self._read(self._size()).decode("utf-8", "surrogateescape")

    def _size(self) -> int:
        size = int(self._number("!i"))
        if not 0 <= size <= LONGEST:
            raise Malformed(f"{size} is no length")
        return size

    def _number(self, form: str) -> int | float:
        value: int | float = struct.unpack(form, self._read(struct.calcsize(form)))[0]
        return value


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def inside(kind: str) -> tuple[str, ...]:
    """What a list or map is of: ("string", "list<Order>") for map<string,list<Order>>."""
    if not kind.endswith(">"):
        return ()
    name, _, rest = kind[:-1].partition("<")
    return tuple(rest.split(",", 1)) if name == "map" else (rest,)


class Writer:
    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._parts: list[bytes] = []

    def reply(self, name: str, number: int, field: int, kind: str, value: Any) -> bytes:
        """A message with one field: 0 is the result, others are exceptions. Without a type it has none."""
        self._begin(REPLY, name, number)
        if kind:
            self._field(field, kind, value)
        return self._end()

    def fault(self, name: str, number: int, kind: int, message: str) -> bytes:
        """What is wrong with the call itself: TApplicationException."""
        self._begin(EXCEPTION, name, number)
        self._field(1, "string", message)
        self._field(2, "i32", kind)
        return self._end()

    def _begin(self, kind: int, name: str, number: int) -> None:
        self._parts.append(struct.pack("!I", VERSION | kind))
        self._text(name)
        self._parts.append(struct.pack("!i", number))

    def _end(self) -> bytes:
        self._parts.append(b"\0")
        return b"".join(self._parts)

    def _field(self, number: int, kind: str, value: Any) -> None:
        self._parts.append(struct.pack("!bh", _wire(kind), number))
        self._value(kind, value)

    def _value(self, kind: str, value: Any) -> None:
        wire = _wire(kind)
        if wire in FIXED:
            self._parts.append(struct.pack(FIXED[wire], value))
        elif wire == STRING:
            self._text(value)
        elif wire == STRUCT:
            for number, (name, member) in self._shapes[kind].items():
                if value.get(name) is not None:
                    self._field(number, member, value[name])
            self._parts.append(b"\0")
        elif wire == MAP:
            key, each = inside(kind)
            self._parts.append(struct.pack("!bbi", _wire(key), _wire(each), len(value)))
            for name, member in value.items():
                self._value(key, name)
                self._value(each, member)
        else:
            (each,) = inside(kind)
            self._parts.append(struct.pack("!bi", _wire(each), len(value)))
            for member in value:
                self._value(each, member)

    def _text(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        self._parts.append(struct.pack("!i", len(data)) + data)


@cache
def _wire(kind: str) -> int:
    if kind.startswith("list<"):
        return LIST
    return MAP if kind.startswith("map<") else WIRE.get(kind, STRUCT)
