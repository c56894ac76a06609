"""The columns of a Parquet file, from its footer: Thrift's compact protocol, as far as that needs it.

https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any, BinaryIO, Final

from clary.services.glue.crawler.kinds import Array, Found, Struct

MAGIC: Final = b"PAR1"
LARGEST: Final = 16 << 20  # bytes of a footer that is read
DEEPEST, MOST = 64, 100_000  # structures within each other, and values of one list
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTES, FIXED = range(8)
PLAIN: Final = {
    BOOLEAN: "boolean",
    INT32: "int",
    INT64: "bigint",
    INT96: "timestamp",
    FLOAT: "float",
    DOUBLE: "double",
    BYTES: "binary",
    FIXED: "binary",
}
# ConvertedType: UTF8, ENUM, DATE, TIMESTAMP_MILLIS and _MICROS, INT_8 and INT_16, UINT_8, UINT_16, JSON.
CONVERTED: Final = {
    0: "string",
    4: "string",
    19: "string",
    6: "date",
    9: "timestamp",
    10: "timestamp",
    11: "smallint",
    12: "int",
    15: "tinyint",
    16: "smallint",
}
LISTED, MAPPED, PAIRED, DECIMAL = 3, 1, 2, 5
# LogicalType: STRING, MAP, LIST, ENUM, DECIMAL, DATE, TIME, TIMESTAMP, INTEGER, UNKNOWN, JSON
LOGICAL: Final = {1: "string", 4: "string", 6: "date", 8: "timestamp", 12: "string"}


class BadParquet(Exception):
    """This is no footer."""


def footer(file: BinaryIO, size: int) -> Found | None:
    """None for what is no Parquet file."""
    if size < 12:
        return None
    file.seek(size - 8)
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or not 0 < length <= min(LARGEST, size - 12):
        return None
    file.seek(size - 8 - length)
    try:
        told = _Compact(file.read(length)).struct(0)
        elements, rows = told[2], told.get(3, 0)
        columns, used = _fields(elements, 1, elements[0].get(5, 0), 0)
    except (BadParquet, IndexError, KeyError, TypeError, ValueError, AttributeError):
        return None
    if used != len(elements):
        return None
    return Found("parquet", columns, {}, records=rows, size=float(size))


def _fields(elements: list[Any], at: int, count: int, depth: int) -> tuple[dict[str, Any], int]:
    """Names and types of so many elements from a place on, and the place behind them: the schema is a flat list."""
    if depth > DEEPEST:
        raise BadParquet
    found: dict[str, Any] = {}
    for _ in range(count):
        element = elements[at]
        kind, at = _type(elements, at, depth)
        found[element[4].decode("utf-8", "replace")] = kind
    return found, at


def _type(elements: list[Any], at: int, depth: int) -> tuple[Any, int]:
    element = elements[at]
    children = element.get(5, 0)
    converted, logical = element.get(6), element.get(10, {})
    if not children:
        kind = _leaf(element, converted, logical)
        return (Array(kind) if element.get(3) == 2 else kind), at + 1
    inner, behind = _fields(elements, at + 1, children, depth + 1)
    if converted == LISTED or 3 in logical:
        return Array(_element(elements[at + 1], inner)), behind
    if converted in (MAPPED, PAIRED) or 2 in logical:
        pairs = next(iter(inner.values()))
        pairs = pairs.of if isinstance(pairs, Array) else pairs
        if isinstance(pairs, Struct) and len(pairs.fields) == 2:
            key, value = pairs.fields.values()
            return f"map<{key},{value}>", behind
    struct = Struct(inner)
    return (Array(struct) if element.get(3) == 2 else struct), behind


def _element(repeated: Any, inner: dict[str, Any]) -> Any:
    """What a list is of: its one field is repeated, and, but in old files, a group of one field.
    https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists
    """
    (kind,) = inner.values()
    kind = kind.of if isinstance(kind, Array) else kind
    if isinstance(kind, Struct) and len(kind.fields) == 1 and repeated[4] != b"array":
        (kind,) = kind.fields.values()
    return kind


def _leaf(element: Any, converted: Any, logical: Any) -> str:
    if converted == DECIMAL or 5 in logical:
        told = logical.get(5, {})
        return f"decimal({element.get(8, told.get(2))},{element.get(7, told.get(1, 0))})"
    if 10 in logical:
        return {8: "tinyint", 16: "smallint", 32: "int"}.get(logical[10].get(1), "bigint")
    found = CONVERTED.get(converted) or next((LOGICAL[kind] for kind in logical if kind in LOGICAL), "")
    return found or PLAIN[element[1]]


class _Compact:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        """Values by the fields' numbers."""
        if depth > DEEPEST:
            raise BadParquet
        found, number = {}, 0
        while header := self._byte():
            kind, step = header & 15, header >> 4
            number = number + step if step else self._zigzag()
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth + 1)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if depth > DEEPEST:
            raise BadParquet
        if kind in (1, 2):  # a list's: true is 1
            return self._byte() == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            return self._take(8)
        if kind == 8:
            return self._take(self._varint())
        if kind in (9, 10):
            return self._list(depth)
        if kind == 11:
            return self._map(depth)
        if kind == 12:
            return self.struct(depth)
        raise BadParquet

    def _list(self, depth: int) -> list[Any]:
        header = self._byte()
        size = header >> 4
        size = self._varint() if size == 15 else size
        if size > MOST:
            raise BadParquet
        return [self._value(header & 15, depth + 1) for _ in range(size)]

    def _map(self, depth: int) -> None:
        """Read over: no footer's map is of interest."""
        size = self._varint()
        if size > MOST:
            raise BadParquet
        kinds = self._byte() if size else 0
        for _ in range(size):
            self._value(kinds >> 4, depth + 1)
            self._value(kinds & 15, depth + 1)

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise BadParquet
        data, self._at = self._data[self._at : end], end
        return data

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise BadParquet
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
