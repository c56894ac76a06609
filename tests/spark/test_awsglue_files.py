"""Files that dynamic frames are read from and written to, and which of them a job with a bookmark reads."""

import json
import os
import random
from pathlib import Path
from typing import Any

from spark.oracle import Oracle

HEAD = """
import json, os
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.values import decoded, plain

glue = GlueContext(spark.sparkContext)
def rows(frame):
    return [plain(decoded(row, frame.schema())) for row in frame.toDF().collect()]
def read(paths, format, how=None, **options):
    paths = [paths] if isinstance(paths, str) else paths
    return glue.create_dynamic_frame.from_options("s3", {"paths": paths, **options}, format, how or {})
def written(frame, name, format, how=None, **options):
    glue.write_dynamic_frame.from_options(frame, "s3", {"path": f"{folder}/{name}", **options}, format, how or {})
    found = []
    for base, _, files in sorted(os.walk(f"{folder}/{name}")):
        found += [(os.path.relpath(base, f"{folder}/{name}"), open(os.path.join(base, one), "rb").read())
            for one in sorted(files) if not one.startswith((".", "_"))]
    return found
def fails(call, *args, **named):
    try:
        call(*args, **named)
    except Exception as error:
        return type(error).__name__ + ": " + str(error)
"""


def asked(oracle: Oracle, folder: Path, script: str) -> dict[str, Any]:
    return oracle.run(HEAD + script, folder=str(folder))


def put(folder: Path, name: str, text: str, age: float = 0) -> None:
    """`age`: how many seconds ago it was written."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    if age:
        at = file.stat().st_mtime - age
        os.utime(file, (at, at))


def test_csv(oracle: Oracle, tmp_path: Path) -> None:
    put(tmp_path, "plain/a.csv", '1,"a, ""b""",\n2,c,3\n')
    put(tmp_path, "header/a.csv", "id|my name\n1|'x|y'\n2|\n")
    put(tmp_path, "quote/a.csv", '1,"a\n2,b"\n')
    put(tmp_path, "lines/a.csv", 'id,text\n1,"two\nlines"\n')
    put(tmp_path, "escaped/a.csv", '1,"a\\"b"\n')
    script = """
found = {
    "plain": rows(read(f"{folder}/plain", "csv")),
    "header": rows(read(f"{folder}/header", "csv", {"withHeader": True, "separator": "|", "quoteChar": "'"})),
    "skip": rows(read(f"{folder}/header", "csv", {"skipFirst": True, "separator": "|", "quoteChar": "'"})),
    "quote": rows(read(f"{folder}/quote", "csv", {"quoteChar": -1})),
    "lines": rows(read(f"{folder}/lines", "csv", {"withHeader": "true", "multiLine": True})),
    "escaped": rows(read(f"{folder}/escaped", "csv", {"escaper": "\\\\"})),
}
frame = read(f"{folder}/plain", "csv")
output = {
    "default": written(frame, "o1", "csv"),
    "bare": written(frame, "o2", "csv", {"writeHeader": False, "separator": ";", "quoteChar": -1}),
    "packed": [one[1][:2] for one in written(frame, "o3", "csv", compression="gzip")],
}
again = rows(read(f"{folder}/o3", "csv", {"withHeader": True}))
both = fails(read, f"{folder}/plain", "csv", {"withHeader": True, "skipFirst": True})
"""
    told = asked(oracle, tmp_path, script)
    found = told["found"]
    plain = [{"col0": "1", "col1": 'a, "b"', "col2": ""}, {"col0": "2", "col1": "c", "col2": "3"}]
    assert found["plain"] == plain
    assert found["header"] == [{"id": "1", "my name": "x|y"}, {"id": "2", "my name": ""}]
    assert found["skip"] == [{"col0": "1", "col1": "x|y"}, {"col0": "2", "col1": ""}]
    assert found["quote"] == [{"col0": "1", "col1": '"a'}, {"col0": "2", "col1": 'b"'}]
    assert found["lines"] == [{"id": "1", "text": "two\nlines"}]
    assert found["escaped"] == [{"col0": "1", "col1": 'a"b'}]
    output = told["output"]
    assert output["default"] == [(".", b'col0,col1,col2\n1,"a, ""b""",\n2,c,3\n')]
    assert output["bare"] == [(".", b'1;a, "b";\n2;c;3\n')]
    assert output["packed"] == [b"\x1f\x8b"]
    assert told["again"] == plain
    assert told["both"].startswith("NotImplementedError")


