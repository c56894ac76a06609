"""Spark programs in containers: what submit.py does. One job sees it as processing jobs do; another runs all the
programs that end otherwise, one after the other.
"""

import io
import json
import zipfile
from typing import Any

import pytest

from conftest import Platform
from processing_jobs import CODE, Processing
from sagemaker_inputs import fresh
from training_jobs import ENDS

IMAGE = "153931337802.dkr.ecr.us-west-2.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.2"
SUBMIT = ["/opt/venv/bin/python", "/opt/clary/spark/submit.py"]


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
import packed, pyspark, single
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.appName("small").getOrCreate()
context = spark.sparkContext
rows = spark.createDataFrame([(n, n % 3) for n in range(300)], "id long, kind int")
upper = F.udf(lambda kind: f"<{kind}>")
found = {row["k"]: row["count"] for row in rows.groupBy(upper("kind").alias("k")).count().collect()}

def added(_):
    import packed, single
    return single.VALUE + packed.VALUE

summed = context.accumulator(0)
context.parallelize(range(10), 2).foreach(summed.add)
runtime = context._jvm.java.lang.Runtime.getRuntime()
arguments = context._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()
told = {
    "found": found, "version": spark.version, "argv": sys.argv[1:], "master": context.master,
    "heap": runtime.maxMemory() >> 20, "cpus": runtime.availableProcessors(), "kept": spark.conf.get("spark.mine"),
    "path": sys.path[0], "java": list(arguments), "name": context.appName,
    "authenticate": context._jsc.sc().env().securityManager().isAuthenticationEnabled(),
    "summed": summed.value,
    "worker": context.range(1).map(lambda _: __import__("pyspark").__file__).first(), "pyspark": pyspark.__file__,
    "secrets": [name for name in os.environ if name.startswith("PYSPARK_GATEWAY")],
    "modules": [single.VALUE, packed.VALUE, *context.parallelize([0]).map(added).collect()],
}
with open("/opt/ml/processing/output/result/told.json", "w") as file:
    json.dump(told, file)
print("it is done")
sys.exit(3)
"""


def packed() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("packed/__init__.py", "VALUE = 2")
    return file.getvalue()


def test_a_program_runs_by_the_instances_size_and_its_exit_code_is_the_jobs(jobs: Processing) -> None:
    options = ["--conf", "spark.mine=a = b\\c", "--name=x", "--master", "yarn", "--deploy-mode", "cluster"]
    options += ("--py-files", f"{CODE}/single.py,file://{CODE}/packed.zip")
    name = fresh("small")
    jobs.put(name, {"code/single.py": b"VALUE = 1", "code/packed.zip": packed()})
    jobs.start(
        name=name,
        **spark(
            SMALL.replace("result", "live"),
            *options,
            arguments=("--a", "b c"),
            ProcessingOutputConfig={"Outputs": [jobs.output("live", "submit/live", "Continuous")]},
        ),
    )
    found = jobs.until(name, *ENDS)
    log = jobs.log(name)
    assert "exit code: 3" in found["FailureReason"], log
    assert "it is done" in log
    assert "This is Spark 3.5 and Python 3.11, whichever version the job asks for." in log
    assert not [line for line in log if "WARN" in line or "ERROR" in line or "cds" in line]
    assert "socketserver" not in "".join(log)
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
    assert told["summed"] == 45
    assert told["worker"] == told["pyspark"]  # whose compiled files are there, not Spark's zip of it
    assert told["modules"] == [1, 2, 3]


MEMORY = """
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
text = context._jvm.java.util.ArrayList()
while True:
    text.add(context._jvm.java.lang.StringBuilder(20_000_000))
