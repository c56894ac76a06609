"""Spark programs in containers: what submit.py does, as processing jobs see it."""

from typing import Any

import pytest

from conftest import Platform
from processing_jobs import CODE, Processing
from sagemaker_inputs import fresh
from training_jobs import ENDS

IMAGE = "153931337802.dkr.ecr.us-west-2.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.2"
SUBMIT = ["/opt/venv/bin/python", "/opt/clary/spark/submit.py"]
SECONDS = 240.0  # a JVM on a busy machine
pytestmark = pytest.mark.timeout(260)


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
    "authenticate": context._jsc.sc().env().securityManager().isAuthenticationEnabled(),
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
    assert told["authenticate"]


def failed(jobs: Processing, script: str, *options: str, **changed: Any) -> tuple[str, str]:
    """Why, and its log."""
    name = jobs.start(**spark(script, *options, **changed))
    found = jobs.until(name, *ENDS, seconds=SECONDS)
    assert found["ProcessingJobStatus"] == "Failed"
    return found["FailureReason"], "\n".join(jobs.log(name))


def test_a_syntax_error_is_told_as_python_does_and_nothing_waits_for_a_jvm(jobs: Processing) -> None:
    reason, log = failed(jobs, "def x(:\n    pass\n")
    assert "exit code: 1" in reason
    assert f'  File "{CODE}/script.py", line 1\n    def x(:\n          ^\nSyntaxError: invalid syntax' in log
    assert "/opt/clary" not in log


def test_an_unknown_option_and_a_missing_file(jobs: Processing) -> None:
    assert "Error: Unrecognized option: --nothing" in failed(jobs, "", "--nothing")[1]
    reason, log = failed(jobs, "", "--py-files", "/opt/none.zip", "/opt/none.py")
    assert "exit code: 2" in reason
    assert "can't open file '/opt/none.py': [Errno 2] No such file or directory" in log
    log = failed(jobs, "", "--py-files", f"s3://{jobs.bucket}/none.zip")[1]
    assert f"Error: s3://{jobs.bucket}/none.zip: An error occurred (NoSuchKey)" in log
    assert "Traceback" not in log


MEMORY = """
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
text = context._jvm.java.util.ArrayList()
while True:
    text.add(context._jvm.java.lang.StringBuilder(20_000_000))
"""


def test_a_driver_without_memory_says_so(jobs: Processing) -> None:
    reason, log = failed(jobs, MEMORY, "--driver-memory", "512m")
    assert "exit code: 1" in reason
    assert "Spark ran out of memory: its JVM, of 512m (spark.driver.memory), ended with exit code 3" in log
    assert "Please use a larger instance" in log


MODULES = """
import glob, json, sys, zipfile
with zipfile.ZipFile("/tmp/packed.zip", "w") as packed:
    packed.writestr("packed/__init__.py", "VALUE = 2")
with open("/tmp/single.py", "w") as single:
    single.write("VALUE = 1")
with open("/tmp/program.py", "w") as program:
    program.write('''
import single, packed
from pyspark import SparkContext
context = SparkContext.getOrCreate()
def told(_):
    import single, packed
    return single.VALUE + packed.VALUE
print("modules", single.VALUE, packed.VALUE, context.parallelize([0]).map(told).collect())
''')
import subprocess
submit = [sys.executable, "/opt/clary/spark/submit.py"]
files = ["--py-files", "/tmp/single.py,file:///tmp/packed.zip"]
subprocess.run([*submit, *files, "/tmp/program.py"], check=True)
logs = ["--conf", "spark.eventLog.enabled=true", "--conf", "spark.eventLog.dir=" + sys.argv[1]]
jar = glob.glob("/opt/venv/lib/python3*/site-packages/pyspark/jars/spark-mllib_*.jar")[0]
program = ["--class", "org.apache.spark.mllib.util.LinearDataGenerator", jar, "local[1]", "file:///tmp/made", "8"]
print("jar", subprocess.run([*submit, *logs, *program]).returncode)
print("rows", sum(len(open(part).readlines()) for part in glob.glob("/tmp/made/part-*")))
program = [*program[:-1], "8", "200000000"]  # so many features have 1.6 GB
print("jar without memory", subprocess.run([*submit, "--driver-memory", "512m", *program]).returncode)
print("jar without its class", subprocess.run([*submit, "--class", "none.Such", jar]).returncode)
"""


def test_modules_for_the_driver_and_its_workers_and_jars_with_their_exit_codes(jobs: Processing) -> None:
    script = spark(MODULES)
    place = fresh("events")
    command = ["/opt/venv/bin/python", f"{CODE}/script.py", f"s3://{jobs.bucket}/{place}/new"]
    script["application"]["ContainerEntrypoint"] = command
    name = jobs.start(**script)
    jobs.until(name, "Completed", seconds=SECONDS)
    log = jobs.log(name)
    assert "modules 1 2 [3]" in log
    assert "jar 0" in log, log
    assert "rows 8" in log
    assert "socketserver" not in "".join(log)
    assert [line for line in log if "none.Such" in line]
    assert "jar without its class 101" in log
    assert "jar without memory 3" in log
    said = "Spark ran out of memory: its JVM, of 512m (spark.driver.memory), ended with exit code 3"
    assert sum(line.startswith(said) for line in log) == 1
    (events,) = (body for path, body in jobs.left(f"{place}/new").items() if path)
    assert b'"Event":"SparkListenerApplicationEnd"' in events
