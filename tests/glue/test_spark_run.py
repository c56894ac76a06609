"""Runs of Spark jobs: one that uses all that Glue offers, and some that fail."""

import io
import json
import zipfile
from typing import Any

import pytest

from conftest import Platform
from glue_jobs import GlueJobs
from iam.people import trust
from sagemaker_inputs import fresh, role

ETL: dict[str, Any] = {"command": "glueetl"}
LOGGING = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
ALL = """
import json, sys
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job
import helping, mleap

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "TempDir"])
told = {"name": args["JOB_NAME"], "run": args["JOB_RUN_ID"], "temporary": args["TempDir"], "argv": sys.argv}
context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
job = Job(context)
job.init(args["JOB_NAME"], args)
told["settings"] = [spark.conf.get("spark.sql.shuffle.partitions"), spark.conf.get("spark.custom.thing")]
place = "://%s/out" % args["bucket"]
spark.range(100).selectExpr("id", "id % 3 as part").write.partitionBy("part").parquet("s3" + place)
told["parts"] = spark.read.parquet("s3a" + place).groupBy("part").count().count()
told["mapped"] = spark.sparkContext.parallelize(xrange(4)).map(lambda n: n * len(helping.WORD)).sum()
told["extra"] = open("notes.txt").read()
told["packages"] = [helping.__file__, mleap.__file__]
loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
told["jar"] = loader.getResource("in-the-jar.txt") is not None
spark.sql("create database if not exists by_spark")
told["databases"] = sorted(row[0] for row in spark.sql("show databases").collect())
print json.dumps(told)
sys.stderr.write("for the error log\\n")
job.commit()
"""


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> GlueJobs:
    return GlueJobs(platform)


@pytest.fixture(scope="module")
def ran(jobs: GlueJobs) -> dict[str, Any]:
    """A Python 2 script of Glue 1.0, and much of what a job can be told."""
    packages = io.BytesIO()
    with zipfile.ZipFile(packages, "w") as archive:
        archive.writestr("helping.py", "WORD = 'helped'\n")
        archive.writestr("mleap/__init__.py", "raise ImportError('the one of the archive')")
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("in-the-jar.txt", "a resource")
    jars = {"mleap-spark-assembly.jar": b"no jar at all", "helping.jar": jar.getvalue()}
    jobs.put("logs/.keep", "")
    arguments = {
        "--bucket": jobs.bucket,
        "--TempDir": f"s3://{jobs.bucket}/temporary/",
        "--extra-py-files": jobs.put("lib/mleap-python.zip", packages.getvalue()),
        "--extra-jars": ",".join(jobs.put(f"lib/{name}", body) for name, body in jars.items()),
        "--extra-files": jobs.put("lib/notes.txt", "a note"),
        "--conf": "spark.sql.shuffle.partitions=2 --conf spark.custom.thing=a=b",
        "--enable-glue-datacatalog": "true",
        "--enable-continuous-cloudwatch-log": "true",
        "--enable-spark-ui": "true",
        "--spark-event-logs-path": f"s3://{jobs.bucket}/logs/",
        "--job-bookmark-option": "job-bookmark-enable",
    }
    changed: dict[str, Any] = {"GlueVersion": "1.0", "WorkerType": "Standard", "NumberOfWorkers": 2}
    python2 = {"PythonVersion": "2"}
    run = jobs.create(ALL, command="glueetl", DefaultArguments=arguments, Command=python2, **changed)
    found = jobs.until(run, jobs.start(run))
    assert found["JobRunState"] == "SUCCEEDED", jobs.said(found, "error")
    return found


def test_the_script_has_its_arguments_files_and_packages(jobs: GlueJobs, ran: dict[str, Any]) -> None:
    told = json.loads(jobs.said(ran).splitlines()[-1])
    assert (told["name"], told["run"]) == (ran["JobName"], ran["Id"])
    assert told["temporary"] == f"s3://{jobs.bucket}/temporary/"
    assert told["argv"][0] == "/tmp/script.py"
    assert "--conf" not in told["argv"]
    assert told["argv"][told["argv"].index("--JOB_ID") + 1].startswith("j_")
    assert told["settings"] == ["2", "a=b"]
    assert (told["extra"], told["jar"]) == ("a note", True)
    helping, mleap = told["packages"]
    assert helping.endswith("mleap-python.zip/helping.py")
    assert mleap == "/opt/clary/spark/python/mleap/__init__.py"


