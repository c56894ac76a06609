"""Numbers as Java 8 writes and reads them. The texts here are of Java 17, whose algorithm is that of Java 8;
tests/spark/test_java_text.py asks Java itself.
"""

import math
import struct

import pytest

from clary.images.sparkml_serving.java_input import Bad, of_text, of_value, text_of
from clary.images.sparkml_serving.java_text import double_text

DOUBLES = {
    0.0: "0.0", 1.0: "1.0", -1.5: "-1.5", 0.1: "0.1", 100.0: "100.0", 1e-3: "0.001", 9.999e-4: "9.999E-4",
    9999999.0: "9999999.0", 1e7: "1.0E7", 12345678.0: "1.2345678E7", 5e-324: "4.9E-324", 1 / 3: "0.3333333333333333",
    2.2250738585072014e-308: "2.2250738585072014E-308", 1.7976931348623157e308: "1.7976931348623157E308",
    2.0**-44: "5.6843418860808015E-14",  # the shortest would be 5.684341886080802E-14
    7e22: "7.0000000000000004E22", 1.25e22: "1.2499999999999999E22",
    1e23: "9.999999999999999E22", 2e23: "1.9999999999999998E23", 2e22: "2.0E22",
    5.090272091760693e16: "5.0902720917606928E16", math.inf: "Infinity", -math.inf: "-Infinity",
}  # fmt: skip


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def test_doubles_as_java_writes_them() -> None:
    assert {value: double_text(value) for value in DOUBLES} == DOUBLES
    assert {value: double_text(value) for value in DOUBLES} == DOUBLES  # again, from those that are remembered
    assert double_text(-0.0) == "-0.0"
    assert double_text(math.nan) == "NaN"


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("int", {"7": 7, "+7": 7, "-0": 0, "2147483647": 2147483647}),
        ("long", {"9223372036854775807": 9223372036854775807}),
        ("byte", {"-128": -128}),
        ("short", {"32767": 32767}),
        ("double", {"7": 7.0, " 1e3\n": 1000.0, "1.5d": 1.5, ".5F": 0.5, "0x1.8p1": 3.0, "-Infinity": -math.inf,
                    "1e999": math.inf, "-0x1p9999": -math.inf}),
        ("float", {"0.1": single(0.1), "1e39": math.inf, "16777217": 16777216.0,
                   "1.00000017881393432617187499": single(1.0000001),
                   "1.00000017881393432617187501": single(1.0000002)}),
        ("boolean", {"TRUE": True, "yes": False, "": False}),
        ("string", {" a ": " a ", "": ""}),
    ],
)  # fmt: skip
def test_texts_are_read_as_java_reads_them(kind: str, texts: dict[str, object]) -> None:
    assert {text: of_text(kind)(text) for text in texts} == texts


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("int", "1.0", 'For input string: "1.0"'),
        ("int", "2147483648", 'For input string: "2147483648"'),
        ("int", "1_0", 'For input string: "1_0"'),
        ("int", "", 'For input string: ""'),
        ("byte", "128", 'Value out of range. Value:"128" Radix:10'),
        ("double", " x ", 'For input string: "x"'),
        ("double", "nan", 'For input string: "nan"'),
        ("double", "1_0.0", 'For input string: "1_0.0"'),
        ("double", " ", "empty String"),
        ("float", "inf", 'For input string: "inf"'),
    ],
)
def test_what_java_does_not_read_is_refused_in_its_words(kind: str, text: str, said: str) -> None:
    with pytest.raises(Bad) as refused:
        of_text(kind)(text)
    assert refused.value.message == said


def test_values_of_json() -> None:
    assert of_value("string", "basic")(1.10) == "1.1"
    assert of_value("string", "")([1, True, None, {"a": "b"}]) == "[1, true, null, {a=b}]"
    assert of_value("double", "basic")(38) == 38.0
    assert of_value("double", "array")([1.5, None]) == [1.5, None]
    assert of_value("int", "array")([1, 2]) == [1, 2]
    assert of_value("long", "array")([1 << 40]) == [1 << 40]
    assert of_value("double", "vector")([1.0, 2.0]).tolist() == [1.0, 2.0]
    assert text_of(1e7) == "1.0E7"


@pytest.mark.parametrize(
    ("kind", "struct_", "value", "said"),
    [
        ("double", "array", [38], "java.lang.Integer cannot be cast to java.lang.Double"),
        ("long", "array", [1], "java.lang.Integer cannot be cast to java.lang.Long"),
        ("short", "array", [1], "java.lang.Integer cannot be cast to java.lang.Short"),
        ("string", "array", [1.5], "java.lang.Double cannot be cast to java.lang.String"),
        ("double", "array", "a", "Input val is not a list but struct passed is array"),
        ("double", "vector", 1.0, "Input val is not a list but struct passed is vector"),
        ("double", "vector", [1], "java.lang.Integer cannot be cast to java.lang.Double"),
        ("double", "vector", [None], None),
        ("string", "basic", None, None),
        ("double", "array", None, None),
        ("int", "basic", 1.5, 'For input string: "1.5"'),
    ],
)
def test_values_that_the_container_refuses(kind: str, struct_: str, value: object, said: str | None) -> None:
    with pytest.raises(Bad) as refused:
        of_value(kind, struct_)(value)
    assert refused.value.message == said
