"""An input file cut into what one request may have, by large blocks: never line by line where lines stay together.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

BLOCK = 4 << 20  # bytes read at a time where requests have no limit
TOO_LARGE = "Too much data for max payload size"  # AWS's words in the data log
_MAGIC = 0xCED7230A  # MXNet's RecordIO: https://github.com/dmlc/dmlc-core, include/dmlc/recordio.h
_RECORDIO = struct.Struct("<II")
_TFRECORD = struct.Struct("<QI")  # https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
_CRC = 4


class BadInput(ValueError):
    """The file is not what it should be. `at` is the record's number, from 1; 0 is none."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


class Batch:
    """What is sent at once: records `first` and so on, from 1."""

    __slots__ = ("body", "count", "first", "pieces")

    def __init__(self, body: bytes, first: int, count: int, pieces: list[bytes] | None = None) -> None:
        self.body = body
        self.first = first
        self.count = count
        self.pieces = pieces  # the records apart, where bytes do not tell


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file, to be handed on as it is read."""
    return iter(lambda: file.read(BLOCK), b"")


def whole(file: BinaryIO, limit: int) -> Iterator[Batch]:
    """The file is one record. `limit` is in bytes."""
    body = file.read(limit + 1)
    if len(body) > limit:
        raise BadInput(TOO_LARGE)
    yield Batch(body, 1, 1)


def lines(file: BinaryIO, limit: int) -> Iterator[Batch]:
    """As many lines at once as `limit` allows."""
    first, rest = 1, b""
    while True:
        more = file.read(limit + 1 - len(rest))
        block = rest + more if rest else more
        if len(block) <= limit:
            if block:
                yield _lines(block, first)
            return
        cut = block.rfind(b"\n", 0, limit + 1)
        if cut < 0:
            raise BadInput(TOO_LARGE, first)
        batch = _lines(block[: cut + 1], first)
        first += batch.count
        rest = block[cut + 1 :]
        yield batch


def _lines(block: bytes, first: int) -> Batch:
    body = block[:-1] if block.endswith(b"\n") else block
    return Batch(body, first, body.count(b"\n") + 1)


def single_lines(file: BinaryIO, limit: int) -> Iterator[Batch]:
    """Each line by itself; empty ones are no records."""
    for number, line in enumerate(_each(file, limit), 1):
        record = line.rstrip(b"\r\n")
        if limit and len(record) > limit:
            raise BadInput(TOO_LARGE, number)
        if record:
            yield Batch(record, number, 1)


def _each(file: BinaryIO, limit: int) -> Iterator[bytes]:
    most = limit + 3 if limit else -1  # with its end
    return iter(lambda: file.readline(most), b"")


def recordio(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Each record as it stands in the file, and what is in it."""
    number, framed, data = 1, b"", b""
    while True:
        head = file.read(_RECORDIO.size)
        if not head and not framed:
            return
        if len(head) < _RECORDIO.size:
            raise BadInput("The file ends within a RecordIO record", number)
        magic, told = _RECORDIO.unpack(head)
        if magic != _MAGIC:
            raise BadInput("The file is no RecordIO", number)
        part, size = told >> 29, told & (1 << 29) - 1
        padded = (size + 3) // 4 * 4
        body = file.read(padded)
        if len(body) < padded:
            raise BadInput("The file ends within a RecordIO record", number)
        if part in (2, 3):  # a record whose data has the magic number in it is in several parts
            data += _RECORDIO.pack(_MAGIC, 0)[:4]
        framed += head + body
        data += body[:size]
        if part in (0, 3):
            yield framed, data
            number, framed, data = number + 1, b"", b""


def tfrecord(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Each record as it stands in the file, and what is in it."""
    number = 1
    while True:
        head = file.read(_TFRECORD.size)
        if not head:
            return
        size = _TFRECORD.unpack(head)[0] if len(head) == _TFRECORD.size else -1
        if not 0 <= size < 1 << 31:
            raise BadInput("The file is no TFRecord", number)
        rest = file.read(size + _CRC)
        if len(rest) < size + _CRC:
            raise BadInput("The file ends within a TFRecord record", number)
        yield head + rest, rest[:size]
        number += 1


def records(found: Iterator[tuple[bytes, bytes]], limit: int, single: bool) -> Iterator[Batch]:
    """Records of a binary format: their padding stays where several are sent at once."""
    first, size, pieces = 1, 0, []  # type: tuple[int, int, list[bytes]]
    for number, (framed, data) in enumerate(found, 1):
        one = data if single else framed
        if limit and len(one) > limit:
            raise BadInput(TOO_LARGE, number)
        if single:
            yield Batch(one, number, 1)
            continue
        if limit and size + len(one) > limit:
            yield Batch(b"".join(pieces), first, len(pieces), pieces)
            first, size, pieces = number, 0, []
        pieces.append(one)
        size += len(one)
    if pieces:
        yield Batch(b"".join(pieces), first, len(pieces), pieces)


def batches(file: BinaryIO, split: str, single: bool, limit: int) -> Iterator[Batch]:
    """`limit` is 0 for none, which only records by themselves may be without. Raises BadInput."""
    if split == "Line":
        return single_lines(file, limit) if single else lines(file, limit)
    if split == "RecordIO":
        return records(recordio(file), limit, single)
    if split == "TFRecord":
        return records(tfrecord(file), limit, single)
    return whole(file, limit)
