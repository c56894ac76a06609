"""The trial components of jobs: how they come about, what they say, and what ties them to data, images and models."""

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from processing_jobs import IMAGE as SKLEARN
from processing_jobs import Processing
from sagemaker_inputs import fresh, refused
from training_jobs import IMAGE, Jobs
from transforms import Transforms
from waiting import until

TRAIN = """
import os
for step in range(4):
    print("loss=%s;" % (1 / (step + 1)))
open(os.path.join(os.environ["SM_MODEL_DIR"], "m"), "w").write("m")
"""


@pytest.fixture(scope="module")
def processing(platform: Platform) -> Processing:
    return Processing(platform)


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("component"))


@pytest.fixture
def experiment(platform: Platform) -> str:
    name = fresh("e")
    platform.client("sagemaker").create_experiment(ExperimentName=name)
    return name


def tied(sagemaker: Any, component: str, end: str) -> dict[str, tuple[str, str]]:
    """What is at the other end of a component's associations: URI → type and association."""
    listed = sagemaker.list_associations(**{f"{end}Arn": component}, MaxResults=50)["AssociationSummaries"]
    other = "Source" if end == "Destination" else "Destination"
    found = {}
    for one in listed:
        shown = sagemaker.describe_artifact(ArtifactArn=one[f"{other}Arn"])
        found[shown["Source"]["SourceUri"]] = shown["ArtifactType"], one["AssociationType"]
    return found


