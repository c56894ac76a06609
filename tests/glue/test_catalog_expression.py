"""The language of GetPartitions' Expression, against another reading of it: SQLite's."""

import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.errors import AWSError
from clary.services.glue.catalog.expression import NULL, parse

KEYS = [{"Name": "n", "Type": "int"}, {"Name": "s", "Type": "string"}, {"Name": "d", "Type": "date"}]
NUMBERS = [str(number) for number in (-3, 0, 1, 2, 9, 10, 2024)]
TEXTS = ["", "a", "b", "ab", "a_b", "a%b", "ba", "it's", 'say "x"', "10", "9", "é"]
DATES = ["2023-12-31", "2024-01-01", "2024-02-29"]
WORDS = ["n", "s", "=", "<", "(", ")", ",", "AND", "OR", "NOT", "IN", "LIKE", "'a'", "1", "IS", "NULL"]
rows = st.tuples(
    *(st.sampled_from([*choice, NULL]) for choice in (NUMBERS, TEXTS, DATES)),
)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comparisons() -> st.SearchStrategy[str]:
    signs = st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="])
    keys = {
        "n": st.sampled_from(NUMBERS),
        "s": st.sampled_from(TEXTS).map(quoted),
        "d": st.sampled_from(DATES).map(quoted),
    }

    def of(key: str, value: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        negated = st.sampled_from(["", "NOT "])
        return st.one_of(
            st.builds(lambda sign, v: f"{key} {sign} {v}", signs, value),
            st.builds(lambda sign, v: f"{v} {sign} {key}", signs, value),
            st.builds(lambda no, low, high: f"{key} {no}BETWEEN {low} and {high}", negated, value, value),
            st.builds(
                lambda no, vs: f"{key} {no}in ({', '.join(vs)})", negated, st.lists(value, min_size=1, max_size=4)
            ),
            st.sampled_from([f"{key} IS NULL", f"{key} is not null"]),
        )

    like = st.builds(
        lambda no, text: f"s {no}LIKE {quoted(text)}",
        st.sampled_from(["", "NOT "]),
        st.text(alphabet="ab%_' ", max_size=6),
    )
    return st.one_of(*(of(key, value) for key, value in keys.items()), like)


expressions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds("{} AND {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("NOT ({})".format, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(expressions, st.lists(rows, min_size=1, max_size=8))
def test_as_sql(expression: str, partitions: list[tuple[str, ...]]) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    database.execute("CREATE TABLE p (n INTEGER, s TEXT, d TEXT)")
    for number, text, day in partitions:
        shown = [None if value == NULL else value for value in (number, text, day)]
        database.execute("INSERT INTO p VALUES (?, ?, ?)", shown)
    statement = f"SELECT ({expression}) IS TRUE FROM p ORDER BY rowid"  # noqa: S608 - it is what is tested
    wanted = [bool(row[0]) for row in database.execute(statement)]
    test = parse(expression, KEYS)
    assert [test(list(values)) for values in partitions] == wanted
    database.close()


@settings(max_examples=300)
@given(st.text(max_size=40) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_what_cannot_be_read_is_refused(text: str) -> None:
    try:
        test = parse(text, KEYS)
    except AWSError:
        return
    assert test(["1", "a", "2024-01-01"]) in (True, False)


@pytest.mark.parametrize(
    ("expression", "values", "found"),
    [
        ("N = 1", ["01", "", ""], True),  # in any case, and as numbers
        ('s = "it\'s"', ["", "it's", ""], True),
        ("s = 10", ["", "10", ""], True),
        ("d >= date '2024-01-01'", ["", "", "2024-02-03"], True),
        ("`n` != 1", [NULL, "", ""], False),
        ("n != 1", ["many", "", ""], False),  # what is no number is none that is looked for
        ("NOT n = 1", ["many", "", ""], False),
        ("(" * 60 + "n=1" + ")" * 60, ["1", "", ""], True),
    ],
)
def test_values(expression: str, values: list[str], found: Any) -> None:
    assert parse(expression, KEYS)(values) is found


@pytest.mark.parametrize("text", ["(" * 200 + "n=1" + ")" * 200, "n=1 or " * 300 + "n=1", "x.y = 1", "n = 'one'"])
def test_refused(text: str) -> None:
    with pytest.raises(AWSError):
        parse(text, KEYS)


def test_like_takes_no_longer_for_any_pattern() -> None:
    assert parse("s LIKE '" + "%a" * 900 + "b'", KEYS)(["", "a" * 3000, ""]) is False


def test_types_that_cannot_be_compared() -> None:
    with pytest.raises(AWSError, match="type double"):
        parse("x = 1", [{"Name": "x", "Type": "double"}])
    assert parse("x = 1.50", [{"Name": "x", "Type": "decimal(10,2)"}])(["1.5"])
    assert parse("x > '2024-01-01 10:00:00'", [{"Name": "x", "Type": "timestamp"}])(["2024-01-02 00:00:00"])
