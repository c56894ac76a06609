"""What is told of a training job beside Describe: events on the bus, metrics, lists."""

import datetime as dt
import time

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from here import Here
from sagemaker_inputs import ROLE, fresh, refused
from training_jobs import ENDS, IMAGE, Jobs
from waiting import until

NAMESPACE = "/aws/sagemaker/TrainingJobs"
BUSY = """
import time
held = bytearray(64 << 20)
with open("/opt/ml/model/m", "wb") as file:
    file.write(bytes(32 << 20))
print("busy", flush=True)
while True:
    held[7] = 7
    time.sleep(0.001)
"""
# Says one metric once, another again and again, and a third only while nobody listens.
STEPS = """
import time
print("early=7;", flush=True)
for step in range(400):
    print(f"step={step};", flush=True)
    if step == 200: print("middle=8;", flush=True)
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, fresh("told"))


@pytest.mark.parametrize(("command", "end"), [("true", "Completed"), ("false", "Failed")])
def test_the_bus_hears_each_change(here: Here, command: str, end: str) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"""
    name, began = fresh(), int(time.time() * 1000)
    arn = here.call(
        "CreateTrainingJob",
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", f"echo 'loss=0.5;'; {command}"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}],
        },
        HyperParameters={"StartTime": "0.5"},
        RoleArn=ROLE.format(account=here.platform.config.account_id),
        OutputDataConfig={"S3OutputPath": "s3://nowhere/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        Tags=[{"Key": "team", "Value": "a"}],
    )["TrainingJobArn"]
    until(lambda: here.events and here.events[-1].detail["TrainingJobStatus"] in ENDS, lambda: here.events)
    statuses = [event.detail["SecondaryStatus"] for event in here.events]
    assert statuses[0] == "Starting"
    assert {"Downloading", "Training"} <= set(statuses)
    assert statuses[-1] == end
    event = here.events[-1]
    assert (event.source, event.detail_type) == ("aws.sagemaker", "SageMaker Training Job State Change")
    assert (event.resources, event.region) == ((arn,), "us-west-2")
    assert event.account == here.platform.config.account_id
    detail = event.detail
    assert (detail["TrainingJobName"], detail["TrainingJobArn"], detail["TrainingJobStatus"]) == (name, arn, end)
    assert detail["Tags"] == {"team": "a"}
    assert detail["HyperParameters"] == {"StartTime": "0.5"}, "it is no time"
    assert ("FailureReason" in detail) == (end == "Failed")
    now = time.time() * 1000
    for member in ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime"):
        assert isinstance(detail[member], int), member
        assert began <= detail[member] <= now
    assert all(isinstance(step["StartTime"], int) for step in detail["SecondaryStatusTransitions"])
    assert detail["SecondaryStatusTransitions"][-1]["Status"] == end
    assert isinstance(detail["FinalMetricDataList"][0]["Timestamp"], int)
    documented = {"AlgorithmSpecification", "RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition"}
    assert documented <= detail.keys()


def test_what_the_instances_use(own_platform: Platform) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html"""
    jobs, name = Jobs(own_platform, fresh("busy")), fresh()
    jobs.create(name, jobs.script(BUSY))
    logs, group = own_platform.client("logs"), NAMESPACE
    until(
        lambda: logs.filter_log_events(logGroupName=group, filterPattern="busy")["events"],
        lambda: jobs.describe(name),
        absent=(logs.exceptions.ResourceNotFoundException,),
    )
    own_platform.kill()
    own_platform.start()  # which measures at once, and then once a minute
    jobs.sagemaker, cloudwatch = own_platform.client("sagemaker"), own_platform.client("cloudwatch")
    host = [{"Name": "Host", "Value": f"{name}/algo-1"}]
    now, minute = dt.datetime.now(dt.UTC), dt.timedelta(minutes=1)

    def most(metric: str) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=host,
            StartTime=now - 10 * minute,
            EndTime=now + 10 * minute,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        assert {point["Unit"] for point in points} <= {"Percent"}
        return max((float(point["Maximum"]) for point in points), default=0.0)

    least = {
        "CPUUtilization": 0.01,
        "DiskUtilization": 100 * (32 << 20) / (1 << 30),
        "MemoryUtilization": 100 * (64 << 20) / (8 << 30),
    }
    until(lambda: all(most(metric) >= enough for metric, enough in least.items()), lambda: [*map(most, least)])
    listed = cloudwatch.list_metrics(Namespace=NAMESPACE, Dimensions=host)["Metrics"]
    assert sorted(one["MetricName"] for one in listed) == sorted(least)
    assert most("CPUUtilization") <= 210, "100 for each of its two cores"
    assert most("MemoryUtilization") < 100
    assert most("DiskUtilization") < 100
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.until(name, "Stopped")


def test_a_crash_of_clary_loses_no_metric(own_platform: Platform) -> None:
    jobs, name = Jobs(own_platform, fresh("crash")), fresh()
    names = ("early", "step", "middle")
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": one, "Regex": f"{one}=(.*?);"} for one in names],
    }
    jobs.create(name, jobs.script(STEPS), AlgorithmSpecification=algorithm)
    jobs.until(name, "Training", "Completed")
    for _ in range(2):
        time.sleep(1)
        own_platform.kill()
        time.sleep(0.5)
        own_platform.start()
    jobs.sagemaker = own_platform.client("sagemaker")
    found = jobs.until(name, "Completed")
    final = {one["MetricName"]: one["Value"] for one in found["FinalMetricDataList"]}
    assert final == {"early": 7, "step": 399, "middle": 8}
    minute = dt.timedelta(minutes=1)
    points = own_platform.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="step",
        Dimensions=[{"Name": "TrainingJobName", "Value": name}],
        StartTime=found["CreationTime"] - minute,
        EndTime=found["TrainingEndTime"] + minute,
        Period=3600,
        Statistics=["SampleCount", "Maximum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) >= 400
    assert max(point["Maximum"] for point in points) == 399


def test_lists_sort_by_status(jobs: Jobs) -> None:
    prefix = fresh("sorted")
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
    for number, command in enumerate(("true", "false", "true", "false")):
        own = algorithm | {"ContainerEntrypoint": [command]}
        jobs.create(f"{prefix}-{number}", {}, AlgorithmSpecification=own)
    for number in range(4):
        jobs.until(f"{prefix}-{number}", *ENDS)
    for order, expected in (("Ascending", ["Completed", "Failed"]), ("Descending", ["Failed", "Completed"])):
        asked = {"NameContains": prefix, "SortBy": "Status", "SortOrder": order, "MaxResults": 3}
        first = jobs.sagemaker.list_training_jobs(**asked)
        rest = jobs.sagemaker.list_training_jobs(**asked, NextToken=first["NextToken"])
        found = [one for page in (first, rest) for one in page["TrainingJobSummaries"]]
        assert [one["TrainingJobStatus"] for one in found] == [status for status in expected for _ in range(2)]
        assert len({one["TrainingJobName"] for one in found}) == 4
        assert "NextToken" not in rest


def test_there_are_no_tuning_jobs(jobs: Jobs) -> None:
    with pytest.raises(ClientError) as error:
        jobs.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="none")
    code, message = refused(error.value)
    assert code == "ResourceNotFound"
    assert "none" in message