def test_a_training_job(jobs: Jobs, experiment: str) -> None:
    sagemaker, name = jobs.sagemaker, fresh("Train")
    sagemaker.create_trial(TrialName=f"{experiment}-t", ExperimentName=experiment)
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "train:loss", "Regex": "loss=(.*?);"}],
    }
    before = time.time()
    arn = jobs.create(
        name,
        {**jobs.script(TRAIN), "eta": "0.1", "backend": '"gloo"'},
        AlgorithmSpecification=algorithm,
        ExperimentConfig={
            "ExperimentName": experiment,
            "TrialName": f"{experiment}-t",
            "TrialComponentDisplayName": "Training",
        },
    )
    component = f"{name}-aws-training-job"
    for filters in ({"SourceArn": arn}, {"SourceArn": arn.lower()}, {"TrialName": f"{experiment}-t"}):
        (found,) = sagemaker.list_trial_components(**filters)["TrialComponentSummaries"]
        assert found["TrialComponentName"] == component
    assert found["Status"]["PrimaryStatus"] in ("InProgress", "Completed")
    ended = jobs.until(name, "Completed")
    shown = sagemaker.describe_trial_component(TrialComponentName=component)
    assert shown["DisplayName"] == "Training"
    assert shown["Source"] == {"SourceArn": arn, "SourceType": "SageMakerTrainingJob"}
    assert shown["Status"] == {
        "PrimaryStatus": "Completed",
        "Message": "Status: Completed, secondary status: Completed, failure reason: .",
    }
    assert before - 1 < shown["StartTime"].timestamp() <= shown["EndTime"].timestamp()
    assert shown["StartTime"] == ended["TrainingStartTime"]
    assert shown["EndTime"] == ended["TrainingEndTime"]
    parameters = shown["Parameters"]
    assert parameters["eta"] == {"NumberValue": 0.1}
    assert parameters["backend"] == {"StringValue": '"gloo"'}
    assert parameters["SageMaker.ImageUri"] == {"StringValue": IMAGE}
    assert parameters["SageMaker.InstanceCount"] == {"NumberValue": 1.0}
    assert parameters["SageMaker.InstanceType"] == {"StringValue": "ml.m5.large"}
    assert parameters["SageMaker.VolumeSizeInGB"] == {"NumberValue": 1.0}
    data, model = f"s3://{jobs.bucket}/in/", ended["ModelArtifacts"]["S3ModelArtifacts"]
    assert shown["InputArtifacts"] == {"train": {"MediaType": "text/csv", "Value": data}}
    assert shown["OutputArtifacts"] == {"SageMaker.ModelArtifact": {"Value": model}}
    (metric,) = until(lambda: sagemaker.describe_trial_component(TrialComponentName=component)["Metrics"])
    assert (metric["MetricName"], metric["SourceArn"], metric["Count"]) == ("train:loss", arn, 4)
    assert (metric["Max"], metric["Min"], metric["Last"]) == (1.0, 0.25, 0.25)
    assert metric["Avg"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert metric["StdDev"] == pytest.approx(0.28867513, abs=1e-2)
    at = shown["TrialComponentArn"]
    assert tied(sagemaker, at, "Destination") == {
        IMAGE: ("Image", "ContributedTo"),
        data: ("DataSet", "ContributedTo"),
    }
    assert until(lambda: tied(sagemaker, at, "Source")) == {model: ("Model", "Produced")}


def test_a_processing_job(processing: Processing, experiment: str) -> None:
    """A trial that is not named is made; the image's artifact is the one that other jobs have."""
    sagemaker = processing.sagemaker
    script = 'open("/opt/ml/processing/output/result/x", "w").write("x")'
    name = processing.start(script, ExperimentConfig={"ExperimentName": experiment}, Environment={"RATIO": "0.25"})
    processing.until(name, "Completed")
    (listed,) = sagemaker.list_trial_components(ExperimentName=experiment)["TrialComponentSummaries"]
    component = f"{name}-aws-processing-job"
    assert listed["TrialComponentName"] == component
    (trial,) = sagemaker.list_trials(ExperimentName=experiment)["TrialSummaries"]
    assert trial["TrialName"] == name
    shown = sagemaker.describe_trial_component(TrialComponentName=component)
    assert shown["DisplayName"] == component
    assert shown["Source"]["SourceType"] == "SageMakerProcessingJob"
    told = "Status: Completed, exit message: null, failure reason: null"
    assert shown["Status"] == {"PrimaryStatus": "Completed", "Message": told}
    assert shown["Parameters"]["RATIO"] == {"NumberValue": 0.25}
    assert shown["Parameters"]["SageMaker.InstanceType"] == {"StringValue": "ml.t3.medium"}
    code, out = f"s3://{processing.bucket}/{name}/code/", f"s3://{processing.bucket}/{name}/out"
    assert shown["InputArtifacts"] == {"code": {"Value": code}}
    assert shown["OutputArtifacts"] == {"result": {"Value": out}}
    at = shown["TrialComponentArn"]
    assert tied(sagemaker, at, "Destination") == {
        SKLEARN: ("Image", "ContributedTo"),
        code: ("DataSet", "ContributedTo"),
    }
    assert until(lambda: tied(sagemaker, at, "Source")) == {out: ("DataSet", "Produced")}
    assert len(sagemaker.list_artifacts(SourceUri=SKLEARN)["ArtifactSummaries"]) == 1


ECHO = """
import os
def model_fn(folder): return None
def input_fn(body, kind): return body
def predict_fn(body, model): return os.environ["TRANSFORM_JOB_ARN"]
def output_fn(answer, accept): return answer
"""


def test_a_transform_job(platform: Platform, experiment: str) -> None:
    transforms = Transforms(platform)
    model, sagemaker = transforms.script(ECHO), transforms.sagemaker
    config = {"ExperimentName": experiment, "TrialComponentDisplayName": "Batch"}
    given = {"ModelName": model, "Environment": {"A": "b"}, "ExperimentConfig": config}
    name = transforms.start({"a.csv": b"1\n"}, **given)
    transforms.until(name, "Completed")
    arn = transforms.describe(name)["TransformJobArn"]
    assert list(transforms.output(name).values()) == [f"{arn}\n".encode()]
    (listed,) = sagemaker.list_trial_components(ExperimentName=experiment)["TrialComponentSummaries"]
    shown = sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-transform-job")
    assert shown["DisplayName"] == listed["DisplayName"] == "Batch"
    assert shown["Source"] == {"SourceArn": arn, "SourceType": "SageMakerTransformJob"}
    assert shown["Status"] == {"PrimaryStatus": "Completed", "Message": "Status: Completed, failure reason: null"}
    assert shown["Parameters"]["SageMaker.ModelName"] == {"StringValue": model}
    assert shown["Parameters"]["A"] == {"StringValue": "b"}
    data, out = f"s3://{transforms.bucket}/{name}/", f"s3://{transforms.bucket}/out-{name}"
    assert [one["Value"] for one in shown["InputArtifacts"].values()] == [data]
    assert [one["Value"] for one in shown["OutputArtifacts"].values()] == [out]
    at = shown["TrialComponentArn"]
    assert tied(sagemaker, at, "Destination") == {data: ("DataSet", "ContributedTo")}
    assert until(lambda: tied(sagemaker, at, "Source")) == {out: ("DataSet", "Produced")}


def test_a_job_that_fails(processing: Processing) -> None:
    """It belongs to no trial, and still has its component, which made nothing."""
    name = processing.start("import sys; sys.exit(3)")
    ended = processing.until(name, "Failed")
    sagemaker = processing.sagemaker
    shown = sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-processing-job")
    assert shown["Status"]["PrimaryStatus"] == "Failed"
    assert ended["FailureReason"] in shown["Status"]["Message"]
    assert shown["EndTime"] == ended["ProcessingEndTime"]
    assert tied(sagemaker, shown["TrialComponentArn"], "Source") == {}
    sagemaker.delete_trial_component(TrialComponentName=f"{name}-aws-processing-job")
    assert sagemaker.list_associations(DestinationArn=shown["TrialComponentArn"])["AssociationSummaries"] == []
    processing.until(name, "Failed")


def test_what_is_not_there(processing: Processing, experiment: str) -> None:
    sagemaker = processing.sagemaker
    other = fresh("other")
    sagemaker.create_experiment(ExperimentName=other)
    sagemaker.create_trial(TrialName=f"{other}-t", ExperimentName=other)
    for config, code in (
        ({"ExperimentName": "nowhere"}, "ResourceNotFound"),
        ({"TrialName": "nowhere"}, "ResourceNotFound"),
        ({"RunName": "nowhere"}, "ResourceNotFound"),
        ({"ExperimentName": experiment, "TrialName": f"{other}-t"}, "ValidationException"),
    ):
        name = fresh("job")
        with pytest.raises(ClientError) as error:
            processing.start("pass", name, ExperimentConfig=config)
        assert refused(error.value)[0] == code
        with pytest.raises(ClientError, match="Could not find"):
            processing.describe(name)
        assert sagemaker.list_trials(ExperimentName=experiment)["TrialSummaries"] == []


def test_users_may_say_more_of_it(processing: Processing) -> None:
    name = processing.start("import time; time.sleep(0.5)")
    component = f"{name}-aws-processing-job"
    sagemaker = processing.sagemaker
    sagemaker.update_trial_component(
        TrialComponentName=component,
        Parameters={"mine": {"StringValue": "x"}},
        OutputArtifacts={"result": {"Value": "NA"}},
    )
    processing.until(name, "Completed")
    shown = until(
        lambda: (
            found
            if (found := sagemaker.describe_trial_component(TrialComponentName=component))["LastModifiedTime"]
            >= found["EndTime"]
            else {}
        )
    )
    assert shown["Parameters"]["mine"] == {"StringValue": "x"}
    assert shown["OutputArtifacts"] == {"result": {"Value": "NA"}}
    assert shown["Status"]["PrimaryStatus"] == "Completed"


def test_a_job_that_ends_while_clary_is_away(own_platform: Platform) -> None:
    """Its component says so once Clary is back."""
    processing = Processing(own_platform)
    name = processing.start("import time; time.sleep(2)")
    processing.until(name, "InProgress")
    own_platform.kill()
    own_platform.start()
    processing.until(name, "Completed")
    component = f"{name}-aws-processing-job"
    shown = processing.sagemaker.describe_trial_component(TrialComponentName=component)
    assert shown["Status"]["PrimaryStatus"] == "Completed"
    assert until(lambda: tied(processing.sagemaker, shown["TrialComponentArn"], "Source"))


def test_what_a_kill_kept_from_being_written(own_platform: Platform) -> None:
    """Between the end of a job and what its component says of it: Clary makes up for that when it is back."""
    processing = Processing(own_platform)
    name = processing.start('open("/opt/ml/processing/output/result/x", "w").write("x")')
    processing.until(name, "Completed")
    sagemaker, component = processing.sagemaker, f"{name}-aws-processing-job"
    at = sagemaker.describe_trial_component(TrialComponentName=component)["TrialComponentArn"]
    made = until(lambda: tied(sagemaker, at, "Source"))
    own_platform.kill()
    with closing(sqlite3.connect(own_platform.home / "state.db")) as database, database:
        (text,) = database.execute("SELECT document FROM resource WHERE arn = ?", (at,)).fetchone()
        before = {**json.loads(text), "Status": {"PrimaryStatus": "InProgress"}, "OutputArtifacts": {}}
        del before["EndTime"]
        database.execute("UPDATE resource SET document = ? WHERE arn = ?", (json.dumps(before), at))
        database.execute("DELETE FROM resource WHERE type = 'Association' AND name LIKE ?", (f"{at}|%",))
    own_platform.start()
    assert until(lambda: tied(sagemaker, at, "Source")) == made
    (listed,) = sagemaker.list_trial_components(SourceArn=before["Source"]["SourceArn"])["TrialComponentSummaries"]
    assert listed["Status"]["PrimaryStatus"] == "Completed"
    assert listed["EndTime"] == processing.describe(name)["ProcessingEndTime"]
