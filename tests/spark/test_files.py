"""Spark itself, in a job: one session for all formats and committers, as a role that may reach one bucket."""

import json
import uuid
from typing import Any

import pytest

from conftest import Platform
from processing_jobs import CODE, Processing
from s3.tools import new_bucket
from s3.webhdfs.tools import keys_of
from training_jobs import ENDS

IMAGE = "153931337802.dkr.ecr.us-west-2.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.2"

SCRIPT = """
import json, sys
from pyspark.sql import SparkSession, functions as F
bucket, secret, later, dotted = sys.argv[1:]
spark = SparkSession.builder.appName("files").config("spark.sql.shuffle.partitions", "2").getOrCreate()
context = spark.sparkContext
told = {}

def tell(name):
    def call(work):
        try:
            told[name] = work()
        except Exception as error:
            told[name] = str(error)
        return work
    return call

rows = [(n, f"nä {n}", f"2020-01-0{n % 3 + 1} 00:00:00", n / 3) for n in range(30)]
frame = spark.createDataFrame(rows, "id int, name string, at string, value double").repartition(2)
for scheme, kind in (("s3", "csv"), ("s3a", "json"), ("s3n", "parquet"), ("s3", "orc")):
    @tell(kind)
    def work():
        frame.write.format(kind).option("header", True).save(f"{scheme}://{bucket}/o/{kind}")
        read = spark.read.schema(frame.schema).format(kind).option("header", True).load(f"s3://{bucket}/o/{kind}")
        return sorted(map(list, read.collect())) == sorted(map(list, rows))

@tell("text")
def work():
    frame.select("name").write.text(f"s3a://{bucket}/o/text")
    context.parallelize(["a", "b"], 2).saveAsTextFile(f"s3a://{bucket}/o/rdd")
    read = sorted(context.textFile(f"s3://{bucket}/o/r*/part-*").collect())
    return [spark.read.text(f"s3://{bucket}/o/text").count(), read]

@tell("libsvm")
def work():
    (row,) = spark.read.format("libsvm").load(f"s3://{bucket}/in/a.libsvm").collect()
    return [row.label, row.features.toArray().tolist()]

place = f"s3://{bucket}/o/part"
@tell("partitions")
def work():
    frame.write.partitionBy("at").parquet(place)
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    frame.where("at like '2020-01-01%'").limit(2).write.mode("overwrite").partitionBy("at").parquet(place)
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
    counted = spark.read.parquet(place).groupBy(F.col("at").cast("string").alias("at")).count()
    return {row["at"]: row["count"] for row in counted.collect()}

@tell("overwritten")
def work():
    frame.limit(1).write.mode("overwrite").csv(f"s3://{bucket}/o/csv")
    frame.limit(1).write.mode("append").csv(f"s3://{bucket}/o/csv")
    return spark.read.csv(f"s3://{bucket}/o/csv").count()

@tell("exists")
def work():
    frame.write.csv(f"s3://{bucket}/o/csv")

@tell("failed")
def work():
    def fail(rows):
        import time
        for row in rows:
            yield row
        if row.id % 2:
            raise ValueError("in the middle")
    spark.createDataFrame(frame.rdd.mapPartitions(fail), frame.schema).write.json(f"s3://{bucket}/o/failed")

@tell("names")
def work():
    names = sorted(row.path for row in spark.read.format("binaryFile").load(f"s3://{bucket}/names/").collect())
    read = [spark.read.text(f"s3://{bucket}/names/{name}").first()[0] for name in ("a b", "a+b", "50%", "é€😀")]
    return [len(names), read]

@tell("new bucket")
def work():
    return spark.read.text(f"s3://{later}/f").first()[0]

@tell("dotted bucket")
def work():
    return spark.read.text(f"s3://{dotted}/f").first()[0]

@tell("root")
def work():
    rows = spark.read.format("binaryFile").load(f"s3a://{later}").collect()
    return [sorted(row.path for row in rows), spark.read.text(f"s3://{later}/").count()]

for name, path in (("unknown", "s3://no-such-bucket-here/x"), ("missing", f"s3://{bucket}/none"),
                   ("secret", f"s3://{secret}/f")):
    @tell(name)
    def work():
        return spark.read.text(path).count()

@tell("forbidden key")
def work():
    frame.write.csv(f"s3://{bucket}/locked/out")

with open("/opt/ml/processing/output/result/told.json", "w") as file:
    json.dump(told, file)
print("settings:", sorted(context.getConf().getAll()))
"""
NAMES = ("a b", "a+b", "50%", "é€😀", "x=1", "10:30")


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Processing:
    return Processing(platform)