def test_json_and_columnar(oracle: Oracle, tmp_path: Path) -> None:
    """What has no choice goes through Spark's own reader, to the same records."""
    even: list[dict[str, Any]] = [{"a": n, "b": {"c": [n / 2]}, "d": None, "e": [], "ü": "ä"} for n in range(5)]
    put(tmp_path, "even/a.json", "\n".join(json.dumps(one) for one in even))
    put(tmp_path, "plain/a.json", "\n".join(json.dumps({"a": n, "b": {"c": [n / 2]}, "d": None}) for n in range(5)))
    put(tmp_path, "pretty/a.json", json.dumps([{"a": 1}, {"a": "x"}], indent=2))
    put(tmp_path, "path/a.json", json.dumps({"data": {"items": [{"id": 1}, {"id": 2}]}}, indent=1))
    script = """
even, plainly = rows(read(f"{folder}/even", "json")), rows(read(f"{folder}/plain", "json"))
pretty = rows(read(f"{folder}/pretty", "json", {"multiline": True}))
given = "$.data.items[*]", "$.data.items", "$['data'].items[1]"
paths = [rows(read(f"{folder}/path", "json", {"jsonPath": one})) for one in given]
bad_path = fails(read, f"{folder}/path", "json", {"jsonPath": "$..id"})
frame = read(f"{folder}/pretty", "json", {"multiline": True})
lines = written(frame, "o1", "json")
keyed = written(frame.resolveChoice(choice="make_cols"), "o2", "json", partitionKeys=["a_int"])
keyed_choice = [one[0] for one in written(frame, "o3", "json", partitionKeys=["a"])]
plain_frame = read(f"{folder}/plain", "json")
for format in ("parquet", "glueparquet", "orc"):
    written(plain_frame, format, format)
columnar = [rows(read(f"{folder}/{one}", one.replace("glue", ""))) for one in ("parquet", "glueparquet", "orc")]
empty = read(f"{folder}/none", "json"), read(f"{folder}/none", "csv").count()
empty = empty[0].count(), empty[0].schema().fields, empty[1]
named = rows(read(f"{folder}/pretty", "json", {"multiline": True, "attachFilename": "file"}))
named_likewise = rows(read(f"{folder}/pretty", "json", {"multiline": True}, attachFilename="file"))
stamped = fails(read, f"{folder}/pretty", "json", {"attachTimestamp": "at"})
source = glue.getSource("s3", paths=[f"{folder}/plain"])
source.setFormat("json")
sink = glue.getSink("s3", path=f"{folder}/sink")
sink.setFormat("json")
sink.writeFrame(source.getFrame())
through = rows(read(f"{folder}/sink", "json"))
plain_frame.spigot(f"{folder}/spigot", {"topk": 2})
sample = rows(read(f"{folder}/spigot", "json"))
"""
    found = asked(oracle, tmp_path, script)
    said = [{name: one for name, one in record.items() if one is not None} for record in even]
    assert found["even"] == said
    plain = [{"a": n, "b": {"c": [n / 2]}} for n in range(5)]
    assert found["plainly"] == plain
    assert found["pretty"] == [{"a": 1}, {"a": "x"}]
    assert found["paths"] == [[{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}], [{"id": 2}]]
    assert "jsonPath" in found["bad_path"]
    assert [json.loads(line) for line in b"".join(one[1] for one in found["lines"]).splitlines()] == found["pretty"]
    assert {one[0] for one in found["keyed"]} == {"a_int=1", "a_int=__HIVE_DEFAULT_PARTITION__"}
    assert set(found["keyed_choice"]) == {"a=1", "a=x"}
    assert [sorted(map(str, one)) for one in found["columnar"]] == [sorted(map(str, plain))] * 3
    assert found["empty"] == (0, [], 0)
    assert [one["a"] for one in found["named"]] == [1, "x"]
    assert all(one["file"].endswith("/pretty/a.json") for one in found["named"])
    assert found["named_likewise"] == found["named"]
    assert found["stamped"].startswith("NotImplementedError: Clary's awsglue does not have attachTimestamp")
    assert sorted(map(str, found["through"])) == sorted(map(str, plain))
    assert len(found["sample"]) == 2


def test_which_files(oracle: Oracle, tmp_path: Path) -> None:
    for at, name in enumerate(("a.json", "b.json", "_hidden", "sub/c.json", "sub/k=1/d.json", "sub/odd name [1].json")):
        put(tmp_path, name, json.dumps({"n": at}), age=100 - at)
    script = """
def seen(paths=folder, **options):
    return sorted(row["n"] for row in rows(read(paths, "json", **options)))
found = [
    seen(), seen(recurse=True), seen(f"{folder}/sub/k=1/d.json"), seen([f"{folder}/a.json", f"{folder}/b.json"]),
    seen(recurse=True, exclusions='["sub/**"]'), seen(recurse=True, exclusions=["*.json"]),
    seen(recurse=True, exclusions='["**/{c,d}.json", "[ab].json"]'), seen(recurse=True, boundedFiles="2"),
    seen(recurse=True, boundedSize="20"), seen(f"{folder}/nothing/"),
]
"""
    found = asked(oracle, tmp_path, script)["found"]
    assert found == [[0, 1], [0, 1, 3, 4, 5], [4], [0, 1], [0, 1], [3, 4, 5], [5], [0, 1], [0, 1], []]


