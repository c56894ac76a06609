"""Dynamic frames: what each transform of the developer guide does, with records whose types differ."""

import json
from pathlib import Path
from typing import Any

import pytest

from spark.oracle import Asked, Oracle

PEOPLE: list[dict[str, Any]] = [
    {"name": "Sally", "age": 23, "location": {"state": "WY", "county": "Fremont"}, "friends": []},
    {
        "name": "Varun",
        "age": "34",
        "location": {"state": "NE", "county": "Douglas"},
        "friends": [{"name": "Arjun", "age": 3}],
    },
    {
        "name": "George",
        "age": 52.5,
        "location": {"state": "NY"},
        "friends": [{"name": "Fred"}, {"name": "Amy", "age": "x"}],
    },
    {"name": "Haruki", "age": 5000000000, "nothing": None},
]
HEAD = """
import contextlib, io, json
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import *
from awsglue.values import decoded, plain

glue = GlueContext(spark.sparkContext)
def rows(frame):
    return [plain(decoded(row, frame.schema())) for row in frame.toDF().collect()]
def kinds(frame):
    return {field.name: field.dataType.typeName() for field in frame.schema()}
def of(records, schema, name="frame"):
    return DynamicFrame.fromDF(spark.createDataFrame(records, schema), glue, name)
def printed(call, *args):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        call(*args)
    return out.getvalue()
def fails(call, *args, **named):
    try:
        call(*args, **named)
    except Exception as error:
        return type(error).__name__ + ": " + str(error)
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("people")
    (folder / "a.json").write_text("\n".join(map(json.dumps, PEOPLE)) + "\n{bad\n")
    return str(folder)


def asked(oracle: Oracle, script: str, people: str) -> dict[str, Any]:
    read = 'people = glue.create_dynamic_frame.from_options("s3", {"paths": [folder]}, "json")\n'
    return oracle.run(HEAD + read + script, folder=people)


def test_records_keep_their_own_types(oracle: Oracle, people: str) -> None:
    script = """
all_of_them = rows(people)
tree = printed(people.printSchema)
shown = printed(people.show, 1)
spark_s = people.toDF().schema.simpleString()
counts = people.count(), people.stageErrorsCount(), people.errorsCount(), people.getNumPartitions()
error = people.errorsAsDynamicFrame().toDF().select("error.msg", "error.record").first().asDict()
asserted = fails(people.assertErrorThreshold)
told = people.schema().jsonValue()
from awsglue import gluetypes
same = gluetypes._deserialize_json_value(json.dumps(told)) == people.schema()
"""
    found = asked(oracle, script, people)
    assert found["all_of_them"] == [{k: v for k, v in one.items() if v is not None} for one in PEOPLE]
    assert found["tree"].startswith(
        "root\n|-- name: string\n|-- age: choice\n|    |-- double\n|    |-- int\n|    |-- long\n|    |-- string\n"
        "|-- location: struct\n|    |-- state: string\n|    |-- county: string\n"
        "|-- friends: array\n|    |-- element: struct\n|    |    |-- name: string\n|    |    |-- age: choice\n"
    )
    assert json.loads(found["shown"]) == PEOPLE[0]
    assert "age:struct<int:int,string:string,double:double,long:bigint>" in found["spark_s"]
    assert found["counts"][:3] == (4, 1, 1)
    assert found["error"]["msg"].startswith("JSONDecodeError")
    assert "{bad" in found["error"]["record"]
    assert found["asserted"].startswith("RuntimeError: 1 records failed")
    assert found["same"]


def test_choices_are_resolved(oracle: Oracle, people: str) -> None:
    script = """
def ages(frame):
    return [row.get("age") for row in rows(frame)]
