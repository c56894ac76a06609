"""Training jobs that run: from CreateTrainingJob to the model, and the many ways not to get there."""

import itertools
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import fresh, refused, role
from training_jobs import IMAGE, SCRIPT, Jobs
from waiting import until

WAITING = """
import signal, sys, time
def leave(number, frame):
    open("/opt/ml/model/saved", "w").write("at the end")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("training"))


def lines(platform: Platform, name: str, instance: int = 1) -> list[str]:
    """The job's log."""
    logs = platform.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/algo-{instance}-")
    (stream,) = [stream["logStreamName"] for stream in streams["logStreams"]]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    return [event["message"] for event in events]


def test_a_script_trains_and_its_model_is_in_s3(jobs: Jobs) -> None:
    name = fresh()
    metric = {"Name": "loss", "Regex": "loss=(.*?);"}
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": [metric]}
    found = jobs.run(name, jobs.script(SCRIPT), AlgorithmSpecification=algorithm)
    assert found["TrainingJobStatus"] == "Completed"
    assert jobs.model(name) == {"model.txt": b"train.csv"}
    assert found["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{jobs.bucket}/out/{name}/output/model.tar.gz"}
    assert [(one["MetricName"], one["Value"]) for one in found["FinalMetricDataList"]] == [("loss", 0.25)]
    assert found["OutputDataConfig"]["KmsKeyId"] == ""
    assert found["BillableTimeInSeconds"] >= 1
    steps = found["SecondaryStatusTransitions"]
    assert [step["Status"] for step in steps] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(before["EndTime"] == after["StartTime"] for before, after in itertools.pairwise(steps))
    assert found["TrainingStartTime"] == steps[1]["StartTime"]
    assert found["TrainingEndTime"] == found["LastModifiedTime"] == steps[-1]["EndTime"]
    assert "loss=0.5;" in lines(jobs.platform, name)
    dimensions = [{"Name": "TrainingJobName", "Value": name}]
    told = jobs.platform.client("cloudwatch").list_metrics(
        Namespace="/aws/sagemaker/TrainingJobs", Dimensions=dimensions
    )
    assert [one["MetricName"] for one in told["Metrics"]] == ["loss"]


def test_a_metric_that_takes_for_ever_holds_up_nobody(jobs: Jobs) -> None:
    name, other = fresh(), fresh()
    metrics = [{"Name": "endless", "Regex": "x=((a|aa)+)$"}, {"Name": "loss", "Regex": "loss=(.*?);"}]
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    script = f'print("x=" + "a" * 200 + "b", flush=True)\n{SCRIPT}\nimport time; time.sleep(600)'
    jobs.create(name, jobs.script(script), AlgorithmSpecification=algorithm)
    jobs.until(name, "Training")
    found = jobs.run(other, jobs.script(SCRIPT))
    assert found["TrainingJobStatus"] == "Completed"
    assert "loss=0.25;" in lines(jobs.platform, other)
    until_said(jobs.platform, name, "Metric endless is not looked for any more")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    found = jobs.until(name, "Stopped")
    assert [(one["MetricName"], one["Value"]) for one in found["FinalMetricDataList"]] == [("loss", 0.25)]


def test_the_built_in_xgboost_trains(jobs: Jobs) -> None:
    name = fresh()
    found = jobs.run(name, {"num_round": "5", "objective": "binary:logistic", "eval_metric": "error"})
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert list(jobs.model(name)) == ["xgboost-model"]
    assert any("[4]#011train-error:" in line for line in lines(jobs.platform, name))


def test_a_script_that_fails_says_why(jobs: Jobs) -> None:
    found = jobs.run(fresh(), jobs.script("raise ValueError('no luck')"))
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Failed"
    assert found["FailureReason"].startswith("AlgorithmError: ")
    assert "no luck" in found["FailureReason"]
    assert found["FailureReason"].endswith("exit code: 1")


def test_an_output_bucket_that_is_gone(jobs: Jobs) -> None:
    output = {"S3OutputPath": f"s3://{fresh('gone')}/out"}
    found = jobs.run(fresh(), jobs.script(SCRIPT), OutputDataConfig=output)
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("ClientError: ")
    assert "bucket" in found["FailureReason"].lower()


def test_stop_gives_time_to_save(jobs: Jobs) -> None:
    name = fresh()
    jobs.create(name, jobs.script(WAITING))
    jobs.until(name, "Training")
    with pytest.raises(ClientError) as error:
        jobs.sagemaker.delete_training_job(TrainingJobName=name)
    assert error.value.response["Error"]["Code"] == "ResourceInUse"
    until_said(jobs.platform, name, "ready")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    found = jobs.until(name, "Stopped")
    assert found["SecondaryStatus"] == "Stopped"
    assert "Stopping" in [step["Status"] for step in found["SecondaryStatusTransitions"]]
    assert jobs.model(name) == {"saved": b"at the end"}
    jobs.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError) as error:
        jobs.describe(name)
    assert refused(error.value) == ("ValidationException", "Requested resource not found.")


def until_said(platform: Platform, name: str, text: str) -> None:
    absent = platform.client("logs").exceptions.ResourceNotFoundException
    until(lambda: any(text in line for line in lines(platform, name)), absent=(absent, ValueError))


