"""Processing by SageMaker Python SDK 2, unchanged: each of its Processors, waiting and with logs, as on AWS."""

from pathlib import Path
from typing import Any

import pytest

from conftest import Platform

# The article's: https://sagemaker.readthedocs.io/en/v2/amazon_sagemaker_processing.html
SKLEARN = """
import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingJob, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor
session = sagemaker.Session()
processor = SKLearnProcessor(framework_version="1.2-1", role=sagemaker.get_execution_role(), instance_count=1,
                             instance_type="ml.m5.large", env={"SALT": "pepper"}, max_runtime_in_seconds=600,
                             tags=[{"Key": "team", "Value": "clicks"}])
processor.run(
    code="preprocess.py",
    inputs=[ProcessingInput(source="data", destination="/opt/ml/processing/input/local", input_name="local"),
            ProcessingInput(source=session.upload_data("more.csv", key_prefix="clicks"),
                            destination="/opt/ml/processing/input/s3")],
    outputs=[ProcessingOutput(source="/opt/ml/processing/output/train", output_name="train"),
             ProcessingOutput(source="/opt/ml/processing/output/test",
                              destination=f"s3://{session.default_bucket()}/clicks/test")],
    arguments=["--ratio", "0.25"], job_name="clicks-by-sklearn", wait=True, logs=True)
job = processor.jobs[-1].describe()
print("STATUS", job["ProcessingJobStatus"], job["Environment"], job["AppSpecification"]["ContainerArguments"])
print("LISTED", [each["ProcessingJobName"] for each in session.sagemaker_client.list_processing_jobs(
    NameContains="clicks-by-sklearn", StatusEquals="Completed")["ProcessingJobSummaries"]])
for output in ProcessingJob.from_processing_arn(session, job["ProcessingJobArn"]).outputs:
    for uri in sagemaker.s3.S3Downloader.list(output.destination):
        print("LEFT", output.output_name, uri.rpartition("/")[2], sagemaker.s3.S3Downloader.read_file(uri).split())
print("TAGS", session.sagemaker_client.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"])
"""
PREPROCESS = """
import argparse, glob, os, sklearn
from sklearn.model_selection import train_test_split
parser = argparse.ArgumentParser()
parser.add_argument("--ratio", type=float)
ratio = parser.parse_args().ratio
base = "/opt/ml/processing/"
rows = sorted(row for file in glob.glob(base + "input/*/*.csv") for row in open(file).read().split())
print("scikit-learn", sklearn.__version__, "ratio", ratio, "rows", len(rows), os.environ["SALT"])
for name, part in zip(("train", "test"), train_test_split(rows, test_size=ratio, random_state=1)):
    with open(base + "output/" + name + "/" + name + ".csv", "w") as file:
        file.write("\\n".join(sorted(part)))
"""

# All in Amazon's XGBoost image, which, like users' images, no Processor is made for.
SCRIPT_AND_COMMAND = """
import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
session, role = sagemaker.Session(), sagemaker.get_execution_role()
given = dict(image_uri=sagemaker.image_uris.retrieve("xgboost", "us-west-2", "1.7-1"), role=role,
             instance_type="ml.m5.large", volume_size_in_gb=1)
data = session.upload_data("data", key_prefix="sharded")
VERSION = 'echo "SAID $0 $1 by $(python -c "import xgboost; print(xgboost.__version__)")"'
sleeps = Processor(entrypoint=["sleep", "300"], instance_count=1, **given)
sleeps.run(wait=False, logs=False)
counts = ScriptProcessor(command=["python3", "-u"], instance_count=2, base_job_name="by-script", **given)
counts.run(code="count.py", inputs=[ProcessingInput(data, "/opt/ml/processing/input/data",
                                                   s3_data_distribution_type="ShardedByS3Key")],
           outputs=[ProcessingOutput("/opt/ml/processing/out", output_name="counts")], wait=False, logs=False)
says = Processor(entrypoint=["/bin/sh", "-c", VERSION], instance_count=1, **given)
says.run(arguments=["one", "two words"])
sleeps.jobs[-1].stop()
job = counts.jobs[-1]
job.wait(logs=False)
print("NAMED", job.job_name.startswith("by-script-2"))
for uri in sorted(sagemaker.s3.S3Downloader.list(job.outputs[0].destination)):
    print("COUNTED", uri.rpartition("/")[2], sagemaker.s3.S3Downloader.read_file(uri))
sleeps.jobs[-1].wait(logs=False)
print("SLEEPER", sleeps.jobs[-1].describe()["ProcessingJobStatus"])
"""
COUNT = """
import json, os
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
found = sorted(os.listdir("/opt/ml/processing/input/data"))
with open("/opt/ml/processing/out/" + host, "w") as file:
    file.write(" ".join(found))
"""

