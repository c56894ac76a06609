"""Runs in a driver that waited for them: what they see, whose they are, and what becomes of them when Clary ends."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glue.warm_drivers import G1X, SLOW, Warm, opened, until_it_says

TOLD = """
import json, os, sys
from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
import boto3

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
rows = spark.read.csv("s3://%s/rows.csv" % args["bucket"]).count()


def who(_):
    import boto3
    return boto3.client("sts").get_caller_identity()["Arn"]


settings = dict(spark.sparkContext.getConf().getAll())
print(json.dumps({
    "rows": rows,
    "pid": os.path.exists("/opt/clary-word/go"),
    "me": boto3.client("sts").get_caller_identity()["Arn"],
    "workers": spark.sparkContext.parallelize([1], 1).map(who).collect(),
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "memory": spark.sparkContext.getConf().get("spark.driver.memory"),
    "secret": [name for name, value in settings.items() if os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] in value],
    "warehouse": spark.conf.get("spark.sql.warehouse.dir"),
    "extra": os.path.exists("notes.txt"),
    "argv": sys.argv[0],
}))
sys.stderr.write("for the error log\\n")
"""


@pytest.fixture
def warm() -> Iterator[Warm]:
    with opened() as found:
        yield found


def test_a_run_in_a_driver_that_waited(warm: Warm) -> None:
    """It has its own arguments, settings, files, log and role; the second has another; one with other needs has none;
    when Clary ends nothing waits any more.
    """
    jobs = warm.jobs
    jobs.put("rows.csv", "1\n2\n3\n")
    given = {"--bucket": jobs.bucket, "--extra-files": jobs.put("notes.txt", "a note")}
    given |= {"--enable-spark-ui": "true", "--spark-event-logs-path": f"s3://{jobs.bucket}/events/"}
    name = jobs.create(TOLD, DefaultArguments=given, **G1X)
    first = warm.ready()
    run = jobs.until(name, jobs.start(name, Arguments={"--conf": "spark.sql.shuffle.partitions=3"}))
    assert run["JobRunState"] == "SUCCEEDED", jobs.said(run, "error")
    told = json.loads(jobs.said(run))
    assert (told["rows"], told["pid"], told["partitions"], told["extra"]) == (3, True, "3", True)
    assert ":assumed-role/AmazonSageMaker-ExecutionRole/" in told["me"]
    assert told["workers"] == [told["me"]]
    assert told["secret"] == []
    assert told["warehouse"].endswith("/tmp/spark-warehouse")
    assert told["argv"] == "/tmp/script.py"
    assert jobs.said(run, "error").splitlines()[2:] == ["for the error log"]
    events = [each["Key"] for each in jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="events/local-")["Contents"]]
    assert len(events) == 1
    warm.gone(first)

    second = warm.ready()
    assert second != first
    other = jobs.start(name, Arguments={"--conf": "spark.driver.memory=600m"})
    cold = json.loads(jobs.said(jobs.until(name, other)))
    assert (cold["pid"], cold["memory"], cold["rows"]) == (False, "600m", 3)
    assert warm.ready() == second

    pid = started(warm.place / second)
    os.kill(pid, signal.SIGKILL)  # it is gone before anybody sees it
    again = jobs.until(name, jobs.start(name))
    assert again["JobRunState"] == "SUCCEEDED", again
    assert json.loads(jobs.said(again))["pid"] is False
    warm.gone(second)
    third = warm.ready()
    warm.platform.stop()
    assert warm.folders() == set()
    assert third not in warm.groups()


def test_the_role_decides_and_a_stop_ends_it(warm: Warm) -> None:
    jobs, iam = warm.jobs, warm.platform.client("iam")
    jobs.put("rows.csv", "1\n")
    name = jobs.create(TOLD, DefaultArguments={"--bucket": jobs.bucket}, **G1X)
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{jobs.bucket}/{name}/*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    command = jobs.glue.get_job(JobName=name)["Job"]["Command"]
    update = {"Role": role, "Command": command, "GlueVersion": "4.0", "WorkerType": "G.1X", "NumberOfWorkers": 2}
    jobs.glue.update_job(JobName=name, JobUpdate={**update, "DefaultArguments": {"--bucket": jobs.bucket}})
    taken = warm.ready()
    run = jobs.until(name, jobs.start(name))
    assert run["JobRunState"] == "FAILED"
    assert "rows.csv" in run["ErrorMessage"], run["ErrorMessage"]
    warm.gone(taken)

    slow = jobs.create(SLOW.format(60), **G1X)
    taken = warm.ready()
    stopped = jobs.start(slow)
    until_it_says(jobs, slow, stopped, "True")
    began = time.monotonic()
    jobs.glue.batch_stop_job_run(JobName=slow, JobRunIds=[stopped])
    assert jobs.until(slow, stopped)["JobRunState"] == "STOPPED"
    assert time.monotonic() - began < 20
    warm.gone(taken)


def test_clary_is_killed(warm: Warm) -> None:
    """One that runs goes on, is adopted, and is told of once; one that waits ends by itself, and is cleared away; one
    that was taken and did not begin is begun in the ordinary way.
    """
    jobs, platform = warm.jobs, warm.platform
    slow = jobs.create(SLOW.format(6), **G1X)
    taken = warm.ready()
    run = jobs.start(slow)
    until_it_says(jobs, slow, run, "True")
    platform.kill()
    time.sleep(7)
    platform.start()
    found = jobs.until(slow, run)
    assert found["JobRunState"] == "SUCCEEDED"
    assert jobs.said(found).splitlines() == ["True", "over"]
    warm.gone(taken)

    waiting = warm.ready()
    parked = started(warm.place / waiting)
    platform.kill()
    ended(parked)
    platform.start()
    warm.gone(waiting)

    quick = jobs.create(SLOW.format(0), **G1X)
    waiting = warm.ready()
    jobs.put(f"{quick}/script.py", SLOW.format(0) + "#" * (60 << 20))  # its copy takes a moment
    begun = jobs.start(quick)
    deadline = time.monotonic() + 20
    while not list((warm.place / waiting / "plan" / "tmp").glob("script.py")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    platform.kill()
    handed = (warm.place / waiting / "word" / "go").exists()
    platform.start()
    found = jobs.until(quick, begun)
    assert found["JobRunState"] == "SUCCEEDED"
    assert jobs.said(found).splitlines() == [str(handed), "over"]
    warm.gone(waiting)


def started(place: Path) -> int:
    """The first process of the container."""
    pids: list[int] = json.loads((place / "supervisor" / "started").read_text())["pids"]
    return pids[0]


def ended(pid: int) -> None:
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "it waits for nobody"
        time.sleep(0.1)