def test_spark_reads_and_writes_as_the_role_and_knows_the_catalog(jobs: GlueJobs, ran: dict[str, Any]) -> None:
    told = json.loads(jobs.said(ran).splitlines()[-1])
    assert (told["parts"], told["mapped"]) == (3, 36)
    assert "by_spark" in told["databases"]
    assert jobs.glue.get_database(Name="by_spark")["Database"]["Name"] == "by_spark"
    keys = [found["Key"] for found in jobs.s3.list_objects_v2(Bucket=jobs.bucket)["Contents"]]
    assert any(key.startswith("out/part=2/") for key in keys)
    assert [key for key in keys if key.startswith("logs/local-")]


def test_the_logs_say_what_is_otherwise_than_on_aws(jobs: GlueJobs, ran: dict[str, Any]) -> None:
    error = jobs.said(ran, "error")
    assert "This is Spark 3.5" in error
    assert "mleap-spark-assembly.jar is left alone" in error
    assert "for the error log" in error
    assert "for the error log" not in jobs.said(ran)
    assert ran["LogGroupName"] == "/aws-glue/jobs"
    group, stream = "/aws-glue/jobs/logs-v2", f"{ran['Id']}-driver"
    events = jobs.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    assert "\n".join(event["message"] for event in events) == error


def test_the_bookmark_is_kept(jobs: GlueJobs, ran: dict[str, Any]) -> None:
    entry = jobs.glue.get_job_bookmark(JobName=ran["JobName"])["JobBookmarkEntry"]
    assert (entry["Run"], entry["RunId"]) == (1, ran["Id"])


READ = """
import sys
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate().read.csv(sys.argv[sys.argv.index("--from") + 1]).count()
"""
NOTHING = "AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://{bucket}/nothing."
WANTED = "GlueArgumentError: the following arguments are required: --wanted"
ASK = "import sys\nfrom awsglue.utils import getResolvedOptions\ngetResolvedOptions(sys.argv, ['wanted'])\n"


@pytest.mark.parametrize(
    ("script", "version", "message"),
    [
        (
            READ,
            "4.0",
            "Error Category: QUERY_ERROR; Failed Line Number: 4; Spark Error Class: PATH_NOT_FOUND; " + NOTHING,
        ),
        ("import sys\nsys.exit(3)", "3.0", "SystemExit: 3"),
        ("import sys\nsys.exit(3)", "1.0", "Command failed with exit code 3"),
        ("print(", "2.0", "SyntaxError: '(' was never closed (script.py, line 1)"),
        (
            ASK,
            "5.0",
            "Error Category: INVALID_ARGUMENT_ERROR; Failed Line Number: 3; " + WANTED,
        ),
    ],
)
def test_why_a_run_failed(jobs: GlueJobs, script: str, version: str, message: str) -> None:
    name = jobs.create(script, command="glueetl", GlueVersion=version)
    found = jobs.until(name, jobs.start(name, Arguments={"--from": f"s3://{jobs.bucket}/nothing"}))
    assert (found["JobRunState"], found["ErrorMessage"]) == ("FAILED", message.format(bucket=jobs.bucket))


