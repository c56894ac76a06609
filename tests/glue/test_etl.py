"""An ETL script as Glue's developer guide writes them, run as a job: S3, Data Catalog and bookmarks as its role may."""

import json
from typing import Any

from conftest import Platform
from glue_jobs import GlueJobs
from sagemaker_inputs import fresh

SCRIPT = """
import sys, json
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "database"])
sc = SparkContext()
glueContext = GlueContext(sc)
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)
bucket, database = args["bucket"], args["database"]

orders = glueContext.create_dynamic_frame.from_options(
    connection_type="s3", connection_options={"paths": [f"s3://{bucket}/orders/"], "recurse": True},
    format="json", transformation_ctx="orders")
told = {"read": orders.count(), "kinds": {one.name: one.dataType.typeName() for one in orders.schema()}}
if told["read"]:
    resolved = ResolveChoice.apply(frame=orders, specs=[("price", "cast:double")])
    mapped = ApplyMapping.apply(frame=resolved, mappings=[
        ("id", "int", "id", "long"), ("price", "double", "price", "double"), ("at.year", "string", "year", "string")])
    sink = glueContext.getSink(connection_type="s3", path=f"s3://{bucket}/table/", enableUpdateCatalog=True,
        updateBehavior="UPDATE_IN_DATABASE", partitionKeys=["year"])
    sink.setFormat("glueparquet")
    sink.setCatalogInfo(catalogDatabase=database, catalogTableName="orders")
    sink.writeFrame(mapped)

def rows(frame):
    return sorted(tuple(row) for row in frame.toDF().collect())
whole = glueContext.create_dynamic_frame.from_catalog(database=database, table_name="orders")
told["columns"] = [one.name for one in whole.schema()]
told["whole"] = rows(whole)
if told["read"] > 1:
    told["pushed"] = rows(glueContext.create_dynamic_frame.from_catalog(
        database=database, table_name="orders", push_down_predicate="year > '2023'"))
    told["partition"] = rows(glueContext.create_dynamic_frame.from_catalog(
        database=database, table_name="orders", additional_options={"catalogPartitionPredicate": "year = '2023'"}))

    prices = glueContext.create_dynamic_frame.from_catalog(database=database, table_name="prices")
    told["prices"] = {one.name: one.dataType.typeName() for one in prices.schema()}
    told["matched"] = rows(prices.resolveChoice(choice="match_catalog", database=database, table_name="prices"))
    glueContext.write_dynamic_frame.from_catalog(frame=prices.resolveChoice(choice="cast:string"), database=database,
        table_name="copies")
    many = {"paths": [f"s3://{bucket}/many/"], "recurse": True}
    ten = glueContext.create_sample_dynamic_frame_from_options("s3", many,
        num=25, sample_options={"maxSamplePartitions": 2, "maxSampleFilesPerPartition": 2}, format="json",
        transformation_ctx="many")
    told["sample"] = sorted(row["n"] for row in ten.toDF().collect())
    told["first"] = glueContext.create_sample_dynamic_frame_from_options(
        "s3", many, 3, format="json").count()
    told["sampled"] = rows(glueContext.create_sample_dynamic_frame_from_catalog(database=database, table_name="orders",
        num=5, sample_options={"maxSamplePartitions": 1}))
    told["two"] = glueContext.create_sample_dynamic_frame_from_catalog(database, "prices", 2).count()
    told["schema"] = glueContext.get_catalog_schema_as_spark_schema(database, "orders").simpleString()
    told["connection"] = glueContext.extract_jdbc_conf(f"{database}-db")
    try:
        glueContext.create_dynamic_frame.from_catalog(database=database, table_name="none")
    except Exception as error:
        told["none"] = type(error).__name__
    try:
        glueContext.create_dynamic_frame.from_options("s3", {"paths": [f"s3://{bucket}-none/x"]}, "json")
    except Exception as error:
        told["bucket"] = type(error).__name__
    glueContext.purge_s3_path(f"s3://{bucket}/old/", {"retentionPeriod": 0, "manifestFilePath": f"s3://{bucket}/told/"})
glueContext.get_logger().info("the script is done")
import boto3
boto3.client("s3").put_object(Bucket=bucket, Key=f"answers/{told['read']}.json", Body=json.dumps(told))
job.commit()
"""


def table(name: str, location: str, columns: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "Name": name,
        "Parameters": {"classification": "csv", "skip.header.line.count": "1"},
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
            "Location": location,
            "SerdeInfo": {"Parameters": {"field.delim": ","}},
        },
    }