"""
COMMANDS = """
import glob, json, os, subprocess, sys
jar = glob.glob("/opt/venv/lib/python3*/site-packages/pyspark/jars/spark-mllib_*.jar")[0]
told = {}
for name, words in json.load(open(os.path.dirname(__file__) + "/commands.json")).items():
    command = [sys.executable, "/opt/clary/spark/submit.py", *(jar if word == "JAR" else word for word in words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told[name] = [done.returncode, done.stdout]
told["rows"] = [sum(len(open(part).readlines()) for part in glob.glob("/tmp/made/part-*")), ""]
with open("/opt/ml/processing/output/result/told.json", "w") as file:
    json.dump(told, file)
"""
Ended = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def events(jobs: Processing) -> str:
    """Where the jar's event log is to be, as yet no prefix of anything."""
    return fresh("events")


@pytest.fixture(scope="module")
def ended(jobs: Processing, events: str) -> Ended:
    """How each program ended: its exit code, and what it and all that it started wrote."""
    logs = ("--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir=s3://{jobs.bucket}/{events}/new")
    small, generator = ("--driver-memory", "512m"), "org.apache.spark.mllib.util.LinearDataGenerator"
    rows = ("--class", generator, "JAR", "local[1]", "file:///tmp/made", "8")
    commands = {
        "syntax": (f"{CODE}/syntax.py",),
        "option": ("--nothing", f"{CODE}/syntax.py"),
        "file": ("--py-files", "/opt/none.zip", "/opt/none.py"),
        "module": ("--py-files", f"s3://{jobs.bucket}/none.zip", f"{CODE}/syntax.py"),
        "memory": (*small, f"{CODE}/memory.py"),
        "jar": (*logs, *rows),
        "jar without memory": (*small, *rows, "200000000"),  # so many features have 1.6 GB
        "jar without its class": ("--class", "none.Such", "JAR"),
    }
    name = fresh("commands")
    files = {"syntax.py": "def x(:\n    pass\n", "memory.py": MEMORY, "commands.json": json.dumps(commands)}
    jobs.put(name, {f"code/{each}": text.encode() for each, text in files.items()})
    script = spark(COMMANDS)
    script["application"]["ContainerEntrypoint"] = ["/opt/venv/bin/python", f"{CODE}/script.py"]
    jobs.start(name=name, **script)
    jobs.until(name, "Completed")
    told = json.loads(jobs.left(f"{name}/out")["told.json"])
    return {each: (code, text) for each, (code, text) in told.items()}


def test_a_syntax_error_is_told_as_python_does_and_nothing_waits_for_a_jvm(ended: Ended) -> None:
    code, log = ended["syntax"]
    assert code == 1
    assert f'  File "{CODE}/syntax.py", line 1\n    def x(:\n          ^\nSyntaxError: invalid syntax' in log
    assert "/opt/clary" not in log


def test_an_unknown_option_and_a_missing_file(jobs: Processing, ended: Ended) -> None:
    code, log = ended["option"]
    assert (code, log.strip()) == (1, "Error: Unrecognized option: --nothing")
    code, log = ended["file"]
    assert code == 2
    assert "can't open file '/opt/none.py': [Errno 2] No such file or directory" in log
    code, log = ended["module"]
    assert code == 1
    assert f"Error: s3://{jobs.bucket}/none.zip: An error occurred (NoSuchKey)" in log
    assert "Traceback" not in log


def test_a_driver_without_memory_says_so(ended: Ended) -> None:
    code, log = ended["memory"]
    assert code == 1
    assert "Spark ran out of memory: its JVM, of 512m (spark.driver.memory), ended with exit code 3" in log
    assert "Please use a larger instance" in log


def test_jars_and_their_exit_codes(jobs: Processing, ended: Ended, events: str) -> None:
    code, log = ended["jar"]
    assert code == 0, log
    assert ended["rows"][0] == 8
    code, log = ended["jar without its class"]
    assert code == 101
    assert "none.Such" in log
    code, log = ended["jar without memory"]
    assert code == 3
    said = "Spark ran out of memory: its JVM, of 512m (spark.driver.memory), ended with exit code 3"
    assert sum(line.startswith(said) for line in log.splitlines()) == 1
    (written,) = (body for path, body in jobs.left(f"{events}/new").items() if path)
    assert b'"Event":"SparkListenerApplicationEnd"' in written
