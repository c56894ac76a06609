"""Spark's history server, started and stopped by the SageMaker SDKs' own calls, which are Docker's.
https://sagemaker.readthedocs.io/en/v2/amazon_sagemaker_processing.html#spark-history-server
"""

import json
from pathlib import Path
from typing import Any

from clary.config import Config
from clary.images.image import resolve
from clary.images.pull import Images
from conftest import IMAGES, Platform
from processing_jobs import Processing

# What Spark writes, as far as its history server needs it: without spaces, since that looks at how a line begins, and
# not before 2010, which it does not show.
EVENTS = (
    {"Event": "SparkListenerLogStart", "Spark Version": "3.5.9"},
    {
        "Event": "SparkListenerApplicationStart",
        "App Name": "told",
        "App ID": "local-1",
        "Timestamp": 17 * 10**11,
        "User": "u",
    },
    {"Event": "SparkListenerApplicationEnd", "Timestamp": 17 * 10**11 + 1},
)
LOG = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in EVENTS).encode()
RUN = """
import json, os, subprocess, sys, time, urllib.request
ours, rest = os.environ["PATH"].split(":", 1)
os.environ["PATH"] = f"{ours}:{os.getcwd()}/other:{rest}"
{imports}
processor = PySparkProcessor(framework_version="3.3", role=get_execution_role(), instance_count=1,
                             instance_type="ml.m5.large")
processor.start_history_server(spark_event_logs_s3_uri=sys.argv[1])
found = []
for _ in range(1000):
    try:
        with urllib.request.urlopen("http://localhost:15050/api/v1/applications") as answer:
            if found := [each["name"] for each in json.load(answer)]:
                break
    except OSError:
        pass
    time.sleep(0.2)
print("SHOWN", found)
processor.terminate_history_server()
print("OTHER", subprocess.run(["docker", "ps"], capture_output=True, text=True))
print("NONE", subprocess.run(["docker", "ps"], env={"PATH": ours}, capture_output=True, text=True))
"""
SDK = {
    "sagemaker2": """
from sagemaker import get_execution_role
from sagemaker.spark.processing import PySparkProcessor
""",
    "sagemaker3": """
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.spark.processing import PySparkProcessor
""",
}


def test_it_is_started_and_stopped(platform: Platform, outside: Any, tmp_path: Path) -> None:
    Images(Config(images_home=str(IMAGES))).built(resolve("sagemaker-spark-processing:3.3"), print)
    jobs = Processing(platform)
    jobs.put("events", {"local-1": LOG})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "docker").write_text('#!/bin/sh\necho "another docker, asked for $@"\n')
    (tmp_path / "other" / "docker").chmod(0o755)
    for number, (sdk, imports) in enumerate(SDK.items(), 1):  # one after the other: there is one port for all
        (tmp_path / "run.py").write_text(RUN.replace("{imports}", imports))
        done = outside("run", sdk, "python", "run.py", f"s3://{jobs.bucket}/events")
        assert "SHOWN ['told']" in done.stdout, done.stdout + done.stderr[-2000:]
        listed = jobs.sagemaker.list_processing_jobs(NameContains="docker-history-server")["ProcessingJobSummaries"]
        assert [job["ProcessingJobStatus"] for job in listed] == ["Stopped"] * number
        assert "another docker, asked for ps" in done.stdout
        assert "returncode=125" in done.stdout
        assert "Clary has no Docker" in done.stdout
