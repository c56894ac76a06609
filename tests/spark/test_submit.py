"""Spark programs in containers: what submit.py does, as processing jobs see it."""

from typing import Any

import pytest

from conftest import Platform
from processing_jobs import CODE, Processing
from training_jobs import ENDS

IMAGE = "153931337802.dkr.ecr.us-west-2.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.2"
SUBMIT = ["/opt/venv/bin/python", "/opt/clary/spark/submit.py"]
SECONDS = 110.0  # a JVM on a busy machine; under the limit of a test


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Processing:
    return Processing(platform)


def spark(script: str, *options: str, arguments: tuple[str, ...] = (), **changed: Any) -> dict[str, Any]:
    """What Processing.start takes."""
    command = [*SUBMIT, *options, f"{CODE}/script.py", *arguments]
    application = {"ImageUri": IMAGE, "ContainerEntrypoint": command}
    cluster = {"InstanceType": "ml.m5.large", **changed.pop("cluster", {})}
    return {"script": script, "application": application, "cluster": cluster, **changed}


SMALL = """
import json, os, sys
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.appName("small").getOrCreate()
context = spark.sparkContext
rows = spark.createDataFrame([(n, n % 3) for n in range(300)], "id long, kind int")
upper = F.udf(lambda kind: f"<{kind}>")
found = {row["k"]: row["count"] for row in rows.groupBy(upper("kind").alias("k")).count().collect()}
runtime = context._jvm.java.lang.Runtime.getRuntime()
arguments = context._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()
told = {
    "found": found, "version": spark.version, "argv": sys.argv[1:], "master": context.master,
    "heap": runtime.maxMemory() >> 20, "cpus": runtime.availableProcessors(), "kept": spark.conf.get("spark.mine"),
    "path": sys.path[0], "java": list(arguments), "name": context.appName,
    "secrets": [name for name in os.environ if name.startswith("PYSPARK_GATEWAY")],
}
with open("/opt/ml/processing/output/result/told.json", "w") as file:
    json.dump(told, file)
print("it is done")
sys.exit(3)
"""


def test_a_program_runs_by_the_instances_size_and_its_exit_code_is_the_jobs(jobs: Processing) -> None:
    options = ("--conf", "spark.mine=a = b\\c", "--name=x", "--master", "yarn", "--deploy-mode", "cluster")
    name = jobs.start(
        **spark(
            SMALL.replace("result", "live"),
            *options,
            arguments=("--a", "b c"),
            ProcessingOutputConfig={"Outputs": [jobs.output("live", "submit/live", "Continuous")]},
        )
    )
    found = jobs.until(name, *ENDS, seconds=SECONDS)
    log = jobs.log(name)
    assert "exit code: 3" in found["FailureReason"], log
    assert "it is done" in log
    assert "This is Spark 3.5 and Python 3.11, whichever version the job asks for." in log
    assert not [line for line in log if "WARN" in line or "ERROR" in line or "cds" in line]
    import json

    told = json.loads(jobs.left("submit/live")["told.json"])
    assert told["found"] == {"<0>": 100, "<1>": 100, "<2>": 100}
    assert told["argv"] == ["--a", "b c"]
    assert (told["kept"], told["name"]) == ("a = b\\c", "small")
    assert (told["master"], told["cpus"]) == ("local[2]", 2)
    assert 4000 < told["heap"] < 8192 * 0.6
    assert "-XX:SharedArchiveFile=/opt/clary-java/driver.jsa" in told["java"]
    assert told["path"] == "/opt/clary/spark/python"
    assert told["secrets"] == []