longs = people.resolveChoice(choice="cast:long")
ages_as = {
    "long": ages(longs), "int": ages(people.resolveChoice(specs=[("age", "project:int")])),
    "struct": ages(ResolveChoice.apply(people, choice="make_struct")),
    "double": ages(people.resolveChoice(specs=[("age", "cast:double")])),
}
left = kinds(people.resolveChoice(specs=[("friends[].age", "cast:int")]))["age"]
inner = [row["friends"] for row in rows(people.resolveChoice(specs=[("friends[].age", "cast:int")]))[1:3]]
columns = list(kinds(people.resolveChoice(specs=[("age", "make_cols")])))
nested = people.resolveChoice(choice="make_cols").toDF().schema["friends"].dataType.elementType.names
both = kinds(people.resolveChoice(specs=[("age", "make_struct")], choice=""))["age"]
text = fails(people.resolveChoice, specs=[("age", "cast:string")], choice="make_cols")
unknown = fails(people.resolveChoice, choice="cast"), fails(people.resolveChoice, specs=[("age", "cast:foo")])
neither = fails(people.resolveChoice)
plain_cast = kinds(people.resolveChoice(specs=[("name", "cast:int")]))["name"]
from awsglue.dynamicframe import ResolveOption
from pyspark.sql.types import DoubleType
options = people.toDF([ResolveOption("age", "Project", DoubleType())]).schema["age"].dataType.simpleString()
"""
    found = asked(oracle, script, people)
    assert found["ages_as"] == {
        "long": [23, 34, 52, 5000000000],
        "int": [23, None, None, None],
        "struct": [{"int": 23}, {"string": "34"}, {"double": 52.5}, {"long": 5000000000}],
        "double": [23.0, 34.0, 52.5, 5e9],
    }
    assert found["left"] == "choice"
    assert found["inner"] == [[{"name": "Arjun", "age": 3}], [{"name": "Fred"}, {"name": "Amy"}]]
    assert found["columns"][1:5] == ["age_int", "age_string", "age_double", "age_long"]
    assert found["nested"] == ["name", "age_int", "age_string"]
    assert found["both"] == "struct"
    assert "Only one of specs and choice" in found["text"]
    assert "Invalid resolution action cast" in found["unknown"][0]
    assert "no type foo" in found["unknown"][1]
    assert "needs specs or choice" in found["neither"]
    assert found["plain_cast"] == "int"
    assert found["options"] == "double"


def test_fields(oracle: Oracle, people: str) -> None:
    script = """
dropped = people.drop_fields(["friends.age", "location.state", "location.county", "nobody"])
gone = list(kinds(dropped)), rows(dropped)[2]["friends"]
selected = rows(SelectFields.apply(people, paths=["location.state", "name"]))[0]
renamed = rows(people.rename_field("location.state", "location.st"))[0]["location"]
moved = rows(RenameField.apply(people, "location.state", "state"))[0]
mapped = ApplyMapping.apply(frame=people, mappings=[
    ("name", "string", "who.name", "string"), ("location.state", "string", "who.state", "string"),
    ("age", "int", "age", "string"), ("friends", "array", "friends", "array"), ("none", "string", "x", "string"),
])
mapping = rows(mapped)[1], kinds(mapped)
dotted = of([(1, "2")], "`a.b` int, c string")
quoted = rows(dotted.apply_mapping([("`a.b`", "int", "`x.y`", "long"), ("c", "string", "c", "decimal(5,2)")]))
bad = fails(people.apply_mapping, [("a", "b", "c")]), fails(people.apply_mapping, [("name", "string", "n", "foo")])
case = list(kinds(people.apply_mapping([("NAME", "string", "n", "string")], case_sensitive=False)))
unnested = list(kinds(UnnestFrame.apply(frame=people)))
no_nulls = list(kinds(DropNullFields.apply(frame=people)))
split = SplitFields.apply(people, ["name", "location.state"], "left", "right")
halves = list(split.keys()), list(kinds(split["left"])), list(kinds(split.select("right")))
unchanged = rows(people.rename_field("nobody", "x")) == rows(people)
"""
    found = asked(oracle, script, people)
    assert found["gone"] == (["name", "age", "friends", "nothing"], [{"name": "Fred"}, {"name": "Amy"}])
    assert found["selected"] == {"location": {"state": "WY"}, "name": "Sally"}
    assert found["renamed"] == {"st": "WY", "county": "Fremont"}
    assert (found["moved"]["state"], found["moved"]["location"]) == ("WY", {"county": "Fremont"})
    assert found["mapping"] == (
        {"who": {"name": "Varun", "state": "NE"}, "age": "34", "friends": PEOPLE[1]["friends"]},
        {"who": "struct", "age": "string", "friends": "array"},
    )
    assert found["quoted"] == [{"x.y": 1, "c": "2.00"}]
    assert "tuple of length" in found["bad"][0]
    assert "no type foo" in found["bad"][1]
    assert found["case"] == ["n"]
    assert found["unnested"] == ["name", "age", "location.state", "location.county", "friends", "nothing"]
    assert found["no_nulls"] == ["name", "age", "location", "friends"]
    assert found["halves"] == (["left", "right"], ["name", "location"], ["age", "location", "friends", "nothing"])
    assert found["unchanged"]


def test_functions_over_records(oracle: Oracle, people: str) -> None:
    script = """