def test_the_time_limit(jobs: Jobs) -> None:
    found = jobs.run(fresh(), jobs.script(WAITING), StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_lists_know_the_status(jobs: Jobs) -> None:
    name = fresh("listed")
    jobs.run(name, jobs.script("1 / 0"))
    for status, expected in (("Failed", [name]), ("Completed", [])):
        found = jobs.sagemaker.list_training_jobs(NameContains=name, StatusEquals=status)["TrainingJobSummaries"]
        assert [one["TrainingJobName"] for one in found] == expected
        assert all(one["TrainingJobStatus"] == status and one["TrainingEndTime"] for one in found)
    assert not jobs.sagemaker.list_training_jobs(NameContains=name, WarmPoolStatusEquals="Available")[
        "TrainingJobSummaries"
    ]
    with pytest.raises(ClientError, match="tuning job"):
        jobs.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(ClientError, match="terminal state"):
        jobs.sagemaker.update_training_job(TrainingJobName=name, ProfilerConfig={"DisableProfiler": True})


SAME_NAME = "Training job names must be unique within an AWS account and region, and a training job with this name"
XGBOOST = {"num_round": "5"}


@pytest.mark.parametrize(
    ("hyperparameters", "changed", "said"),
    [
        ({"num_round": "0"}, {}, "num_round"),
        ({"num_round": "5", "eta": "7"}, {}, "eta"),
        ({}, {}, "num_round"),
        (XGBOOST, {"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "TrainingImage"),
        (
            XGBOOST,
            {"AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "nobody/nothing:1"}},
            "There is no image",
        ),
        (XGBOOST, {"StoppingCondition": {"MaxWaitTimeInSeconds": 10}}, "EnableManagedSpotTraining is set to true"),
        (XGBOOST, {"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
        (XGBOOST, {"ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}, "InstanceCount"),
        (XGBOOST, {"OutputDataConfig": {"S3OutputPath": "https://bucket/out"}}, "S3OutputPath"),
    ],
)
def test_what_is_refused_at_once(
    jobs: Jobs, hyperparameters: dict[str, str], changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as error:
        jobs.create(fresh(), hyperparameters, **changed)
    code, message = refused(error.value)
    assert code == "ValidationException"
    assert said in message


def test_a_name_is_given_once(jobs: Jobs) -> None:
    name = fresh()
    jobs.run(name, jobs.script(SCRIPT))
    with pytest.raises(ClientError) as error:
        jobs.create(name, jobs.script(SCRIPT))
    code, message = refused(error.value)
    assert code == "ResourceInUse"
    assert message.startswith(SAME_NAME)


def test_two_instances_know_each_other(jobs: Jobs) -> None:
    name = fresh()
    text = "import os, socket\nprint(os.environ['SM_CURRENT_HOST'], socket.gethostbyname('algo-2'))"
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    found = jobs.run(name, jobs.script(text), ResourceConfig=resources)
    assert found["TrainingJobStatus"] == "Completed"
    said = [line.split() for number in (1, 2) for line in lines(jobs.platform, name, number) if line.startswith("algo")]
    assert [host for host, _ in said] == ["algo-1", "algo-2"]
    assert said[0][1] == said[1][1]


def test_credentials_are_for_what_runs(jobs: Jobs) -> None:
    """The role's, to whoever has the job's token, until the job is over."""
    name = fresh()
    text = "import os, boto3\nprint('token', os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN'])\n"
    text += "print('who', boto3.client('sts').get_caller_identity()['Arn'])"
    jobs.run(name, jobs.script(text))
    said = dict(line.split() for line in lines(jobs.platform, name) if line.startswith(("token ", "who ")))
    assert said["who"].endswith(f":assumed-role/{role(jobs.platform).rpartition('/')[2]}/SageMaker")
    for token, status in ((said["token"], 403), ("bm9uZQ==", 401), ("", 401)):
        request = urllib.request.Request(f"{jobs.platform.url}/.clary/credentials", headers={"Authorization": token})
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert error.value.code == status
        error.value.close()
    counter = 'clary_requests_total{operation="-",service="credentials",status="403"}'

    def counted() -> bool:
        with urllib.request.urlopen(jobs.platform.url + "/metrics") as answer:
            return counter in answer.read().decode()

    until(counted)


def test_a_crash_of_clary_loses_nothing(own_platform: Platform) -> None:
    jobs, name = Jobs(own_platform, fresh("crash")), fresh()
    text = "import time\nfor number in range(20):\n    print('step', number, flush=True)\n    time.sleep(0.1)\n"
    jobs.create(name, jobs.script(text + "open('/opt/ml/model/m', 'w').write('m')"))
    jobs.until(name, "Training")
    until_said(own_platform, name, "step 3")
    own_platform.kill()
    time.sleep(0.5)
    own_platform.start()
    jobs.sagemaker, jobs.s3 = own_platform.client("sagemaker"), own_platform.client("s3")
    found = jobs.until(name, "Completed")
    assert found["TrainingJobStatus"] == "Completed"
    assert [line for line in lines(own_platform, name) if line.startswith("step")] == [f"step {n}" for n in range(20)]
    assert jobs.model(name) == {"m": b"m"}
