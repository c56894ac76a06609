"""spark-submit's options, and the files that settings are in."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.images.spark.options import BadOptions, parse, read, write
from spark.oracle import Oracle

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).map(lambda text: text.strip())


def test_options_become_settings_and_the_rest_is_the_programs() -> None:
    words = ["--name=a b", "--conf", "spark.x = 1=2", "-c", "spark.y=", "--py-files", "a.py,b.zip", "--verbose"]
    found = parse([*words, "--deploy-mode", "cluster", "app.py", "--name", "theirs"])
    assert found.settings == {
        "spark.app.name": "a b",
        "spark.x": "1=2",
        "spark.y": "",
        "spark.submit.pyFiles": "a.py,b.zip",
    }
    assert (found.app, found.arguments, found.python) == ("app.py", ["--name", "theirs"], True)
    assert not parse(["--class", "a.B", "app.jar"]).python


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nothing", "app.py"], "Unrecognized option: --nothing"),
        (["--conf", "x", "app.py"], "Spark config without '=': x"),
        (["--name"], "Missing argument for option '--name'"),
        (["--name", "x"], "Missing application resource"),
    ],
)
def test_what_is_no_option_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(BadOptions, match=message):
        parse(words)


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_written_is_read(settings: dict[str, str]) -> None:
    assert read(write(settings)) == settings


def test_a_file_as_people_write_it() -> None:
    text = "# a comment\n! another\n\nspark.a  1 2\nspark.b=x\nspark.c : y\n"
    text += "spark.d one\\\n   two\nspark.e\n  spark.f = g\\:h\\u00e9\n"
    assert read(text) == {
        "spark.a": "1 2",
        "spark.b": "x",
        "spark.c": "y",
        "spark.d": "onetwo",
        "spark.e": "",
        "spark.f": "g:hé",
    }


def test_java_reads_it_likewise(oracle: Oracle, tmp_path: Path) -> None:
    awkward = ["a = b\\c", "#x", "!", "tab\there", "line\nbreak", "é ß 漢 😀", ":=", "", "C:\\temp\\n", "'\"`$x"]
    settings = {f"spark.n{number}": value for number, value in enumerate(awkward)} | {"spark.#=: x": "1"}
    file = tmp_path / "spark.conf"
    file.write_text(write(settings), "utf-8")

    def asked(spark: Any, path: str) -> dict[str, str]:
        found = spark._jvm.org.apache.spark.util.Utils.getPropertiesFromFile(path)
        pairs = found.iterator()
        read = {}
        while pairs.hasNext():
            pair = pairs.next()
            read[pair._1()] = pair._2()
        return read

    assert oracle(asked, str(file)) == settings
