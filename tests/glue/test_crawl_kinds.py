"""How crawlers tell what a file is: Parquet against pyarrow's files, CSV and JSON by AWS's rules."""

import io
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.config import Config
from clary.errors import AWSError
from clary.images.image import resolve
from clary.images.pull import Images
from clary.services.glue.crawler import files, folders, parquet, text
from clary.services.glue.crawler.kinds import Found, of_value, settled
from conftest import IMAGES

WRITE = """
import datetime, decimal, sys
import pyarrow as pa, pyarrow.parquet as pq
inner = pa.struct([("z", pa.string())])
fields = {
    "a": (pa.int8(), 1), "b": (pa.int16(), 1), "c": (pa.int32(), 1), "d": (pa.int64(), 1), "u": (pa.uint32(), 1),
    "f": (pa.float32(), 1.5), "g": (pa.float64(), 1.5), "h": (pa.bool_(), True), "i": (pa.string(), "x"),
    "j": (pa.binary(), b"x"), "k": (pa.date32(), datetime.date(2024, 1, 1)),
    "l": (pa.timestamp("us"), datetime.datetime(2024, 1, 1)), "m": (pa.decimal128(10, 2), decimal.Decimal("1.25")),
    "n": (pa.list_(pa.int32()), [1]), "o": (pa.map_(pa.string(), pa.int64()), [("k", 1)]),
    "p": (pa.struct([("x", pa.int32()), ("y", pa.list_(inner))]), {"x": 1, "y": [{"z": "q"}]}),
    "Q": (pa.dictionary(pa.int32(), pa.string()), "cat"), "r": (pa.binary(4), b"abcd"),
}
table = pa.table({name: pa.array([value] * 7, kind) for name, (kind, value) in fields.items()})
for version, name in (("1.0", "old"), ("2.6", "new")):
    pq.write_table(table, f"{sys.argv[1]}/{name}.parquet", version=version)
pq.write_table(table, f"{sys.argv[1]}/int96.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(table, f"{sys.argv[1]}/plain_list.parquet", use_compliant_nested_type=False)
"""
TYPES = {
    "a": "tinyint",
    "b": "smallint",
    "c": "int",
    "d": "bigint",
    "f": "float",
    "g": "double",
    "h": "boolean",
    "i": "string",
    "j": "binary",
    "k": "date",
    "l": "timestamp",
    "m": "decimal(10,2)",
    "n": "array<int>",
    "o": "map<string,bigint>",
    "p": "struct<x:int,y:array<struct<z:string>>>",
    "Q": "string",
    "r": "binary",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By the pyarrow of the Spark image."""
    folder = tmp_path_factory.mktemp("parquet")
    image = Images(Config(images_home=str(IMAGES))).built(resolve("sagemaker-spark-processing:3.5"), print)
    subprocess.run([image.folder / "bin" / "python", "-c", WRITE, folder], check=True)
    return folder


@pytest.mark.parametrize("name", ["old", "new", "int96", "plain_list"])
def test_parquet(written: Path, name: str) -> None:
    path = written / f"{name}.parquet"
    found = files.classified(str(path), path.stat().st_size, [])
    assert found is not None
    assert found.classification == "parquet"
    assert found.records == 7
    columns = {column: settled(kind) for column, kind in found.columns.items()}
    assert columns.pop("u") in ("int", "bigint")
    assert columns == TYPES


def test_parquet_that_is_broken(written: Path) -> None:
    """Whatever is in a footer, it is read to an end, and soon."""
    data = (written / "new.parquet").read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - length

    @settings(max_examples=300)
    @given(st.lists(st.tuples(st.integers(0, length - 1), st.integers(0, 255)), min_size=1, max_size=5))
    def broken(changes: list[tuple[int, int]]) -> None:
        changed = bytearray(data)
        for at, value in changes:
            changed[start + at] = value
        found = parquet.footer(io.BytesIO(bytes(changed)), len(changed))
        assert found is None or found.classification == "parquet"

    broken()
    assert parquet.footer(io.BytesIO(data[:-1]), len(data) - 1) is None


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_an_end(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    for head in (b"", b"\x1f\x8b", b"PAR1", b"[", b'{"a":'):
        path.write_bytes(head + data)
        found = files.classified(str(path), len(head + data), [])
        assert found is None or found.columns


@pytest.mark.parametrize(
    ("body", "header", "columns"),
    [
        ("a,b\n1,x\n", True, {"a": "bigint", "b": "string"}),
        ("a,b\nc,d\n", False, {"col0": "string", "col1": "string"}),  # nothing tells the first row from the others
        ("1,2\n3,4.5\n", False, {"col0": "bigint", "col1": "double"}),
        ("a|b|c\n1|2|3\n", True, {"a": "bigint", "b": "bigint", "c": "bigint"}),
        ("a\tb\n1\t\n\t2\n", True, {"a": "bigint", "b": "bigint"}),
        ('a;"b;c"\n1;2\n', True, None),  # b;c is no name
        ("x,x,\n1,2,3\n", False, None),
        ("one\n1\n2\n", None, None),  # CSV has two columns at least
        ("a,b\n", None, None),  # and two rows
        ("a,b\n1,2,3\n", None, None),
    ],
)
def test_csv(body: str, header: Any, columns: Any) -> None:
    found = text.of_csv(body, whole=True)
    if header is None:
        assert found is None
        return
    assert found is not None
    if columns is not None:
        assert (found.details["header"], found.columns) == (str(header), columns)


def test_json_that_is_cut_off() -> None:
    lines = "".join(json.dumps({"a": number, "b": {"c": None}}) + "\n" for number in range(9))
    found = text.of_json(lines[:-5], whole=False)
    assert found is not None
    assert (found.records, {name: settled(kind) for name, kind in found.columns.items()}) == (
        8,
        {"a": "int", "b": "struct<c:string>"},
    )
    assert text.of_json(lines[:-5], whole=True) is None
    pretty = json.dumps([{"a": 1}, {"a": 2.5}], indent=2)
    found = text.of_json(pretty[:-4], whole=False, path="$[*]")
    assert found is not None
    assert found.records in (1, 2)
    for path, columns in {"$.x": {"y": "int"}, "$.x.y": None, "$['x']": {"y": "int"}}.items():
        found = text.of_json('{"x": {"y": 1}}', whole=True, path=path)
        assert (found.columns if found else None) == columns, path


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.lists(st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES, min_size=1), min_size=1, max_size=5))
def test_the_order_of_records_changes_no_type(records: list[dict[str, Any]]) -> None:
    one = text.of_json("\n".join(map(json.dumps, records)), whole=True)
    other = text.of_json("".join(map(json.dumps, reversed(records))), whole=True)
    assert one is not None
    assert other is not None

    def scalars(found: Found) -> dict[str, str]:
        """The fields of structures are in the order in which they came."""
        return {name: "".join(sorted(settled(kind))) for name, kind in found.columns.items()}

    assert scalars(one) == scalars(other)
    for record in records:
        for value in record.values():
            assert settled(of_value(value))


@pytest.mark.parametrize(
    ("pattern", "matched", "other"),
    [
        ("*.csv", "a.csv", "deep/a.csv"),
        ("**.csv", "deep/a.csv", "a.txt"),
        ("logs/**", "logs/a/b", "log/a"),
        ("a?c", "abc", "a/c"),
        ("*.{csv,tsv}", "x.tsv", "x.txt"),
        ("[ab]*", "bx", "cx"),
        ("[!ab]*", "cx", "ax"),
        ("a.b", "a.b", "axb"),
    ],
)
def test_exclusions(pattern: str, matched: str, other: str) -> None:
    """https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html"""
    left_out = folders.excluded([pattern])
    assert left_out(matched)
    assert not left_out(other)
    assert not folders.excluded([])(matched)


def test_an_exclusion_that_would_take_for_ever_is_refused() -> None:
    with pytest.raises(AWSError, match="take too long"):
        folders.excluded(["**[ab]" * 20 + "[xy]"])("ab" * 200 + "z")


def test_many_partitions_cost_what_each_does() -> None:
    """Not the square of that: the tables of one crawl are one transaction, which others wait for."""
    found = Found("json", {"a": "int"})
    root = folders.Folder("t/")
    for number in range(5000):
        root.add(f"t/day={number}/a.json", found, 10)
    begun = time.process_time()
    (table,) = folders.tables(root)
    assert table.keys == ["day"]
    assert [table.values(part) for part in table.parts] == [[str(number)] for number in range(5000)]
    assert time.process_time() - begun < 5
