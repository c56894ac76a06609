"""A Spark program over several instances."""

import json
from pathlib import Path

import pytest

from clary.images.spark.cluster import Outputs
from clary.images.spark.options import parse
from clary.images.spark.settings import Instance, settings
from conftest import Platform
from processing_jobs import Processing
from spark.test_submit import spark

SCRIPT = """
import json, os, socket, time
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext

def parent(process):
    with open(f"/proc/{process}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])

def where(_):
    time.sleep(0.3)
    with open(f"/proc/{parent(os.getppid())}/maps") as file:  # of the JVM: this is the child of a child
        archived = "/driver.jsa" in file.read()
    return f"{socket.gethostname()} {archived}"

deadline, hosts = time.monotonic() + 100, set()
while len(hosts) < 2 and time.monotonic() < deadline:  # executors come one by one
    hosts |= set(context.parallelize(range(8), 8).map(where).collect())
total = spark.range(1000).repartition(2).selectExpr("sum(id)").first()[0]
told = {"hosts": sorted(hosts), "total": total, "master": context.master, "driver": socket.gethostname(),
        "secret": spark.conf.get("spark.authenticate")}
print(json.dumps(told), flush=True)
spark.sql("SELECT sum(length(repeat(string(id), 900000000))) FROM range(2)").collect()
"""


@pytest.mark.parametrize(
    ("hosts", "words", "waited"),
    [(2, (), ("4", "0.8")), (2, ("--executor-cores", "1"), (None, None)), (1, (), (None, None))],
)
def test_all_executors_are_waited_for(hosts: int, words: tuple[str, ...], waited: tuple[str | None, ...]) -> None:
    """Unless the program sets their size: then nobody knows how many there will be."""
    here = Instance("algo-1", tuple(f"algo-{number + 1}" for number in range(hosts)), 2, 8 << 30)
    found = settings(parse([*words, "app.py"]), here, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert tuple(map(found.get, ("spark.cores.max", "spark.scheduler.minRegisteredResourcesRatio"))) == waited


def test_what_executors_print_last_is_told(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    outputs = Outputs(tmp_path)
    file = tmp_path / "app-1" / "0" / "stderr"
    file.parent.mkdir(parents=True)
    file.write_bytes(b'Spark Executor Command: "java"\n' + b"=" * 40 + b"\n\nfirst\n" + b"x" * 3_000_000 + b"\nlast")
    outputs.close()
    assert capfdbinary.readouterr().err == b"\nfirst\n" + b"x" * 3_000_000 + b"\nlast"


def test_executors_run_on_all_instances_and_one_without_memory_says_so(platform: Platform) -> None:
    jobs = Processing(platform)
    options = ("--executor-memory", "512m", "--conf", "spark.task.maxFailures=1")
    name = jobs.start(**spark(SCRIPT, *options, cluster={"InstanceCount": 2, "InstanceType": "ml.t3.medium"}))
    found = jobs.until(name, "Completed", "Failed")
    log = jobs.log(name)
    told = json.loads(next(line for line in log if line.startswith("{")))
    assert told == {
        "hosts": ["algo-1 True", "algo-2 True"],
        "total": 499500,
        "master": "spark://algo-1:7077",
        "driver": "algo-1",
        "secret": "true",
    }
    assert "exit code: 1" in found["FailureReason"]
    text = "\n".join(log)
    assert "ExecutorLostFailure" in text
    assert "Terminating due to java.lang.OutOfMemoryError: Java heap space" in text  # the executor's own words
    assert "Spark ran out of memory: an executor, of 512m (spark.executor.memory), ended with exit code 3" in text
    assert "Executor Command" not in text
