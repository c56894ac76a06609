"""spark.sql on the Data Catalog: one Spark job answers many questions."""

import json
from typing import Any

import pytest

from conftest import Platform
from glue.catalogs import unique
from glue.crawling import crawled
from glue_jobs import GlueJobs
from iam.people import policy, trust
from sagemaker_inputs import role

SCRIPT = """
import json, sys, datetime
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession

args = getResolvedOptions(sys.argv, ["database", "bucket"])
spark = SparkSession.builder.getOrCreate()
told = {}

def ask(name, text):
    try:
        rows = spark.sql(text).collect()
        told[name] = [[str(each) if isinstance(each, datetime.date) else each for each in row] for row in rows]
    except Exception as error:
        told[name] = type(error).__name__ + ": " + str(error).split("JVM stacktrace")[0][:300]

spark.sql("use " + args["database"])
ask("crawled", "select sum(doors), max(place) from cars")
ask("pruned", "select price from cars where place = 'there'")
ask("json", "select userId, tags[0].Name, place from clicks where place = 'there' order by userId")
ask("json altered", "alter table clicks set tblproperties ('a' = 'b')")
ask("parquet made", "create table plain (id int, name string) using parquet")
ask("parquet filled", "insert into plain values (1, 'a'), (2, 'b')")
ask("parquet", "select * from plain order by id")
ask("parts made", "create table parts (id int, year int, day date) using parquet partitioned by (year, day)")
ask("parts filled", "insert into parts values (1, 2023, date'2024-01-01'), (2, 2024, date'2024-02-01')")
ask("parts by number", "select id from parts where year >= 2024")
ask("parts by date", "select id from parts where day = date'2024-01-01'")
told["files"] = spark.sql("select * from parts where year = 2024").inputFiles()
ask("parts shown", "show partitions parts")
ask("hive made", "create external table hive (id int, what string) partitioned by (m string) "
    "row format delimited fields terminated by '|' location 's3://%s/hive'" % args["bucket"])
ask("hive filled", "insert into hive partition (m = 'a/b c') values (7, 'z')")
ask("hive overwritten", "insert overwrite table hive partition (m = 'a/b c') values (8, 'y')")
ask("hive", "select * from hive")
ask("hive added", "alter table hive add partition (m = 'new')")
ask("hive dropped", "alter table hive drop partition (m = 'new')")
ask("orc", "create table orc stored as orc as select id * 2 as id from plain")
ask("orc read", "select sum(id) from orc")
spark.range(5).selectExpr("id", "id % 2 as odd").write.partitionBy("odd").saveAsTable("saved")
told["saved"] = spark.table("saved").where("odd = 1").count()
spark.range(3).selectExpr("id", "0 as odd").write.insertInto("saved")
told["more"] = spark.table("saved").count()
ask("altered", "alter table plain add columns (extra string)")
ask("properties", "alter table plain set tblproperties ('who' = 'me')")
ask("analyzed", "analyze table plain compute statistics for columns id")
ask("view made", "create view seen as select id from plain where id > 1")
ask("view", "select * from seen")
ask("shown", "show tables like 'p*'")
ask("renamed", "alter table plain rename to other")
ask("dropped", "drop table orc")
ask("twice", "create table plain (id int)")
ask("nothing", "select * from nothing")
ask("nowhere", "create table homeless.t (id int)")
ask("locked", "select * from locked.t")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> GlueJobs:
    return GlueJobs(platform)


@pytest.fixture(scope="module")
def database(jobs: GlueJobs) -> str:
    """One that lies in the bucket, with a table that a crawler made; and one without a location."""
    name = unique("shop")
    jobs.glue.create_database(DatabaseInput={"Name": name, "LocationUri": f"s3://{jobs.bucket}/warehouse"})
    for database in ("homeless", "locked", "default"):
        if database not in [each["Name"] for each in jobs.glue.get_databases()["DatabaseList"]]:
            jobs.glue.create_database(DatabaseInput={"Name": database})
    for place, doors in (("here", 2), ("there", 4)):
        jobs.put(f"cars/place={place}/a.csv", f"{place}-a,{doors}\n{place}-b,{doors}\n")
        clicks = [{"userId": doors + number, "tags": [{"Name": place}]} for number in range(2)]
        jobs.put(f"clicks/place={place}/a.json", "".join(json.dumps(each) + "\n" for each in clicks))
    classifier = unique("headless")
    named = {"Name": classifier, "ContainsHeader": "ABSENT", "Header": ["price", "doors"]}
    jobs.glue.create_classifier(CsvClassifier=named)
    for folder, classifiers in {"cars": [classifier], "clicks": []}.items():
        crawl(jobs, name, f"s3://{jobs.bucket}/{folder}/", classifiers)
    return name


def crawl(jobs: GlueJobs, database: str, path: str, classifiers: list[str]) -> None:
    name = unique("crawler")
    given = {"Role": role(jobs.platform), "DatabaseName": database, "Classifiers": classifiers}
    jobs.glue.create_crawler(Name=name, Targets={"S3Targets": [{"Path": path}]}, **given)
    jobs.glue.start_crawler(Name=name)
    last = crawled(jobs.glue, name)
    assert last["Status"] == "SUCCEEDED", last


@pytest.fixture(scope="module")
def told(jobs: GlueJobs, database: str) -> dict[str, Any]:
    arguments = {"--enable-glue-datacatalog": "true", "--database": database, "--bucket": jobs.bucket}
    own = unique("Shopkeeper")
    iam = jobs.platform.client("iam")
    iam.create_role(RoleName=own, AssumeRolePolicyDocument=trust({"Service": "glue.amazonaws.com"}))
    iam.put_role_policy(RoleName=own, PolicyName="may", PolicyDocument=policy(["glue:*", "s3:*", "logs:*"]))
    locked = policy("glue:GetTable", "arn:aws:glue:*:*:database/locked", "Deny")
    iam.put_role_policy(RoleName=own, PolicyName="may-not", PolicyDocument=locked)
    changed: dict[str, Any] = {"command": "glueetl", "GlueVersion": "4.0", "WorkerType": "G.1X", "Role": own}
    name = jobs.create(SCRIPT, DefaultArguments=arguments, NumberOfWorkers=2, **changed)
    ran = jobs.until(name, jobs.start(name))
    assert ran["JobRunState"] == "SUCCEEDED", (ran, jobs.said(ran, "error")[-4000:])
    found: dict[str, Any] = json.loads(jobs.said(ran).splitlines()[-1])
    return found


def test_what_a_crawler_found(told: dict[str, Any], jobs: GlueJobs, database: str) -> None:
    assert told["crawled"] == [[12, "there"]]
    assert sorted(told["pruned"]) == [["there-a"], ["there-b"]]
    assert told["json"] == [[4, "there", "there"], [5, "there", "there"]]
    assert "AnalysisException" in told["json altered"]  # it is another table than Spark believes
    clicks = jobs.glue.get_table(DatabaseName=database, Name="clicks")["Table"]
    assert clicks["VersionId"] == "0"
    assert clicks["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"


def test_tables_of_sparks_own(told: dict[str, Any], jobs: GlueJobs, database: str) -> None:
    assert told["parquet made"] == told["parquet filled"] == []
    assert told["parquet"] == [[1, "a"], [2, "b"]]
    assert told["parts by number"] == [[2]]
    assert told["parts by date"] == [[1]]
    assert told["files"]
    assert all("/parts/year=2024/day=2024-02-01/" in file for file in told["files"])
    assert told["parts shown"] == [["year=2023/day=2024-01-01"], ["year=2024/day=2024-02-01"]]
    assert (told["saved"], told["more"]) == (2, 8)
    shown = jobs.glue.get_table(DatabaseName=database, Name="plain")["Table"]
    assert shown["StorageDescriptor"]["Location"] == f"s3://{jobs.bucket}/warehouse/plain"
    assert [column["Name"] for column in shown["StorageDescriptor"]["Columns"]] == ["id", "name", "extra"]
    assert shown["Parameters"]["who"] == "me"
    assert ":assumed-role/" in shown["CreatedBy"]
    listed = jobs.glue.get_partitions(DatabaseName=database, TableName="parts", Expression="day < '2024-02-01'")
    assert [each["Values"] for each in listed["Partitions"]] == [["2023", "2024-01-01"]]


def test_tables_of_hives(told: dict[str, Any], jobs: GlueJobs, database: str) -> None:
    assert told["hive"] == [[8, "y", "a/b c"]]
    assert told["hive added"] == told["hive dropped"] == []
    (partition,) = jobs.glue.get_partitions(DatabaseName=database, TableName="hive")["Partitions"]
    assert partition["Values"] == ["a/b c"]
    assert told["orc read"] == [[6]]
    keys = [each["Key"] for each in jobs.s3.list_objects_v2(Bucket=jobs.bucket)["Contents"]]
    assert not [key for key in keys if key.startswith("warehouse/orc/")]  # dropped: Spark managed it
    assert [key for key in keys if key.startswith("hive/m=a%2Fb c/")]


def test_what_else_is_asked_of_tables(told: dict[str, Any]) -> None:
    for name in ("altered", "properties", "analyzed", "view made", "dropped"):
        assert told[name] == [], name
    assert told["view"] == [[2]]
    assert [row[1] for row in told["shown"]] == ["parts", "plain"]


def test_what_cannot_be(told: dict[str, Any]) -> None:
    assert "Table rename is not supported" in told["renamed"]
    assert "TABLE_OR_VIEW_ALREADY_EXISTS" in told["twice"]
    assert "TABLE_OR_VIEW_NOT_FOUND" in told["nothing"]
    assert "Can not create a Path from an empty string" in told["nowhere"]
    assert "not authorized to perform: glue:GetTable" in told["locked"]
    assert "database/locked" in told["locked"]
