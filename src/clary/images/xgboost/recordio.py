"""RecordIO with protobuf records, as the SDK's `write_numpy_to_dense_tensor`, `write_spmatrix_to_sparse_tensor` make.
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html#td-serialization
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .failures import UserError
from .packages import numpy, package

MAGIC = 0xCED7230A
# record.proto: Record{1: features, 2: label}, each a map entry {1: key, 2: Value}; Value's tensors by field number, and
# Tensor{1: values, 2: keys, 3: shape}.
TENSORS = {2: "<f4", 3: "<f8", 7: "<i4"}


def read(sources: list[Path]) -> tuple[Any, Any]:
    """Features, dense or sparse, and labels."""
    rows: list[tuple[Any, Any, int]] = []
    labels = []
    for source in sources:
        for record in _records(source.read_bytes(), source.name):
            values, keys, shape = _tensor(record, 1)
            rows.append((values, keys, shape))
            label = _tensor(record, 2)[0]
            if len(label):
                labels.append(label[0])
    if not rows:
        raise UserError("No records found in RecordIO-Protobuf data")
    if len(labels) != len(rows):
        raise UserError(f"{len(rows) - len(labels)} of {len(rows)} records have no label. Please give each record one.")
    return _features(rows), numpy.array(labels)


def features(data: bytes) -> Any:
    """Those of a request's records, dense or sparse. Labels, if there are any, are passed over."""
    rows = [_tensor(record, 1) for record in _records(data, "request")]
    if not rows:
        raise UserError("No records found in RecordIO-Protobuf data")
    return _features(rows)


def record(labels: dict[str, Any]) -> bytes:
    """One whose labels are these numbers, or lists of them, as float32."""
    message = b""
    for name, value in labels.items():
        values = numpy.array(value if isinstance(value, list) else [value], dtype="<f4").tobytes()
        entry = _field(1, name.encode()) + _field(2, _field(2, _field(1, values)))
        message += _field(2, entry)
    return struct.pack("<II", MAGIC, len(message)) + message + bytes(-len(message) % 4)


def matrix(*given: Any, **options: Any) -> Any:
    """A sparse matrix, as scipy.sparse.csr_matrix takes it."""
    return package("scipy.sparse").csr_matrix(*given, **options)


def _features(rows: list[tuple[Any, Any, int]]) -> Any:
    if any(keys is not None for _, keys, _ in rows):
        return _sparse(rows)
    if len({len(values) for values, _, _ in rows}) > 1:
        raise UserError("The records have different numbers of features.")
    return numpy.array([values for values, _, _ in rows], dtype=numpy.float32)


def _sparse(rows: list[tuple[Any, Any, int]]) -> Any:
    keys = [numpy.arange(len(values)) if keys is None else keys for values, keys, _ in rows]
    starts = numpy.concatenate([[0], numpy.cumsum([len(values) for values, _, _ in rows])])
    indices = numpy.concatenate(keys).astype(numpy.int64)
    wide = max(int(indices.max()) + 1 if len(indices) else 0, *(shape for _, _, shape in rows), 1)
    values = numpy.concatenate([values for values, _, _ in rows]).astype(numpy.float32)
    return matrix((values, indices, starts), shape=(len(rows), wide))


def _records(data: bytes, name: str) -> Iterator[memoryview]:
    view, at = memoryview(data), 0
    while at < len(view):
        if at + 8 > len(view):
            raise UserError(f"File '{name}' ends within a record.")
        magic, length = struct.unpack_from("<II", view, at)
        if magic != MAGIC:
            raise UserError(f"File '{name}' is not in RecordIO format: no record begins at byte {at}.")
        at += 8
        if at + length > len(view):
            raise UserError(f"File '{name}' ends within a record.")
        yield view[at : at + length]
        at += (length + 3) // 4 * 4


def _tensor(record: memoryview, field: int) -> tuple[Any, Any, int]:
    """Values, keys (None for a dense one) and the first of the shape of the map's entry `values`."""
    for number, entry in _fields(record):
        if number != field:
            continue
        value = dict(_fields(entry)).get(2, memoryview(b""))
        for kind, tensor in _fields(value):
            if kind in TENSORS:
                return _unpack(tensor, kind)
    return numpy.empty(0, dtype=numpy.float32), None, 0


def _unpack(tensor: memoryview, kind: int) -> tuple[Any, Any, int]:
    values = []
    keys: list[int] = []
    shape = 0
    for number, part in _fields(tensor):
        if number == 1 and kind != 7:
            values.append(numpy.frombuffer(part, dtype=TENSORS[kind]))
        elif number == 1:
            signed = [value - (1 << 64) if value >> 63 else value for value in _varints(part)]
            values.append(numpy.array(signed, dtype=numpy.int64))
        elif number == 2:
            keys += _varints(part)
        elif number == 3 and not shape:
            shape = (_varints(part) or [0])[0]
    found = numpy.concatenate(values) if values else numpy.empty(0, dtype=numpy.float32)
    # A sparse row may be empty: it has a shape, and no value.
    return found, numpy.array(keys) if keys or len(found) == 0 else None, shape


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of each field; of a number that is not packed, its bytes as if it were."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 2:
            length, at = _varint(message, at)
            end = at + length
        elif wire == 0:
            end = _varint(message, at)[1]
        elif wire in (1, 5):
            end = at + (8 if wire == 1 else 4)
        else:
            raise UserError("A record is not a protobuf message.")
        if end > len(message):
            raise UserError("A record is not a protobuf message.")
        yield tag >> 3, message[at:end]
        at = end


def _varints(part: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(part):
        value, at = _varint(part, at)
        found.append(value)
    return found


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise UserError("A record is not a protobuf message.")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _field(number: int, content: bytes) -> bytes:
    """One of bytes, or of a message."""
    length, told = len(content), bytearray()
    while length > 127:
        told.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2]) + bytes(told) + bytes([length]) + content
