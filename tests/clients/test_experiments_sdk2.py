"""SageMaker Python SDK 2, unchanged: runs, outside of jobs and inside, and experiment_config of what makes jobs."""

import json
import re
import subprocess
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

from clary.images.sources import indexes, uv
from conftest import Platform
from processing_jobs import Processing
from sagemaker_inputs import fresh
from training_jobs import until

ROOT = Path(__file__).resolve().parents[2]
# What the SDK asks for and the image has not.
SDK = (
    *("sagemaker", "sagemaker-core", "annotated-types", "attrs", "importlib-metadata", "jsonschema"),
    *("jsonschema-specifications", "packaging", "platformdirs", "pydantic", "pydantic-core", "pygments"),
    *(
        "referencing",
        "rich",
        "rpds-py",
        "schema",
        "smdebug-rulesconfig",
        "typing-extensions",
        "typing-inspection",
        "zipp",
    ),
)

# https://sagemaker.readthedocs.io/en/v2/experiments/sagemaker.experiments.html
OUTSIDE = """
import datetime, json, sys
import sagemaker
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.experiments.run import Run, SortByType, list_runs, load_run
name = sys.argv[1]
session = sagemaker.Session()
with Run(experiment_name=name, run_name="First", sagemaker_session=session,
         tags=[{"Key": "team", "Value": "clicks"}]) as run:
    run.log_parameter("learning_rate", 0.1)
    run.log_parameters({"layers": 3, "optimizer": "adam"})
    for step in range(12):
        run.log_metric("loss", 1 / (step + 1), step=step)
    run.log_artifact("data", "s3://bucket/data.csv", media_type="text/csv", is_output=False)
    run.log_file("notes.txt", name="notes")
    run.log_file("more.txt", name="more", is_output=False)
    with load_run(sagemaker_session=session) as same:
        same.log_metric("auc", 0.75)
with load_run(experiment_name=name, run_name="First", sagemaker_session=session) as again:
    again.log_parameter("later", "yes")
try:
    with Run(experiment_name=name, run_name="second", sagemaker_session=session):
        raise ValueError("no luck")
except ValueError:
    pass
runs = list_runs(experiment_name=name, sagemaker_session=session, sort_by=SortByType.CREATION_TIME)
print("RUNS", [run.run_name for run in runs])
table = ExperimentAnalytics(experiment_name=name, sagemaker_session=session, sort_by="metrics.auc.max").dataframe()
print("TABLE", json.dumps(table[["TrialComponentName", "learning_rate", "auc - Max", "loss - Count"]].values.tolist()))
"""

# What runs in a job, which finds out by itself what run it belongs to.
INSIDE = """
import glob, os, sys, tarfile
(packages,) = glob.glob("/opt/ml/*/input/sdk/*") + glob.glob("/opt/ml/input/data/sdk/*")
tarfile.open(packages).extractall("/tmp/sdk")
sys.path.insert(0, "/tmp/sdk")
import boto3, sagemaker
from sagemaker.experiments import load_run
session = sagemaker.Session(boto3.Session(region_name=os.environ["AWS_REGION"]))
with load_run(sagemaker_session=session) as run:
    run.log_parameter("where " + sys.argv[-1], "inside")
    run.log_metric("inside", 2.5, step=1)
    run.log_confusion_matrix([0, 1, 1], [0, 1, 0], title="confusion-" + sys.argv[-1])
"""
JOBS = """
import sys
import sagemaker
from sagemaker.experiments.run import Run
from sagemaker.processing import ProcessingInput
from sagemaker.sklearn import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
name = sys.argv[1]
session, role = sagemaker.Session(), sagemaker.get_execution_role()
given = dict(framework_version="1.2-1", role=role, instance_type="ml.m5.large", instance_count=1)
sdk = session.upload_data("sdk.tar", key_prefix=name)
processor = SKLearnProcessor(**given)
estimator = SKLearn(entry_point="inside.py", hyperparameters={"where": "training"}, **given)
with Run(experiment_name=name, run_name="one", sagemaker_session=session) as run:
    estimator.fit({"sdk": sdk}, job_name=name + "-t", wait=False)
    processor.run(code="inside.py", arguments=["processing"], job_name=name + "-p", wait=False,
                  inputs=[ProcessingInput(sdk, "/opt/ml/processing/input/sdk")])
    config = {"ExperimentName": name, "TrialName": run.run_group_name, "TrialComponentDisplayName": "Plain"}
processor.run(code="plain.py", job_name=name + "-q", experiment_config=config, wait=False)
"""


# https://docs.aws.amazon.com/sagemaker/latest/dg/querying-lineage-entities.html
LINEAGE = """
import json, sys
import sagemaker
from sagemaker.lineage.artifact import Artifact
from sagemaker.lineage.query import LineageEntityEnum, LineageFilter, LineageQuery, LineageQueryDirectionEnum
from sagemaker.lineage.query import LineageSourceEnum
from sagemaker.lineage.visualizer import LineageTableVisualizer
job, out = sys.argv[1:]
session = sagemaker.Session()
table = LineageTableVisualizer(session).show(processing_job_name=job)
print("TABLE", json.dumps(table[["Direction", "Type", "Association Type"]].values.tolist()))
(artifact,) = Artifact.list(source_uri=out, sagemaker_session=session)
found = LineageQuery(session).query(
    start_arns=[artifact.artifact_arn], direction=LineageQueryDirectionEnum.ASCENDANTS,
    query_filter=LineageFilter(sources=[LineageSourceEnum.PROCESSING_JOB],
                               entities=[LineageEntityEnum.TRIAL_COMPONENT]))
print("JOBS", [vertex.to_lineage_object().trial_component_name for vertex in found.vertices], len(found.edges))
"""