FRAMEWORK = """
import sagemaker
from sagemaker.processing import FrameworkProcessor, ProcessingOutput
from sagemaker.sklearn import SKLearn
processor = FrameworkProcessor(estimator_cls=SKLearn, framework_version="1.2-1", role=sagemaker.get_execution_role(),
                               instance_count=1, instance_type="ml.m5.large", base_job_name="framework")
processor.run(code="main.py", source_dir="source", dependencies=["shared"], arguments=["--flag", "a b"],
              outputs=[ProcessingOutput("/opt/ml/processing/output", output_name="out")])
(output,) = processor.jobs[-1].outputs
(uri,) = sagemaker.s3.S3Downloader.list(output.destination)
print("LEFT", sagemaker.s3.S3Downloader.read_file(uri))
"""
MAIN = """
import sys, six
import beside, shared.helper
text = " ".join([six.__version__, beside.WORD, shared.helper.WORD, repr(sys.argv[1:])])
open("/opt/ml/processing/output/said", "w").write(text)
"""

FAILS = """
import sagemaker
from sagemaker.sklearn.processing import SKLearnProcessor
processor = SKLearnProcessor("1.2-1", sagemaker.get_execution_role(), 1, "ml.m5.large")
try:
    processor.run(code="fails.py")
except sagemaker.exceptions.UnexpectedStatusException as error:
    print("REFUSED", error)
print("EXIT", processor.jobs[-1].describe()["ExitMessage"])
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "data" / f"{name}.csv").write_text("".join(f"{name}{n}\n" for n in range(5)))
    (tmp_path / "more.csv").write_text("m0\n")
    return tmp_path


def run(outside: Any, program: str) -> str:
    done = outside("run", "sagemaker2", "python", "-c", program)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    said: str = done.stdout
    return said


def test_sklearn_processor(outside: Any, here: Path, platform: Platform) -> None:
    (here / "preprocess.py").write_text(PREPROCESS)
    said = run(outside, SKLEARN)
    assert "scikit-learn 1.2.1 ratio 0.25 rows 16 pepper" in said
    assert "STATUS Completed {'SALT': 'pepper'} ['--ratio', '0.25']" in said
    assert "LISTED ['clicks-by-sklearn']" in said
    assert "TAGS [{'Key': 'team', 'Value': 'clicks'}]" in said
    left = {line.split()[1]: line for line in said.splitlines() if line.startswith("LEFT ")}
    assert [len(line.split()) - 3 for line in left.values()] == [12, 4]
    assert left["train"].startswith("LEFT train train.csv [")
    assert left["output-2"].startswith("LEFT output-2 test.csv [")
    streams = platform.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="clicks-by-sklearn/"
    )["logStreams"]
    assert len(streams) == 1


def test_script_processor_and_processor(outside: Any, here: Path) -> None:
    (here / "count.py").write_text(COUNT)
    said = run(outside, SCRIPT_AND_COMMAND)
    assert "NAMED True" in said
    assert "COUNTED algo-1 a.csv c.csv\nCOUNTED algo-2 b.csv\n" in said
    assert "SAID one two words by 1.7.4" in said
    assert "SLEEPER Stopped" in said


def test_framework_processor(outside: Any, here: Path) -> None:
    for name in ("source", "shared"):
        (here / name).mkdir()
    (here / "source" / "main.py").write_text(MAIN)
    (here / "source" / "beside.py").write_text("WORD = 'beside'\n")
    (here / "source" / "requirements.txt").write_text("six==1.16.0\n")  # the image has a newer one
    (here / "shared" / "helper.py").write_text("WORD = 'shared'\n")
    said = run(outside, FRAMEWORK)
    assert "LEFT 1.16.0 beside shared ['--flag', 'a b']" in said


def test_a_script_that_fails(outside: Any, here: Path) -> None:
    (here / "fails.py").write_text("rows = []\nrows[3]\n")
    said = run(outside, FAILS)
    assert "REFUSED Error for Processing job" in said
    assert "AlgorithmError: See job logs for more information, exit code: 1" in said
    assert "IndexError: list index out of range" in said.rpartition("EXIT ")[2]