def test_bookmarks(oracle: Oracle, tmp_path: Path) -> None:
    """A run reads what no committed run has read, file by file; other sources, pauses and failures are their own."""
    put(tmp_path, "data/old.json", '{"n": 1}', age=7200)
    put(tmp_path, "data/young.json", '{"n": 2}', age=60)
    place = tmp_path / "bookmark.json"
    place.write_text(json.dumps({"JobName": "j", "Run": 0, "JobBookmark": None}))
    script = """
os.environ["CLARY_BOOKMARK"] = f"{folder}/bookmark.json"
from awsglue.job import Job
def run(option="job-bookmark-enable", commit=True, context="source", **options):
    job = Job(glue)
    job.init("j", {"job_bookmark_option": option})
    frame = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [f"{folder}/data"], **options}, "json", transformation_ctx=context)
    seen = sorted(row["n"] for row in rows(frame))
    if commit:
        job.commit()
    return seen
def put(name, n, age):
    with open(f"{folder}/data/{name}", "w") as file:
        file.write(json.dumps({"n": n}))
    at = os.stat(f"{folder}/data/{name}").st_mtime - age
    os.utime(f"{folder}/data/{name}", (at, at))
found = [run(commit=False), run(), run()]
put("late.json", 3, 120)
put("young.json", 22, 0)
found += [run("job-bookmark-pause"), run("job-bookmark-disable"), run(), run(), run(context="other"), run(context="")]
for n in (4, 5, 6):
    put(f"{n}.json", n, 30 - n)
found += [run(boundedFiles=2), run(maxFilesInBand=1), run()]
uninitialized = Job._running = None
try:
    Job(glue).commit()
except RuntimeError as error:
    refused = str(error)
del os.environ["CLARY_BOOKMARK"]
"""
    told = asked(oracle, tmp_path, script)
    assert told["found"] == [
        [1, 2],  # not committed: read again
        [1, 2],
        [],
        [3, 22],  # a file that came late, and one that has changed; paused, nothing is kept
        [1, 3, 22],
        [3, 22],
        [],
        [1, 3, 22],  # another source
        [1, 3, 22],  # without a context there is no bookmark
        [4, 5],
        [6],
        [],
    ]
    assert "not initialized" in told["refused"]
    left = json.loads(place.read_text())
    assert (left["Committed"], left["JobName"]) == (True, "j")
    assert set(json.loads(left["JobBookmark"])) == {"source", "other"}


def value(chance: random.Random, depth: int) -> Any:
    """What JSON may say, to some depth."""
    kind = chance.randrange(9 if depth else 6)
    if kind >= 7:
        return record(chance, depth - 1)
    if kind == 6:
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    text = "".join(chance.choice("aä 1,.\n\"\\`'") for _ in range(chance.randrange(6)))
    return [chance.random() * 1e6, chance.randrange(-9, 9), chance.randrange(2**40), text, True, None][kind]


def record(chance: random.Random, depth: int) -> dict[str, Any]:
    names = ["a", "b c", "d.e", "f`g", "ü"]
    return {name: value(chance, depth) for name in chance.sample(names, chance.randrange(1, len(names)))}


def said(one: Any) -> Any:
    """Without what is null in a record, which a frame does not tell from what is not there."""
    if isinstance(one, dict):
        return {name: said(inner) for name, inner in one.items() if inner is not None}
    return [said(inner) for inner in one] if isinstance(one, list) else one


def test_any_json_comes_back_as_it_was(oracle: Oracle, tmp_path: Path) -> None:
    """Read, written, and read once more; and taken apart and put together by a mapping of every field to itself."""
    records = [[record(random.Random(seed * 1000 + n), 3) for n in range(60)] for seed in range(4)]
    for seed, given in enumerate(records):
        put(tmp_path, f"{seed}/a.json", "".join(json.dumps(one) + "\n" for one in given))
    script = """
found, again, mapped, choices = [], [], [], []
for seed in range(4):
    frame = read(f"{folder}/{seed}", "json")
    found.append(rows(frame.coalesce(1)))
    written(frame.coalesce(1), f"out{seed}", "json")
    again.append(rows(read(f"{folder}/out{seed}", "json").coalesce(1)))
    names = ["`%s`" % field.name.replace("`", "``") for field in frame.schema()]
    mapped.append(rows(frame.apply_mapping([(name, "choice", name, "choice") for name in names]).coalesce(1)))
    choices.append("choice" in json.dumps(frame.schema().jsonValue()))
"""
    told = asked(oracle, tmp_path, script)
    wanted = [[said(one) for one in given] for given in records]
    assert told["found"] == wanted
    assert told["mapped"] == wanted
    assert told["choices"] == [True] * 4
    assert told["again"] == wanted
