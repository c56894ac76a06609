"""Processing by SageMaker Python SDK 3, unchanged: its Processors, and its resource ProcessingJob."""

from pathlib import Path
from typing import Any

import pytest

from conftest import Platform

PROCESSORS = """
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.core.s3 import S3Downloader
from sagemaker.core.shapes import ProcessingS3Input, ProcessingS3Output
session = Session()
given = dict(image_uri=image_uris.retrieve("sklearn", "us-west-2", version="1.2-1", instance_type="ml.m5.large"),
             role=get_execution_role(session), instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=1,
             sagemaker_session=session)

def local(name, source):
    told = ProcessingS3Input(s3_uri=source, local_path="/opt/ml/processing/input/" + name, s3_data_type="S3Prefix",
                             s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=told)

def output(name, uri=""):
    told = ProcessingS3Output(s3_uri=uri or name, local_path="/opt/ml/processing/output/" + name,
                              s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=told)

says = Processor(entrypoint=["python3", "-c"], **given)
says.run(arguments=["import sklearn; print('SAID', sklearn.__version__)"], wait=False, logs=False)

framework = FrameworkProcessor(command=["python3"], base_job_name="framework", **given)
framework.run(code="main.py", source_dir="source", requirements="reqs/these.txt", arguments=["--flag", "a b"],
              outputs=[output("said")], wait=False, logs=False)

script = ScriptProcessor(command=["python3"], env={"SALT": "pepper"}, **given)
uri = session.upload_data("more.csv", key_prefix="sdk3")
script.run(code="count.py", inputs=[local("data", "data"), local("more", uri)], arguments=["--by", "line"],
           outputs=[output("counts"), output("rest", f"s3://{session.default_bucket()}/sdk3/rest")],
           job_name="counts-by-sdk3")
for processor in (script, framework, says):
    job = processor.jobs[-1].refresh() if processor is script else processor.latest_job
    job.wait(logs=processor is says)
    outputs = job.processing_output_config.outputs if processor is not says else []
    print("STATUS", job.processing_job_status)
    for each in outputs:
        for uri in S3Downloader.list(each.s3_output.s3_uri, session):
            print("LEFT", each.output_name, uri.rpartition("/")[2], S3Downloader.read_file(uri, session))
"""
COUNT = """
import os, sys
base = "/opt/ml/processing/"
found = {name: sorted(os.listdir(base + "input/" + name)) for name in ("data", "more")}
print("counting", sys.argv[1:], os.environ["SALT"])
open(base + "output/counts/counts", "w").write(str(found))
open(base + "output/rest/rest", "w").write("rest")
"""
MAIN = """
import sys, six
import beside
open("/opt/ml/processing/output/said/said", "w").write(" ".join([six.__version__, beside.WORD, repr(sys.argv[1:])]))
"""

RESOURCE = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import ProcessingJob
from sagemaker.core.shapes import (AppSpecification, ProcessingClusterConfig, ProcessingResources,
                                   ProcessingStoppingCondition, Tag)
from sagemaker.core.utils.exceptions import FailedStatusError
session = Session()
cluster = ProcessingClusterConfig(instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=1)
image = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

def job(name, *command):
    return ProcessingJob.create(
        processing_job_name=name, processing_resources=ProcessingResources(cluster_config=cluster),
        app_specification=AppSpecification(image_uri=image, container_entrypoint=list(command)),
        role_arn=get_execution_role(session), stopping_condition=ProcessingStoppingCondition(max_runtime_in_seconds=99),
        tags=[Tag(key="team", value="clicks")])

sleeps = job("resource-sleeps", "sleep", "300")
says = job("resource-says", "sh", "-c", "echo said by the resource")
fails = job("resource-fails", "sh", "-c", "echo no such luck > /opt/ml/output/message; exit 3")
sleeps.stop()
says.wait(poll=1, logs=True)
try:
    fails.wait(poll=1)
except FailedStatusError as error:
    print("REFUSED", error)
print("EXIT", fails.refresh().exit_message)
sleeps.wait(poll=1)
print("ENDED", {each.processing_job_name: each.processing_job_status
                for each in ProcessingJob.get_all(name_contains="resource-", sort_by="Name", sort_order="Ascending")})
print("GOT", ProcessingJob.get("resource-says").processing_end_time is not None)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        (tmp_path / "data" / f"{name}.csv").write_text(f"{name}\n")
    (tmp_path / "more.csv").write_text("m\n")
    return tmp_path


def run(outside: Any, program: str) -> str:
    done = outside("run", "sagemaker3", "python", "-c", program)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    said: str = done.stdout + done.stderr
    return said


def test_processors(outside: Any, here: Path, platform: Platform) -> None:
    (here / "count.py").write_text(COUNT)
    (here / "source" / "reqs").mkdir(parents=True)
    (here / "source" / "main.py").write_text(MAIN)
    (here / "source" / "beside.py").write_text("WORD = 'beside'\n")
    (here / "source" / "reqs" / "these.txt").write_text("six==1.16.0\n")  # the image has a newer one
    said = run(outside, PROCESSORS)
    assert "counting ['--by', 'line'] pepper" in said
    assert said.count("STATUS Completed") == 3
    assert "LEFT counts counts {'data': ['a.csv', 'b.csv'], 'more': ['more.csv']}" in said
    assert "LEFT rest rest rest" in said
    assert "LEFT said said 1.16.0 beside ['--flag', 'a b']" in said
    logs = platform.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", filterPattern="SAID", logStreamNamePrefix="sagemaker-scikit-learn"
    )
    assert "SAID 1.2.1" in [event["message"] for event in logs["events"]]


@pytest.mark.usefixtures("here")
def test_the_resource(outside: Any) -> None:
    said = run(outside, RESOURCE)
    assert "said by the resource" in said
    assert "REFUSED" in said
    assert "exit code: 3" in said
    assert "EXIT no such luck" in said
    assert "{'resource-fails': 'Failed', 'resource-says': 'Completed', 'resource-sleeps': 'Stopped'}" in said
    assert "GOT True" in said