def role(platform: Any, *buckets: str, locked: str) -> str:
    iam, name = platform.client("iam"), f"r-{uuid.uuid4().hex[:12]}"
    trusted = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    )
    arns = [f"arn:aws:s3:::{bucket}{rest}" for bucket in buckets for rest in ("", "/*")]
    statements = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": arns},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{locked}/locked/*"},
    ]
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    arn: str = made["Role"]["Arn"]
    return arn


@pytest.mark.usefixtures("spark_image")
def test_spark_reads_and_writes_what_its_role_may(platform: Platform, jobs: Processing) -> None:
    s3 = platform.client("s3")
    bucket, secret, later = (new_bucket(s3) for _ in range(3))
    dotted = f"{bucket}.more"
    s3.create_bucket(Bucket=dotted, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=dotted, Key="f", Body=b"dotted")
    s3.put_object(Bucket=bucket, Key="in/a.libsvm", Body=b"1 1:2.0 3:4.5\n")
    s3.put_object(Bucket=later, Key="f", Body=b"later")
    s3.put_object(Bucket=later, Key="10:30 a%20b", Body=b"colon")
    s3.put_object(Bucket=secret, Key="f", Body=b"no")
    for name in NAMES:
        s3.put_object(Bucket=bucket, Key=f"names/{name}", Body=name.encode())
    arguments = [bucket, secret, later, dotted]
    entry = ["/opt/venv/bin/python", "/opt/clary/spark/submit.py", f"{CODE}/script.py"]
    name = jobs.start(
        SCRIPT,
        application={"ImageUri": IMAGE, "ContainerEntrypoint": entry, "ContainerArguments": arguments},
        cluster={"InstanceType": "ml.m5.large"},
        RoleArn=role(platform, bucket, later, dotted, jobs.bucket, locked=bucket),
    )
    found = jobs.until(name, *ENDS)
    log = "\n".join(jobs.log(name))
    assert found["ProcessingJobStatus"] == "Completed", log
    told = json.loads(jobs.left(f"{name}/out")["told.json"])
    assert [told[kind] for kind in ("csv", "json", "parquet", "orc")] == [True] * 4, told
    assert told["text"] == [30, ["a", "b"]]
    assert told["libsvm"] == [1.0, [2.0, 0.0, 4.5]]
    assert told["partitions"] == {"2020-01-01 00:00:00": 2, "2020-01-02 00:00:00": 10, "2020-01-03 00:00:00": 10}
    assert told["overwritten"] == 2
    assert f"Path s3://{bucket}/o/csv already exists" in told["exists"]
    assert told["names"] == [len(NAMES), ["a b", "a+b", "50%", "é€😀"]]
    assert told["new bucket"] == "later"
    assert told["dotted bucket"] == "dotted"  # while there is one named as what is before the dot
    assert told["root"] == [[f"s3a://{later}/10:30 a%20b", f"s3a://{later}/f"], 2]
    assert "The specified bucket does not exist: s3://no-such-bucket-here" in told["unknown"]
    assert "UnknownHost" not in told["unknown"]
    assert f"Path does not exist: s3://{bucket}/none" in told["missing"]
    assert f"arn:aws:s3:::{secret}/f" in told["secret"]
    assert "not authorized to perform: s3:GetObject" in told["secret"]
    assert f"arn:aws:s3:::{bucket}/locked/out" in told["forbidden key"]
    _only_what_is_final(keys_of(s3, bucket, "o/"))
    assert keys_of(s3, bucket, "locked/") == []
    assert "in the middle" in told["failed"]
    assert "delegation=" not in log


def _only_what_is_final(keys: list[str]) -> None:
    """Nothing of a temporary directory, no marker. Of the job that failed the directory, with what a task may have left
    that was ended later, as everywhere.
    """
    failed = [key for key in keys if key.startswith("o/failed/")]
    assert not [key for key in failed if key != "o/failed/" and not key.startswith("o/failed/_temporary/")]
    final = set(keys) - set(failed)
    assert not [key for key in final if "_temporary" in key or key.endswith("/") or ".spark-staging" in key]
    assert "o/part/_SUCCESS" in final
    assert [key for key in final if key.startswith("o/part/at=2020-01-01 00%3A00%3A00/part-")]
