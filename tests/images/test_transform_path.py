"""The part of JSONPath that batch transform has."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.images.runtime.transform_path import BadPath, Path

RECORD = {"id": 7, "features": [1, 2, 3, 4], "deep": {"a": {"b": "c"}, "list": [{"x": 1}, {"x": 2}]}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", RECORD),
        ("", RECORD),
        ("$.id", 7),
        ("$['id']", 7),
        ('$["id"]', 7),
        ("$.features", [1, 2, 3, 4]),
        ("$.features[0]", 1),
        ("$.features[-1]", 4),
        ("$.features[0,-1]", [1, 4]),
        ("$.features[1:2]", [2, 3]),
        ("$.features[:1]", [1, 2]),
        ("$.features[2:]", [3, 4]),
        ("$.features[:-2]", [1, 2, 3]),
        ("$.features[-2:]", [3, 4]),
        ("$.features[0,2:]", [1, 3, 4]),
        ("$.features[*]", [1, 2, 3, 4]),
        ("$.deep.a.b", "c"),
        ("$.deep.a.*", ["c"]),
        ("$.deep.list[*].x", [1, 2]),
        ("$.deep['a','list']", {"a": {"b": "c"}, "list": [{"x": 1}, {"x": 2}]}),
        ("$.deep.['a']", {"b": "c"}),
        ("$['id', 'features']", {"id": 7, "features": [1, 2, 3, 4]}),
    ],
)
def test_of_a_document(path: str, found: Any) -> None:
    assert Path(path).of(RECORD) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", "abcdef"),
        ("$[0]", "a"),
        ("$[-1]", "f"),
        ("$[1:]", "bcdef"),
        ("$[1:4]", "bcde"),  # AWS's example: the second through the fifth column
        ("$[:5]", "abcdef"),  # AWS's example: the first through the sixth column
        ("$[5:]", "f"),
        ("$[0,-1]", "af"),
        ("$[0,5:]", "af"),
        ("$[1,3,5]", "bdf"),
        ("$[:-2]", "abcde"),
        ("$[*]", "abcdef"),
        ("$[4:99]", "ef"),
    ],
)
def test_of_columns(path: str, found: str) -> None:
    assert ["abcdef"[number] for number in Path(path).numbers(6)] == list(found)


@pytest.mark.parametrize("path", ["id", "$.", "$[", "$[a]", "$..id", "$[?(@.x)]", "$['a', b]", "$[1,,2]x", "$id"])
def test_what_is_none(path: str) -> None:
    with pytest.raises(BadPath):
        Path(path)


@pytest.mark.parametrize(
    "path", ["$[,1]", "$.missing", "$.id.more", "$.id[0]", "$.features[9]", "$.id.*", "$['no','id']"]
)
def test_what_leads_nowhere(path: str) -> None:
    with pytest.raises(BadPath):
        Path(path).of(RECORD if "," not in path or "'" in path else [1, 2])


@pytest.mark.parametrize("path", ["$.id", "$['a','b']", "$[0].x", "$[0][1]"])
def test_names_are_not_for_columns(path: str) -> None:
    with pytest.raises(BadPath, match="cannot be used for CSV"):
        Path(path).numbers(2)


@given(st.lists(st.integers(), min_size=1), st.data())
def test_columns_and_lists_agree(values: list[int], data: st.DataObject) -> None:
    number = st.integers(-len(values), len(values) - 1)
    first, last = data.draw(number), data.draw(number)
    path = Path(data.draw(st.sampled_from([f"$[{first}:{last}]", f"$[{first},{last}]", f"$[{first}:]", f"$[:{last}]"])))
    assert path.of(values) == [values[number] for number in path.numbers(len(values))]


@given(st.text(alphabet="$.[]'\",:*0123-ab "), st.recursive(st.integers(), st.lists))
def test_it_selects_or_refuses(text: str, value: Any) -> None:
    with contextlib.suppress(BadPath):  # and raises nothing else
        json.dumps(Path(text).of(value))