def run(outside: Any, *argv: str) -> str:
    done = outside("run", "sagemaker2", "python", "-c", *argv)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    said: str = done.stdout
    return said


def packed(target: Path) -> None:
    """The SDK for the image's Python, which is 3.11, of the versions that the clients' own environment has."""
    text = (ROOT / "requirements" / "sagemaker2.txt").read_text()
    locked = dict(re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE))
    wanted = [f"{name}=={locked[name]}" for name in SDK]
    folder = target.with_suffix(".d")
    argv = [uv(), "pip", "install", "--quiet", "--no-deps", "--python-version", "3.11", "--target", str(folder)]
    subprocess.run([*argv, *indexes(), *wanted], check=True)
    with tarfile.open(target, "w") as archive:
        archive.add(folder, ".")


def test_runs(outside: Any, platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "more.txt").write_text("more")
    name = fresh("runs")
    said = run(outside, OUTSIDE, name)
    assert "RUNS ['second', 'first']" in said
    (table,) = [line for line in said.splitlines() if line.startswith("TABLE ")]
    assert [f"{name}-first", 0.1, 0.75, 12.0] in json.loads(table.removeprefix("TABLE ").replace("NaN", "null"))
    sagemaker = platform.client("sagemaker")
    shown = sagemaker.describe_trial_component(TrialComponentName=f"{name}-first")
    assert shown["Parameters"] == {
        "learning_rate": {"NumberValue": 0.1},
        "layers": {"NumberValue": 3.0},
        "optimizer": {"StringValue": "adam"},
        "later": {"StringValue": "yes"},
    }
    assert shown["Status"] == {"PrimaryStatus": "Completed"}
    assert {metric["MetricName"]: metric["Count"] for metric in shown["Metrics"]} == {"loss": 12, "auc": 1}
    assert shown["InputArtifacts"]["data"] == {"MediaType": "text/csv", "Value": "s3://bucket/data.csv"}
    assert set(shown["InputArtifacts"]) == {"data", "more"}
    uri = shown["OutputArtifacts"]["notes"]["Value"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    assert platform.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"notes"
    failed = sagemaker.describe_trial_component(TrialComponentName=f"{name}-second")
    assert failed["Status"] == {"PrimaryStatus": "Failed", "Message": "no luck"}


def test_runs_of_jobs(outside: Any, platform: Platform, tmp_path: Path) -> None:
    """The context of a run is what experiment_config says if the call does not."""
    packed(tmp_path / "sdk.tar")
    (tmp_path / "inside.py").write_text(INSIDE)
    (tmp_path / "plain.py").write_text("print('plain')\n")
    name = fresh("jobs")
    run(outside, JOBS, name)
    sagemaker = platform.client("sagemaker")
    for kind in ("training", "processing"):
        describe = partial(
            getattr(sagemaker, f"describe_{kind}_job"), **{f"{kind.title()}JobName": f"{name}-{kind[0]}"}
        )
        until(describe, (f"{kind.title()}JobStatus",), ("Completed",))
    shown = sagemaker.describe_trial_component(TrialComponentName=f"{name}-one")
    assert {text for text in shown["Parameters"] if text.startswith("where")} == {"where training", "where processing"}
    assert [(metric["MetricName"], metric["Count"]) for metric in shown["Metrics"]] == [("inside", 2)]
    sources = {source["SourceType"]: source["SourceArn"].rpartition("/")[2] for source in shown["Sources"]}
    assert sources == {"SageMakerTrainingJob": f"{name}-t", "SageMakerProcessingJob": f"{name}-p"}
    made = sagemaker.list_associations(SourceArn=shown["TrialComponentArn"])["AssociationSummaries"]
    assert {(one["AssociationType"], one["DestinationType"]) for one in made} == {("Produced", "ConfusionMatrix")}
    listed = sagemaker.list_trial_components(TrialName=f"Default-Run-Group-{name}")
    found = {one["TrialComponentName"]: one["DisplayName"] for one in listed["TrialComponentSummaries"]}
    assert set(found) == {
        f"{name}-one",
        f"{name}-t-aws-training-job",
        f"{name}-p-aws-processing-job",
        f"{name}-q-aws-processing-job",
    }
    assert found[f"{name}-q-aws-processing-job"] == "Plain"


def test_lineage(outside: Any, platform: Platform) -> None:
    processing = Processing(platform)
    name = processing.start('open("/opt/ml/processing/output/result/x", "w").write("x")')
    processing.until(name, "Completed")
    said = run(outside, LINEAGE, name, f"s3://{processing.bucket}/{name}/out")
    (table,) = [line for line in said.splitlines() if line.startswith("TABLE ")]
    assert sorted(json.loads(table.removeprefix("TABLE "))) == [
        ["Input", "DataSet", "ContributedTo"],
        ["Input", "Image", "ContributedTo"],
        ["Output", "DataSet", "Produced"],
    ]
    assert f"JOBS ['{name}-aws-processing-job'] 1" in said