def merge(record):
    record["many"] = len(record["friends"] or [])
    record["age"] = int(record.age)
    record["made"] = {"list": [1, 2], "none": None}
    del record["location"]
    return record
made = Map.apply(frame=people, f=merge)
mapping = rows(made), kinds(made), made.stageErrorsCount(), made.errorsCount()
near = Filter.apply(frame=people, f=lambda record: record["location"]["state"] != "NY")
filtering = [row["name"] for row in rows(near)], near.stageErrorsCount(), near.errorsCount()
messages = [row["msg"] for row in near.errorsAsDynamicFrame().toDF().select("error.msg").collect()]
over = fails(people.map, lambda record: record["location"]["state"], "", False, "my step", 1)
total = fails(people.filter, lambda record: record["location"]["state"] == "NY", "", "", 0, 1)
fine = people.filter(lambda record: record["location"]["state"] == "NY", stageThreshold=1).count()
wide = of([(1, 2.5)], "a long, b float")
widths = kinds(wide.map(lambda record: record))
"""
    found = asked(oracle, script, people)
    made, kinds, stage, total = found["mapping"]
    assert made[2] == {
        "name": "George",
        "age": 52,
        "friends": PEOPLE[2]["friends"],
        "many": 2,
        "made": {"list": [1, 2]},
    }
    assert (kinds["age"], kinds["many"], kinds["made"], stage, total) == ("choice", "int", "struct", 0, 1)
    assert found["filtering"] == (["Sally", "Varun"], 1, 2)
    assert any("NoneType" in one for one in found["messages"])
    assert found["over"].startswith("ErrorThresholdExceeded: 4 records failed in this transformation (my step)")
    assert found["total"].startswith("ErrorThresholdExceeded: 2 records failed in the job")
    assert found["fine"] == 1
    assert found["widths"] == {"a": "long", "b": "float"}


def test_rows_and_frames_together(oracle: Oracle, people: str) -> None:
    script = """
