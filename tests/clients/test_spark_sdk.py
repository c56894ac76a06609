"""Spark processing by the SageMaker Python SDKs, unchanged: a script on two instances, and a jar.
https://sagemaker.readthedocs.io/en/v2/amazon_sagemaker_processing.html#data-processing-with-spark
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import Images
from conftest import IMAGES, Platform

RUN = """
import sys
{imports}
instances = {instances}
session = Session()
bucket = session.default_bucket()
given = dict(framework_version="3.3", role=get_execution_role(session), instance_type="ml.m5.large",
             max_runtime_in_seconds=600, sagemaker_session=session)
configuration = [
    {{"Classification": "spark-defaults", "Properties": {{"spark.executor.memory": "700m", "spark.mine": "a = bé"}}}},
    {{"Classification": "spark-env", "Properties": {{}},
      "Configurations": [{{"Classification": "export", "Properties": {{"SALT": "pepper"}}}}]}},
    {{"Classification": "yarn-site", "Properties": {{"yarn.x": "1"}}}},
]
jar = SparkJarProcessor(base_job_name="jar", instance_count=1, **given)
jar.run(submit_app="app.jar", submit_class="org.apache.spark.mllib.util.LinearDataGenerator",
        arguments=["local[1]", f"s3a://{{bucket}}/{name}/made", "8"], wait=False, logs=False)
told = {{"KIND": "env", "INSTANCES": str(instances)}}
words = PySparkProcessor(base_job_name="words", instance_count=instances, env=told, **given)
words.run(submit_app="words.py", submit_py_files=["{modules}"], submit_files=["stop.txt"],
          arguments=["--bucket", bucket, "--name", "{name}"], configuration=configuration,
          spark_event_logs_s3_uri=f"s3://{{bucket}}/{name}/events", wait=True, logs=True)
{wait}
for each in ("events", "made", "words"):
    for uri in sorted(S3Downloader.list(f"s3://{{bucket}}/{name}/{{each}}", session)):
        text = S3Downloader.read_file(uri, session)
        print("LEFT", each, uri.rpartition("/")[2], len(text.splitlines()), "SparkListenerApplicationEnd" in text)
print("WORDS", sorted(json.loads(line)["word"] for uri in S3Downloader.list(f"s3://{{bucket}}/{name}/words", session)
                      for line in S3Downloader.read_file(uri, session).splitlines()))
"""
SDK = {
    "sagemaker2": """
import json
from sagemaker import Session, get_execution_role
from sagemaker.s3 import S3Downloader
from sagemaker.spark.processing import PySparkProcessor, SparkJarProcessor
""",
    "sagemaker3": """
import json
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.s3 import S3Downloader
from sagemaker.core.spark.processing import PySparkProcessor, SparkJarProcessor
""",
}
WAIT = {
    "sagemaker2": "session.wait_for_processing_job(jar.latest_job.job_name, poll=1)",
    "sagemaker3": "jar.latest_job.wait(poll=1)",
}
WORDS = """
import argparse, os, socket, sys, time
from pyspark import SparkFiles
from pyspark.sql import SparkSession
import beside
parser = argparse.ArgumentParser()
for name in ("--bucket", "--name"):
    parser.add_argument(name)
told = parser.parse_args()
spark = SparkSession.builder.appName("words").getOrCreate()
stop = open(SparkFiles.get("stop.txt")).read().split()
print("TOLD", spark.conf.get("spark.mine"), os.environ["SALT"], os.environ["KIND"], beside.WORD, stop)
lines = spark.sparkContext.parallelize(["a fox and a dog", "the fox"] * 50, 4)
words = lines.flatMap(str.split).map(lambda word: (beside.upper(word), socket.gethostname())).toDF(["word", "host"])
words = words.where(~words.word.isin([word.upper() for word in stop]))
deadline, hosts = time.monotonic() + 150, set()
while len(hosts) < int(os.environ["INSTANCES"]) and time.monotonic() < deadline:  # executors come one by one
    hosts |= {row.host for row in words.select("host").distinct().collect()}
print("HOSTS", sorted(hosts))
words.select("word").distinct().write.mode("overwrite").json(f"s3a://{told.bucket}/{told.name}/words")
"""


@pytest.fixture(scope="module")
def jars() -> Path:
    """Spark's own, one of which is a program, too."""
    image = Images(Config(images_home=str(IMAGES))).built(resolve("sagemaker-spark-processing:3.3"), print)
    return next(image.folder.glob("lib/python3*/site-packages/pyspark/jars"))


@pytest.mark.parametrize("sdk", ["sagemaker2", "sagemaker3"])
def test_a_script_and_a_jar(platform: Platform, outside: Any, tmp_path: Path, jars: Path, sdk: str) -> None:
    # SDK 3 takes no folders.
    instances, modules = (2, "modules") if sdk == "sagemaker2" else (1, "modules/beside.py")
    program = RUN.format(imports=SDK[sdk], wait=WAIT[sdk], instances=instances, modules=modules, name=f"spark-{sdk}")
    (tmp_path / "run.py").write_text(program)
    (tmp_path / "words.py").write_text(WORDS)
    (tmp_path / "stop.txt").write_text("a the")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "beside.py").write_text("WORD = 'beside'\ndef upper(word): return word.upper()\n")
    shutil.copy(next(jars.glob("spark-mllib_*.jar")), tmp_path / "app.jar")
    result = outside("env", sdk, "python", "run.py")
    assert result.returncode == 0, result.stdout[:9000] + result.stderr[-300:]
    said = result.stdout
    assert "TOLD a = bé pepper env beside ['a', 'the']" in said + result.stderr
    hosts = [f"algo-{number + 1}" for number in range(instances)]
    told = [line.partition("HOSTS ")[2] for line in (said + result.stderr).splitlines() if "HOSTS [" in line]
    assert instances == 1 or json.loads(told[0].replace("'", '"')) == hosts
    assert "WORDS ['AND', 'DOG', 'FOX']" in said
    left = [line.split("LEFT ")[1].split() for line in said.splitlines() if "LEFT " in line]  # behind the SDK's dots
    (events,) = [line for line in left if line[0] == "events"]
    assert events[3] == "True"
    assert ".inprogress" not in events[1]
    assert sum(int(line[2]) for line in left if line[0] == "made") == 8
    log = "\n".join(each["message"] for each in _events(platform, "words-") if "yarn-site" in each["message"])
    assert "the classification yarn-site has no effect here" in log


def _events(platform: Platform, prefix: str) -> list[dict[str, Any]]:
    logs, group = platform.client("logs"), "/aws/sagemaker/ProcessingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    return [
        event
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]
