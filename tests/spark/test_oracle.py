"""The oracle is Spark itself, one for all who ask."""

from typing import Any

import pytest

from spark.oracle import Asked, Oracle


def test_script(oracle: Oracle) -> None:
    found = oracle.run("frame = spark.range(times * 2)\ncount = frame.count()", times=3)
    assert found == {"count": 6}


def test_function(oracle: Oracle) -> None:
    def asked(spark: Any, rows: list[tuple[str, float]]) -> list[tuple[str, float]]:
        frame = spark.createDataFrame(rows, "name string, value double").groupBy("name").sum("value").orderBy("name")
        return [tuple(row) for row in frame.collect()]

    assert oracle(asked, [("a", 1.5), ("b", 2.0), ("a", 0.25)]) == [("a", 1.75), ("b", 2.0)]


def test_a_question_that_fails_says_why_and_the_next_is_answered(oracle: Oracle) -> None:
    with pytest.raises(Asked, match="NameError: name 'nothing'"):
        oracle.run("nothing()")
    assert oracle.run("version = spark.version")["version"].startswith("3.5.")