split = SplitRows.apply(people, {"age": {">": 20, "<": 40}}, "in", "out")
split_rows = [row["name"] for row in rows(split["in"])], split["out"].count()
unequal = fails(people.split_rows, {"age": {"~": 1}}, "a", "b")
one, other = of([(1, "a"), (2, "b")], "id long, v string"), of([(2, "x"), (3, "y")], "id int, w string")
joined = Join.apply(one, other, "id", "id")
join = list(kinds(joined)), rows(joined)
no_key = fails(one.join, ["none"], ["id"], other)
union = sorted(rows(one.union(other)), key=str), kinds(one.union(other))
stage = of([(2, "new"), (9, "nine"), (9, "nine again")], "id long, v string")
merged = sorted(rows(one.mergeDynamicFrame(stage, ["id"])), key=str)
coalesced = people.repartition(3).getNumPartitions(), people.repartition(3).coalesce(1).getNumPartitions()
collection = split.map(lambda frame, context: frame.select_fields(["name"]))
mapped = {name: list(kinds(collection[name])) for name in collection.keys()}
flat = FlatMap.apply(split, SplitFields, "frame", paths=["name"], name1="n", name2="rest")
flattened = list(flat.keys())
each = MapToCollection.apply(split, lambda frame, context: frame.drop_fields(["age"]))["in"].count()
chosen = SelectFromCollection.apply(dfc=split, key="in").count()
described = ApplyMapping.describe()["transform"]["name"], ApplyMapping.name()
"""
    found = asked(oracle, script, people)
    assert found["split_rows"] == (["Sally", "Varun"], 2)
    assert "none of" in found["unequal"]
    assert found["join"] == ([".id", "v", "id", "w"], [{".id": 2, "v": "b", "id": 2, "w": "x"}])
    assert "no field none" in found["no_key"]
    assert found["union"][1] == {"id": "choice", "v": "string", "w": "string"}
    assert {"id": 3, "w": "y"} in found["union"][0]
    assert [row["v"] for row in found["merged"]] == ["a", "new", "nine again", "nine"]
    assert found["coalesced"] == (3, 1)
    assert found["mapped"] == {"in": ["name"], "out": ["name"]}
    assert found["flattened"] == ["in_n", "in_rest", "out_n", "out_rest"]
    assert (found["each"], found["chosen"]) == (2, 2)
    assert found["described"] == ("ApplyMapping", "ApplyMapping")


def test_nested_records_become_tables(oracle: Oracle, people: str) -> None:
    """The guide's own example, and arrays in arrays."""
    script = """
tables = Relationalize.apply(people, "/tmp/staging", "root")
names = list(tables.keys())
root = [row.get("friends") for row in rows(tables["root"])]
friends = rows(tables["root_friends"])
nested = ['{"k": 1, "a": [{"b": [1, 2]}, {"b": [3]}]}', '{"k": 2, "a": [{"b": []}]}']
nested = spark.read.json(spark.sparkContext.parallelize(nested, 1))
deep = DynamicFrame.fromDF(nested, glue, "deep").relationalize("d", "")
deep_names = list(deep.keys())
pairs = [(row["index"], row["a.val.b.val"]) for row in rows(deep["d_a.val.b"])]
joins = Join.apply(deep["d"], deep["d_a"], "a", "id").count()
texts = [("TX", '{"s":"220","p":null,"q":1}'), ("CA", '{"s":"1","q":"x"}'), ("X", "nope"), ("N", None)]
box = of(texts, "w string, d string")
opened = Unbox.apply(frame=box, path="d", format="json")
unboxed = rows(opened), opened.stageErrorsCount()
csv = rows(of([("1|a",)], "d string").unbox("d", "csv", separator="|"))
refused = fails(box.unbox, "d", "xml"), fails(box.unbox, "none", "json")
over = fails(Unbox.apply, of([("nope",), ("no",)], "d string"), "d", "json", stageThreshold=1)
ddb = DynamicFrame.fromDF(spark.read.json(spark.sparkContext.parallelize(['''{"Item": {"A": {"S": "c"}, "B": {"N": "1"},
    "M": {"M": {"x": {"S": "y"}, "z": {"L": [{"S": "q"}]}}}}}'''.replace("\\n", " ")])), glue, "d")
dynamo = rows(ddb.unnest_ddb_json()), rows(ddb.simplify_ddb_json())
"""
    found = asked(oracle, script, people)
    assert found["names"] == ["root", "root_friends"]
    keys = found["root"]
    assert len({key for key in keys if key is not None}) == 3
    assert keys[3] is None
    assert found["friends"] == [
        {"id": keys[1], "index": 0, "friends.val.name": "Arjun", "friends.val.age": 3},
        {"id": keys[2], "index": 0, "friends.val.name": "Fred"},
        {"id": keys[2], "index": 1, "friends.val.name": "Amy", "friends.val.age": "x"},
    ]
    assert found["deep_names"] == ["d", "d_a", "d_a.val.b"]
    assert found["pairs"] == [(0, 1), (1, 2), (0, 3)]
    assert found["joins"] == 3
    assert found["unboxed"] == (
        [{"w": "TX", "d": {"s": "220", "q": 1}}, {"w": "CA", "d": {"s": "1", "q": "x"}}, {"w": "X"}, {"w": "N"}],
        1,
    )
    assert found["csv"] == [{"d": {"col0": "1", "col1": "a"}}]
    assert "not xml" in found["refused"][0]
    assert "no field of text" in found["refused"][1]
    assert found["over"].startswith("ErrorThresholdExceeded: 2 records failed in this transformation")
    assert found["dynamo"] == (
        [{"Item.A": "c", "Item.B": "1", "Item.M.x": "y", "Item.M.z": [{"S": "q"}]}],
        [{"Item": {"A": "c", "B": "1", "M": {"x": "y", "z": ["q"]}}}],
    )


