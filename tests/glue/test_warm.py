"""Runs in a driver that waited for them: what they see, whose they are, and what becomes of them when Clary ends."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from glue.warm_drivers import G1X, SLOW, WAITED, Warm, opened, until_it_says
from glue_jobs import HOLD
from iam.people import trust
from waiting import until

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
if "--hidden" in sys.argv:
    spark.read.csv("s3://%s/hidden.csv" % args["bucket"])
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """One for all tests: each takes drivers of its own, and ten seconds of CPU is what one of them costs."""
    with opened() as found:
        yield found


def test_a_run_in_a_driver_that_waited(warm: Warm) -> None:
    """It has its own arguments, settings, files, log and role, which decides what it may read."""
    jobs = warm.jobs
    jobs.put("rows.csv", "1\n2\n3\n")
    jobs.put("hidden.csv", "1\n")
    given = {"--bucket": jobs.bucket, "--extra-files": jobs.put("notes.txt", "a note")}
    given |= {"--enable-spark-ui": "true", "--spark-event-logs-path": f"s3://{jobs.bucket}/events/"}
    name = jobs.create(TOLD, DefaultArguments=given, Role=of_its_own(warm), **G1X)
    first = warm.ready()
    asked = {"--conf": "spark.sql.shuffle.partitions=3", "--hidden": "true"}
    run = jobs.until(name, jobs.start(name, Arguments=asked))
    assert jobs.said(run), (run, jobs.said(run, "error"))
    told = json.loads(jobs.said(run))
    assert (told["rows"], told["pid"], told["partitions"], told["extra"]) == (3, True, "3", True)
    assert f":assumed-role/{OWN}/" in told["me"]
    assert told["workers"] == [told["me"]]
    assert told["secret"] == []
    assert told["warehouse"].endswith("/tmp/spark-warehouse")
    assert told["argv"] == "/tmp/script.py"
    assert run["JobRunState"] == "FAILED"
    assert "hidden.csv" in run["ErrorMessage"], run["ErrorMessage"]
    assert jobs.said(run, "error").splitlines()[2] == "for the error log"
    events = [each["Key"] for each in jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="events/local-")["Contents"]]
    assert len(events) == 1
    warm.gone(first)


OWN = "ReadsSome"


def of_its_own(warm: Warm) -> str:
    """A role that may read and write all of the bucket but one object."""
    iam, bucket = warm.platform.client("iam"), f"arn:aws:s3:::{warm.jobs.bucket}"
    trusted = trust({"Service": "glue.amazonaws.com"})
    role: str = iam.create_role(RoleName=OWN, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    may = {"Effect": "Allow", "Action": "s3:*", "Resource": [bucket, f"{bucket}/*"]}
    may_not = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"{bucket}/hidden.csv"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may, may_not]})
    iam.put_role_policy(RoleName=OWN, PolicyName="p", PolicyDocument=document)
    return role


def test_a_run_with_other_needs_and_one_whose_driver_is_gone(warm: Warm) -> None:
    jobs = warm.jobs
    jobs.put("rows.csv", "1\n2\n3\n")
    name = jobs.create(TOLD, DefaultArguments={"--bucket": jobs.bucket}, **G1X)
    waiting = warm.ready()
    other = jobs.until(name, jobs.start(name, Arguments={"--conf": "spark.driver.memory=600m"}))
    assert other["JobRunState"] == "SUCCEEDED", jobs.said(other, "error")
    cold = json.loads(jobs.said(other))
    assert (cold["pid"], cold["memory"], cold["rows"]) == (False, "600m", 3)
    assert ":assumed-role/AmazonSageMaker-ExecutionRole/" in cold["me"]
    assert warm.ready() == waiting

    os.kill(started(warm.place / waiting), signal.SIGKILL)  # it is gone before anybody sees it
    again = jobs.until(name, jobs.start(name))
    assert again["JobRunState"] == "SUCCEEDED", again
    assert json.loads(jobs.said(again))["pid"] is False
    warm.gone(waiting)


def test_a_stop_ends_it(warm: Warm) -> None:
    jobs = warm.jobs
    slow = jobs.create(SLOW, **G1X)
    taken = warm.ready()
    stopped = jobs.start(slow)
    until_it_says(jobs, slow, stopped, "True")
    jobs.glue.batch_stop_job_run(JobName=slow, JobRunIds=[stopped])
    assert jobs.until(slow, stopped)["JobRunState"] == "STOPPED"
    warm.gone(taken)


def test_clary_is_killed(warm: Warm) -> None:
    """One that runs goes on, is adopted, and is told of once; one that waits ends by itself, and is cleared away; one
    that was taken and did not begin is begun in the ordinary way. One that waits when Clary ends is gone with it.
    """
    jobs, platform = warm.jobs, warm.platform
    slow = jobs.create(f"{HOLD}{WAITED}until_gone(held)\nprint('over')\n", **G1X)
    taken = warm.ready()
    run = jobs.start(slow)
    until_it_says(jobs, slow, run, "True")
    running = started(warm.place / taken)
    platform.kill()
    ended(running)
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

    quick = jobs.create(WAITED, **G1X)
    waiting = warm.ready()
    jobs.put(f"{quick}/script.py", WAITED + "#" * (60 << 20))  # its copy takes a moment
    begun = jobs.start(quick)
    until(lambda: list((warm.place / waiting / "plan" / "tmp").glob("script.py")))
    platform.kill()
    handed = (warm.place / waiting / "word" / "go").exists()
    platform.start()
    found = jobs.until(quick, begun)
    assert found["JobRunState"] == "SUCCEEDED"
    assert jobs.said(found).splitlines() == [str(handed)]
    warm.gone(waiting)

    last = warm.ready()
    platform.stop()
    assert warm.folders() == set()
    assert last not in warm.groups()


def started(place: Path) -> int:
    """The first process of the container."""
    pids: list[int] = json.loads((place / "supervisor" / "started").read_text())["pids"]
    return pids[0]


def ended(pid: int) -> None:
    until(lambda: not Path(f"/proc/{pid}").exists(), lambda: "it waits for nobody")
