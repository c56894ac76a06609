"""The texts of doubles, and what is read of them, against Java's own."""

import math
import random
import struct
from typing import Any

import pytest

from clary.images.sparkml_serving.java_text import double_text
from spark.oracle import Oracle


def texts(spark: Any, doubles: list[int]) -> tuple[int, list[str]]:
    """Of numbers' bits. Spark's cast of a number to a text is Java's toString."""
    import struct

    rows = [(struct.unpack("<d", struct.pack("<Q", bits))[0],) for bits in doubles]
    frame = spark.createDataFrame(rows, "v double").coalesce(1)
    said = [row[0] for row in frame.selectExpr("cast(v as string)").collect()]
    version = spark._jvm.java.lang.System.getProperty("java.specification.version")
    return int(version.partition(".")[0]), said


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def test_numbers_are_written_as_java_writes_them(oracle: Oracle) -> None:
    numbers = random.Random(8)
    doubles = [bits(math.ldexp(1.0, power)) for power in range(-1074, 1024)]
    doubles += [bits(float(f"{first}e{power}")) for power in range(-323, 309, 3) for first in (1, 2, 9.9, 8.41)]
    for _ in range(2000):
        doubles.append(numbers.getrandbits(64))
        doubles += map(bits, (
            numbers.uniform(-1, 1), numbers.gauss(0, 1) * 10 ** numbers.randint(-6, 9), math.sqrt(numbers.random()),
            numbers.randint(0, 10**18) / 10 ** numbers.randint(0, 17), float(numbers.getrandbits(63)),
            numbers.randint(1, 1 << 20) * 2.0 ** numbers.randint(-40, 40),
        ))  # fmt: skip
    version, java = oracle(texts, doubles)
    if version >= 19:
        pytest.skip(f"Java {version} writes other texts than Java 8, on which the public container stands")
    ours = [double_text(struct.unpack("<d", struct.pack("<Q", each))[0]) for each in doubles]
    assert [(a, b) for a, b in zip(ours, java, strict=True) if a != b] == []
