"""Input files cut into requests."""

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.images.runtime.transform_split import BadInput, Batch, batches

LINES = st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=30)


def cut(data: bytes, split: str, *, single: bool = False, limit: int = 1 << 20) -> list[Batch]:
    return list(batches(io.BytesIO(data), split, single, limit))


def framed(data: bytes) -> bytes:
    """RecordIO as MXNet writes it: https://mxnet.apache.org/versions/1.9.1/api/faq/recordio"""
    return struct.pack("<II", 0xCED7230A, len(data)) + data + bytes(-len(data) % 4)


def tensorflow(data: bytes) -> bytes:
    return struct.pack("<QI", len(data), 0) + data + bytes(4)


@given(LINES, st.integers(20, 200), st.booleans())
def test_lines_stay_whole_and_in_order(lines: list[bytes], limit: int, ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    found = cut(data, "Line", limit=limit)
    assert b"\n".join(batch.body for batch in found) == (data[:-1] if data.endswith(b"\n") else data)
    first = 1
    for batch in found:
        assert len(batch.body) <= limit
        assert batch.first == first
        assert batch.count == batch.body.count(b"\n") + 1
        first += batch.count


@given(LINES)
def test_each_line_by_itself(lines: list[bytes]) -> None:
    found = cut(b"\r\n".join(lines), "Line", single=True)
    assert [(batch.first, batch.body) for batch in found] == [
        (number, line) for number, line in enumerate(lines, 1) if line
    ]


@pytest.mark.parametrize("single", [True, False])
def test_a_line_that_is_too_long(single: bool) -> None:
    with pytest.raises(BadInput, match="Too much data") as caught:
        cut(b"short\n" * 3 + b"x" * 50 + b"\nshort\n", "Line", single=single, limit=20)
    assert caught.value.at == 4


def test_a_batch_is_as_large_as_may_be() -> None:
    found = cut(b"12345\n" * 100, "Line", limit=60)
    assert [len(batch.body) for batch in found] == [59] * 10


@pytest.mark.parametrize(("split", "write"), [("RecordIO", framed), ("TFRecord", tensorflow)])
@given(records=st.lists(st.binary(max_size=40), max_size=20), limit=st.integers(60, 200))
def test_binary_records(split: str, write: Any, records: list[bytes], limit: int) -> None:
    data = b"".join(map(write, records))
    assert [batch.body for batch in cut(data, split, single=True)] == records
    several = cut(data, split, limit=limit)
    assert b"".join(batch.body for batch in several) == data
    assert sum(batch.count for batch in several) == len(records)
    assert all(len(batch.body) <= limit for batch in several)


def test_a_record_in_parts_is_one() -> None:
    magic = struct.pack("<I", 0xCED7230A)
    parts = [(1, b"abcd"), (2, b"efgh"), (3, b"ij")]
    data = b"".join(
        magic + struct.pack("<I", kind << 29 | len(one)) + one + bytes(-len(one) % 4) for kind, one in parts
    )
    (batch,) = cut(data + framed(b"") * 0, "RecordIO", single=True)
    assert batch.body == b"abcd" + magic + b"efgh" + magic + b"ij"


@pytest.mark.parametrize(
    ("split", "data"),
    [
        ("RecordIO", framed(b"good") + b"no record at all"),
        ("RecordIO", framed(b"good") + framed(b"cut off")[:-3]),
        ("RecordIO", framed(b"good") + b"\n"),
        ("TFRecord", tensorflow(b"good") + tensorflow(b"cut off")[:-1]),
        ("TFRecord", tensorflow(b"good") + b"\xff" * 12),
        ("TFRecord", tensorflow(b"good") + b"x"),
    ],
)
def test_what_is_no_record(split: str, data: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        cut(data, split, single=True)
    assert caught.value.at == 2


def test_a_file_as_a_whole() -> None:
    assert [batch.body for batch in cut(b"all\nof it", "None")] == [b"all\nof it"]
    assert [batch.body for batch in cut(b"", "None")] == [b""]
    with pytest.raises(BadInput, match="Too much data"):
        cut(b"x" * 11, "None", limit=10)