def test_what_is_not_there_says_so(oracle: Oracle, people: str) -> None:
    script = """
import awsgluedq.transforms, awsglueml.transforms
told = [
    fails(glue.create_dynamic_frame.from_options, "mysql", {"url": "jdbc:mysql://h/d"}),
    fails(glue.create_dynamic_frame.from_options, "kafka", {}),
    fails(glue.write_dynamic_frame.from_jdbc_conf, people, "mine"),
    fails(glue.transition_table, "d", "t", "GLACIER"),
    fails(glue.begin_transaction, False),
    fails(glue.forEachBatch, None, None, {}),
    fails(FindMatches.apply, frame=people),
    fails(EvaluateDataQuality.apply, frame=people),
    fails(awsglueml.transforms.FillMissingValues.apply, people, "age"),
    fails(awsgluedq.transforms.EvaluateDataQuality.apply, frame=people),
    *(fails(glue.create_dynamic_frame.from_options, "s3", {"paths": [folder]}, one) for one in ("xml", "avro", "ion")),
]
told.append(fails(__import__, "awsglue.blueprint.workflow"))
unknown = fails(glue.create_dynamic_frame.from_options, "s3", {"paths": [folder]}, "foo")
no_paths = fails(glue.create_dynamic_frame.from_options, "s3", {}, "json")
no_format = fails(glue.create_dynamic_frame.from_options, "s3", {"paths": [folder]})
"""
    found = asked(oracle, script, people)
    wanted = ["mysql", "kafka", "mine", "GLACIER", "begin_transaction", "forEachBatch", "FindMatches"]
    wanted += ["EvaluateDataQuality", "FillMissingValues", "EvaluateDataQuality", "xml", "avro", "ion"]
    wanted.append("blueprints")
    for said, name in zip(found["told"], wanted, strict=True):
        assert said.startswith("NotImplementedError: "), said
        assert name in said
    assert found["unknown"].startswith("ValueError: Unknown format: foo")
    assert "need paths" in found["no_paths"]
    assert "format is needed" in found["no_format"]


def test_arguments(oracle: Oracle) -> None:
    script = """
from awsglue.utils import getResolvedOptions, GlueArgumentError
def said(*args):
    try:
        getResolvedOptions(*args)
    except GlueArgumentError as error:
        return str(error)
argv = ["s.py", "--JOB_NAME", "j", "--a=1=2", "--other", "x", "--b", "two words", "--TempDir", "s3://t/",
    "--job-bookmark-option", "job-bookmark-enable", "--JOB_RUN_ID", "jr_1"]
found = getResolvedOptions(argv, ["JOB_NAME", "a", "b"])
asked = getResolvedOptions(argv, ["TempDir"])
errors = [said(argv, ["missing", "none"]), said(["s.py", "--a"], ["a"]), said(argv, ["JOB_ID"]),
    said(["s.py", "--job-bookmark-option", "maybe"], [])]
off = getResolvedOptions(["s.py"], [])["job_bookmark_option"]
"""
    found = oracle.run(script)
    assert {name: found["found"][name] for name in ("JOB_NAME", "a", "b", "TempDir", "JOB_RUN_ID", "JOB_ID")} == {
        "JOB_NAME": "j",
        "a": "1=2",
        "b": "two words",
        "TempDir": "s3://t/",
        "JOB_RUN_ID": "jr_1",
        "JOB_ID": None,
    }
    assert found["found"]["job_bookmark_option"] == "job-bookmark-enable"
    assert found["asked"]["TempDir"] == "s3://t/"
    assert found["errors"][0] == "the following arguments are required: --missing, --none"
    assert found["errors"][1] == "argument --a: expected one argument"
    assert found["errors"][2] == "Using reserved arguments JOB_ID"
    assert "invalid choice: 'maybe'" in found["errors"][3]
    assert found["off"] == "job-bookmark-disable"


def test_a_failure_is_the_scripts(oracle: Oracle, tmp_path: Path) -> None:
    """What Spark raises comes through, with its name."""
    with pytest.raises(Asked, match="partitionKeys: there is no field none"):
        oracle.run(
            HEAD + 'of([(1,)], "a int").write("s3", {"path": folder, "partitionKeys": ["none"]}, "json")',
            folder=str(tmp_path / "out"),
        )
