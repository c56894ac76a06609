"""A run of several workers: a Spark cluster over as many instances."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Platform
from glue_jobs import GlueJobs

SCRIPT = """
import json, socket, time
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext

def where(_):
    import helping
    time.sleep(0.3)
    return f"{socket.gethostname()} {helping.WORD}"

deadline, hosts = time.monotonic() + 100, set()
while len(hosts) < 2 and time.monotonic() < deadline:  # executors come one by one
    hosts |= set(context.parallelize(range(8), 8).map(where).collect())
print(json.dumps({"hosts": sorted(hosts), "master": context.master}))
"""


@pytest.fixture
def platform_of_two() -> Iterator[Platform]:
    """It gives a run two instances, however few processors there are."""
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    running = Platform(folder / "home", CLARY_GLUE_WORKERS="2").start()
    yield running
    running.stop()
    shutil.rmtree(folder)


def test_a_run_of_two_workers(platform_of_two: Platform) -> None:
    jobs = GlueJobs(platform_of_two)
    arguments = {"--extra-py-files": jobs.put("lib/helping.py", "WORD = 'helped'\n")}
    size: dict[str, Any] = {"WorkerType": "G.025X", "NumberOfWorkers": 3, "GlueVersion": "4.0"}
    name = jobs.create(SCRIPT, command="glueetl", DefaultArguments=arguments, **size)
    run = jobs.until(name, jobs.start(name))
    assert run["JobRunState"] == "SUCCEEDED", jobs.said(run, "error")
    told = json.loads(jobs.said(run).splitlines()[-1])
    assert told == {"hosts": ["algo-1 helped", "algo-2 helped"], "master": "spark://algo-1:7077"}
    assert "The run asks for 3 G.025X; this machine has room for 2." in jobs.said(run, "error")
    streams = jobs.logs.describe_log_streams(logGroupName="/aws-glue/jobs/error", logStreamNamePrefix=run["Id"])
    assert f"{run['Id']}_g-1" in {stream["logStreamName"] for stream in streams["logStreams"]}