EITHER = """
import sys
from pyspark.sql.functions import *
print(1 / 2, reduce(lambda a, b: a + b, xrange(4)))
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "0.5 6"),
        ({"GlueVersion": "1.0"}, "0 6"),
        ({"GlueVersion": "1.0", "Command": {"PythonVersion": "3"}}, None),
        ({"GlueVersion": "4.0"}, None),
    ],
)
def test_which_python_a_script_is_of(jobs: GlueJobs, changed: dict[str, Any], said: str | None) -> None:
    told = {"Name": "glueetl", "ScriptLocation": jobs.put("either.py", EITHER), **changed.pop("Command", {})}
    name = fresh("job")
    jobs.glue.create_job(Name=name, Role=role(jobs.platform), Command=told, **changed)
    found = jobs.until(name, jobs.start(name))
    if said is None:
        assert "NameError: name 'xrange'" in found["ErrorMessage"] or "reduce" in found["ErrorMessage"], found
    else:
        assert jobs.said(found) == said, jobs.said(found, "error")
    assert "Undated" not in jobs.glue.get_job(JobName=name)["Job"]


LARGE = """
from pyspark.context import SparkContext
context = SparkContext.getOrCreate()
context._gateway.new_array(context._jvm.long, 400000000)
"""


def test_java_out_of_memory(jobs: GlueJobs) -> None:
    name = jobs.create(LARGE, command="glueetl", GlueVersion="4.0")
    found = jobs.until(name, jobs.start(name, Arguments={"--conf": "spark.driver.memory=512m"}))
    assert (found["JobRunState"], found["ErrorMessage"]) == ("FAILED", "Command Failed due to Out of Memory")
    assert "spark.driver.memory" in jobs.said(found, "error")


def test_a_run_reads_and_logs_what_its_role_may(jobs: GlueJobs) -> None:
    """One whose data the role may not read, and which has a log group of its own; and one that the role may not log to
    the group of.
    """
    iam, name, own = jobs.platform.client("iam"), fresh("Glue"), fresh("group")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "glue.amazonaws.com"}))
    denied, job = jobs.create(READ, command="glueetl", GlueVersion="4.0", Role=name), jobs.create("", Role=name, **ETL)
    bucket = f"arn:aws:s3:::{jobs.bucket}"
    wanted = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": [bucket, f"{bucket}/{denied}/*", f"{bucket}/{job}/*"]},
        {"Effect": "Allow", "Action": LOGGING, "Resource": f"arn:aws:logs:us-west-2:*:log-group:{own}:*"},
    ]
    allowed = json.dumps({"Version": "2012-10-17", "Statement": wanted})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowed)
    continuous = {"--enable-continuous-cloudwatch-log": "true", "--continuous-log-logStreamPrefix": own}

    given = {**continuous, "--continuous-log-logGroup": own, "--from": jobs.put("hidden/data.csv", "1,2\n")}
    found = jobs.until(denied, jobs.start(denied, Arguments=given))
    assert found["JobRunState"] == "FAILED"
    assert "hidden/data.csv" in found["ErrorMessage"], found["ErrorMessage"]
    assert "s3:GetObject" in found["ErrorMessage"] or "Access Denied" in found["ErrorMessage"], found["ErrorMessage"]
    events = jobs.logs.get_log_events(logGroupName=own, logStreamName=f"{own}-driver", startFromHead=True)["events"]
    assert "This is Spark 3.5" in "\n".join(event["message"] for event in events)
    assert "nothing goes there" not in jobs.said(found, "error")

    other = "/aws/sagemaker/TrainingJobs"
    kept = jobs.until(job, jobs.start(job, Arguments={**continuous, "--continuous-log-logGroup": other}))
    assert kept["JobRunState"] == "SUCCEEDED"  # as on AWS
    said = jobs.said(kept, "error")
    assert "--continuous-log-logGroup: nothing goes there: " in said
    assert "is not authorized to perform: logs:" in said
    groups = jobs.logs.describe_log_groups(logGroupNamePrefix=other)["logGroups"]
    assert not groups or not jobs.logs.describe_log_streams(logGroupName=other, logStreamNamePrefix=own)["logStreams"]


def test_a_jar_is_run_by_its_class(jobs: GlueJobs) -> None:
    """One of Hadoop's, which says what version that is."""
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    given = {"--job-language": "scala", "--class": "org.apache.hadoop.util.VersionInfo"}
    location = {"ScriptLocation": jobs.put("app.jar", jar.getvalue())}
    name = jobs.create(**ETL, Command=location, DefaultArguments=given, GlueVersion="4.0")
    found = jobs.until(name, jobs.start(name))
    assert found["JobRunState"] == "SUCCEEDED", jobs.said(found, "error")
    assert jobs.said(found).startswith("Hadoop 3."), jobs.said(found)
