"""ListTrainingJobs and Describe of jobs that wait, run, stop and end, as all this changes and over a restart."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Platform
from training_jobs import Jobs
from waiting import until

GROUP = "/aws/sagemaker/TrainingJobs"
# When it is stopped, it goes on until there is an object `end`.
SLOW = """
import boto3, signal, sys, time
s3 = boto3.client("s3")
def end(*_):
    while not s3.list_objects_v2(Bucket="listed", Prefix="end")["KeyCount"]:
        time.sleep(0.1)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(600)
"""
BAD = "raise SystemExit(3)"
NEWEST = {"StatusEquals": "InProgress", "SortOrder": "Descending"}
WHOLE = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """On a machine that is given out once: each of these jobs is all of it."""
    with tempfile.TemporaryDirectory(prefix="clary-test-") as folder:
        platform = Platform(Path(folder) / "home", CLARY_OVERSUBSCRIBE="1").start()
        yield Jobs(platform, "listed")
        if platform.process is not None:
            platform.stop()


def listed(jobs: Jobs, **asked: Any) -> list[str]:
    """The names, newest first if not said otherwise, over all pages of two."""
    asked = {"SortOrder": "Descending", **asked}
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = jobs.sagemaker.list_training_jobs(MaxResults=2, **asked, **token)
        assert all(
            one["TrainingJobStatus"] == asked.get("StatusEquals", one["TrainingJobStatus"])
            for one in page["TrainingJobSummaries"]
        )
        found += [one["TrainingJobName"] for one in page["TrainingJobSummaries"]]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def begun(jobs: Jobs, name: str) -> None:
    """Returns once the script would notice that it is stopped."""
    logs = jobs.platform.client("logs")

    def look() -> Any:
        streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        said = [logs.get_log_events(logGroupName=GROUP, logStreamName=one["logStreamName"]) for one in streams]
        return any(event["message"] == "ready" for one in said for event in one["events"])

    until(look, absent=(logs.exceptions.ResourceNotFoundException,))


def test_status(jobs: Jobs) -> None:
    slow, bad = jobs.script(SLOW), jobs.script(BAD)
    jobs.create("bad", bad)
    jobs.until("bad", "Failed")
    jobs.create("slow", slow, ResourceConfig=WHOLE)
    jobs.until("slow", "Training")
    begun(jobs, "slow")
    waiting = [f"waiting-{number}" for number in range(5)]
    for name in waiting:
        jobs.create(name, slow, ResourceConfig=WHOLE)
    assert listed(jobs, StatusEquals="InProgress") == [*reversed(waiting), "slow"]
    assert listed(jobs, StatusEquals="InProgress", SortBy="Name", SortOrder="Ascending") == ["slow", *waiting]
    assert listed(jobs, StatusEquals="InProgress", NameContains="-") == [*reversed(waiting)]
    assert listed(jobs, StatusEquals="Failed") == ["bad"]

    # What changes between two pages neither hides another one nor makes it come again.
    page = jobs.sagemaker.list_training_jobs(**NEWEST, MaxResults=3)
    for name in ("waiting-3", "waiting-2", "waiting-1"):
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
        jobs.until(name, "Stopped")
    rest = jobs.sagemaker.list_training_jobs(**NEWEST, MaxResults=3, NextToken=page["NextToken"])
    assert [one["TrainingJobName"] for one in rest["TrainingJobSummaries"]] == ["waiting-0", "slow"]
    assert listed(jobs, StatusEquals="Stopped") == ["waiting-3", "waiting-2", "waiting-1"]
    assert listed(jobs, SortBy="Status", SortOrder="Ascending") == [
        "bad",
        "slow",
        "waiting-0",
        "waiting-4",
        "waiting-1",
        "waiting-2",
        "waiting-3",
    ]

    jobs.sagemaker.stop_training_job(TrainingJobName="slow")
    assert listed(jobs, StatusEquals="Stopping") == ["slow"]
    assert listed(jobs, StatusEquals="InProgress") == ["waiting-4", "waiting-0"]
    jobs.s3.put_object(Bucket=jobs.bucket, Key="end")
    jobs.until("slow", "Stopped")
    assert listed(jobs, StatusEquals="Stopped")[-1] == "slow"
    assert listed(jobs, StatusEquals="Stopping") == []
    jobs.platform.kill()
    jobs.platform.start()
    assert listed(jobs, StatusEquals="InProgress") == ["waiting-4", "waiting-0"]
    assert listed(jobs, StatusEquals="Completed") == []
    for name in ("waiting-4", "waiting-0"):
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
    for name in ("waiting-4", "waiting-0"):
        jobs.until(name, "Stopped")
    ended = jobs.sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    assert {one["TrainingJobStatus"] for one in ended} == {"Stopped", "Failed"}
    for one in ended:
        assert {"SecondaryStatus", "TrainingEndTime", "LastModifiedTime"} < one.keys()
        shown = jobs.describe(one["TrainingJobName"])
        assert one == {member: shown[member] for member in one}
    jobs.sagemaker.delete_training_job(TrainingJobName="waiting-4")
    assert "waiting-4" not in listed(jobs, StatusEquals="Stopped")


def test_a_job_that_waits_says_so_and_why(jobs: Jobs) -> None:
    slow = jobs.script(SLOW)
    jobs.s3.put_object(Bucket=jobs.bucket, Key="end")
    jobs.create("first", slow, ResourceConfig=WHOLE)
    jobs.until("first", "Training")
    jobs.create("second", slow, ResourceConfig=WHOLE)
    jobs.create("third", slow, ResourceConfig=WHOLE)
    second, third = jobs.until("second", "Pending"), jobs.until("third", "Pending")
    for shown in (second, third):
        assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("InProgress", "Pending")
        assert "TrainingStartTime" not in shown
        last = shown["SecondaryStatusTransitions"][-1]
        assert last["Status"] == "Pending"
        assert "EndTime" not in last
        assert last["StatusMessage"].startswith("Waiting for capacity: it needs ")
        assert "vCPU" in last["StatusMessage"]
        assert "free are 0 vCPU, 0.0 GiB" in last["StatusMessage"]
    (said,) = [one for one in third["SecondaryStatusTransitions"] if one["Status"] == "Pending"]
    assert "1 job came before it" in said["StatusMessage"]
    jobs.sagemaker.stop_training_job(TrainingJobName="first")
    jobs.until("second", "Training")
    statuses = [one["Status"] for one in jobs.describe("second")["SecondaryStatusTransitions"]]
    assert statuses.index("Pending") < statuses.index("Downloading") < statuses.index("Training")
    assert jobs.describe("third")["SecondaryStatus"] == "Pending"
    for name in ("third", "second"):
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
        jobs.until(name, "Stopped")