def test_a_script_of_the_guide(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    bucket, database = jobs.bucket, fresh("db").replace("-", "_")
    jobs.glue.create_database(DatabaseInput={"Name": database})
    columns = [("item", "string"), ("price", "bigint")]
    prices = jobs.put("prices/a.csv", "item,price\na,1\nb,x\nc,\n").rpartition("/")[0] + "/"
    jobs.glue.create_table(DatabaseName=database, TableInput=table("prices", prices, columns))
    copies = table("copies", f"s3://{bucket}/copies/", [("item", "string"), ("price", "string")])
    jobs.glue.create_table(DatabaseName=database, TableInput=copies)
    jobs.glue.create_connection(
        ConnectionInput={
            "Name": f"{database}-db",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://host:5432/mine",
                "USERNAME": "me",
                "PASSWORD": "secret",
            },
        }
    )
    for number in range(9):  # three files in each of three folders
        jobs.put(f"many/{number // 3}/{number}.json", f'{{"n": {number}}}\n')
    for key in ("old/a", "old/b"):
        jobs.put(key, "x")
    records = [
        {"id": 1, "price": 2, "at": {"year": "2023"}},
        {"id": 2, "price": "3.5", "at": {"year": "2024"}},
        {"id": 3, "price": 4.25, "at": {"year": "2024"}},
    ]
    jobs.put("orders/day=1/a.json", "\n".join(map(json.dumps, records)))
    arguments = {"--bucket": bucket, "--database": database, "--job-bookmark-option": "job-bookmark-enable"}
    name = jobs.create(SCRIPT, command="glueetl", GlueVersion="4.0", DefaultArguments=arguments)

    told = answer(jobs, name, 3)
    assert told["kinds"] == {"id": "int", "price": "choice", "at": "struct"}
    assert told["columns"] == ["id", "price", "year"]
    whole = [[1, 2.0, "2023"], [2, 3.5, "2024"], [3, 4.25, "2024"]]
    assert (told["whole"], told["pushed"], told["partition"]) == (whole, whole[1:], whole[:1])
    assert told["prices"] == {"item": "string", "price": "choice"}
    assert told["matched"] == [["a", 1], ["b", None], ["c", None]]
    assert told["sample"] == [0, 1, 3, 4]
    assert (told["first"], told["two"], told["sampled"]) == (3, 2, whole[:1])
    assert told["schema"] == "struct<id:bigint,price:double,year:string>"
    assert told["connection"]["user"] == "me"
    assert told["connection"]["fullUrl"] == "jdbc:postgresql://host:5432/mine"
    assert (told["none"], told["bucket"]) == ("EntityNotFoundException", "NoSuchBucket")
    made = jobs.glue.get_table(DatabaseName=database, Name="orders")["Table"]
    assert [one["Type"] for one in made["StorageDescriptor"]["Columns"]] == ["bigint", "double"]
    assert len(jobs.glue.get_partitions(DatabaseName=database, TableName="orders")["Partitions"]) == 2
    copied = objects(jobs, "copies/")
    assert b"".join(copied.values()).splitlines() == [b"item,price", b"a,1", b"b,x", b"c,"]
    assert not objects(jobs, "old/")
    assert len(objects(jobs, "told/Success.csv")["told/Success.csv"].splitlines()) == 2

    jobs.put("orders/day=2/b.json", json.dumps({"id": 4, "price": 5, "at": {"year": "2025 ü%=[1]"}}))
    told = answer(jobs, name, 1)
    assert told["whole"] == [*whole, [4, 5.0, "2025 ü%=[1]"]]
    assert len(jobs.glue.get_partitions(DatabaseName=database, TableName="orders")["Partitions"]) == 3


def answer(jobs: GlueJobs, name: str, read: int) -> dict[str, Any]:
    run = jobs.until(name, jobs.start(name))
    assert run["JobRunState"] == "SUCCEEDED", (run, jobs.said(run, "error"))
    body = jobs.s3.get_object(Bucket=jobs.bucket, Key=f"answers/{read}.json")["Body"].read()
    found: dict[str, Any] = json.loads(body)
    assert found["read"] == read
    return found


def objects(jobs: GlueJobs, prefix: str) -> dict[str, bytes]:
    listed = jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix=prefix).get("Contents", [])
    return {one["Key"]: jobs.s3.get_object(Bucket=jobs.bucket, Key=one["Key"])["Body"].read() for one in listed}
