"""Runs of Glue's jobs: those of a Python shell, which take no Spark."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.services.glue import conductor
from conftest import Platform
from glue_jobs import GlueJobs
from here import Here
from sagemaker_inputs import ROLE, fresh
from waiting import until

SAY = """
import os, sys
print("arguments", sys.argv)
print("to the error log", file=sys.stderr)
"""
WAIT = "import time\nprint('begun')\ntime.sleep(600)\n"


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> GlueJobs:
    return GlueJobs(platform)


@pytest.fixture(scope="module")
def timed(jobs: GlueJobs) -> tuple[str, str]:
    """A job, and a run of it that has a minute, which is the least: it passes while others are tested."""
    name = jobs.create(WAIT, ExecutionProperty={"MaxConcurrentRuns": 2})
    return name, jobs.start(name, Timeout=1)


def test_stopped_and_too_many(jobs: GlueJobs, timed: tuple[str, str]) -> None:
    name, other = timed
    stopped = jobs.start(name)
    with pytest.raises(jobs.glue.exceptions.ConcurrentRunsExceededException, match=f"exceeded for {name}"):
        jobs.start(name)
    jobs.until(name, stopped, "RUNNING")
    answer = jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[stopped, "jr_none"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": name, "JobRunId": stopped}]
    (error,) = answer["Errors"]
    assert (error["JobRunId"], error["ErrorDetail"]["ErrorCode"]) == ("jr_none", "EntityNotFoundException")
    assert jobs.get(name, stopped)["JobRunState"] in ("STOPPING", "STOPPED")
    assert jobs.until(name, stopped)["JobRunState"] == "STOPPED"
    again = jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[stopped])["Errors"]
    assert again[0]["ErrorDetail"]["ErrorCode"] == "JobRunInTerminalStateException"
    listed = jobs.glue.get_job_runs(JobName=name, MaxResults=1)
    assert [run["Id"] for run in listed["JobRuns"]] == [stopped]
    more = jobs.glue.get_job_runs(JobName=name, NextToken=listed["NextToken"], MaxResults=1)
    assert [run["Id"] for run in more["JobRuns"]] == [other]


def test_a_run_succeeds_and_says_so(jobs: GlueJobs) -> None:
    name = jobs.create(SAY, DefaultArguments={"--a": "1", "--b": "2"}, NonOverridableArguments={"--c": "3"})
    run = jobs.start(name, Arguments={"--b": "4", "--c": "5", "--enable-metrics": "true"})
    assert run.startswith("jr_")
    assert len(run) == 67
    found = jobs.until(name, run)
    assert found["JobRunState"] == "SUCCEEDED", jobs.said(found, "error")
    assert found["StartedOn"] <= found["CompletedOn"]
    assert found["LogGroupName"] == "/aws-glue/python-jobs"
    assert (found["Attempt"], found["JobName"], "ErrorMessage" in found) == (0, name, False)
    assert "['/tmp/script.py', '--a', '1', '--b', '4', '--c', '3']" in jobs.said(found)
    assert "to the error log" not in jobs.said(found)
    assert "to the error log" in jobs.said(found, "error")


def test_it_works_as_its_role_in_a_folder_with_the_extra_files(jobs: GlueJobs) -> None:
    jobs.put("files/data/one.txt", "first")
    package = jobs.put("packages/helping.py", "WORD = 'helped'\n")
    script = """
import boto3, helping, os, sys
print(helping.WORD, open("one.txt").read(), os.getcwd())
arn = boto3.client("sts").get_caller_identity()["Arn"]
boto3.client("s3").put_object(Bucket=sys.argv[sys.argv.index("--bucket") + 1], Key="left", Body=arn.encode())
"""
    arguments = {
        "--bucket": jobs.bucket,
        "--extra-files": f"s3://{jobs.bucket}/files/data/",
        "--extra-py-files": package,
    }
    found = jobs.run(script, arguments)
    assert found["JobRunState"] == "SUCCEEDED", jobs.said(found, "error")
    assert "helped first /tmp" in jobs.said(found)
    left = jobs.s3.get_object(Bucket=jobs.bucket, Key="left")["Body"].read()
    assert left.endswith(b":assumed-role/AmazonSageMaker-ExecutionRole/GlueJobRunnerSession")


@pytest.mark.parametrize(
    ("script", "message", "said"),
    [
        ("1 / 0", "Command failed with exit code 1", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "Command failed with exit code 3", ""),
        ("print(", "Command failed with exit code 1", "SyntaxError: '(' was never closed"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "Command failed with exit code 137", ""),
    ],
)
def test_why_a_shell_failed(jobs: GlueJobs, script: str, message: str, said: str) -> None:
    found = jobs.run(script)
    assert (found["JobRunState"], found["ErrorMessage"]) == ("FAILED", message)
    assert said in jobs.said(found, "error")
    assert "glue.py" not in jobs.said(found, "error")


def test_a_script_that_is_not_there(jobs: GlueJobs) -> None:
    name = jobs.create()
    jobs.s3.delete_object(Bucket=jobs.bucket, Key=f"{name}/script.py")
    found = jobs.until(name, jobs.start(name))
    assert found["ErrorMessage"].startswith(
        f"LAUNCH ERROR | Error downloading from S3 for bucket: {jobs.bucket}, key: {name}/script.py."
    )
    assert "Status Code: 404" in found["ErrorMessage"]


def test_sys_exit_with_nothing_is_no_error(jobs: GlueJobs) -> None:
    assert jobs.run("import sys\nsys.exit()")["JobRunState"] == "SUCCEEDED"


def test_max_retries_and_a_run_that_is_retried(jobs: GlueJobs) -> None:
    name = jobs.create("import sys\nsys.exit(1)", MaxRetries=1)
    run = jobs.start(name, Arguments={"--x": "y"})
    first = jobs.until(name, run)
    settled(jobs, name)
    second = jobs.until(name, f"{run}_attempt_1")
    assert first["JobRunState"] == second["JobRunState"] == "FAILED"
    assert (second["Attempt"], second["PreviousRunId"], second["Arguments"]) == (1, run, {"--x": "y"})
    jobs.put(f"{name}/script.py", "pass")
    third = jobs.until(name, jobs.start(name, JobRunId=second["Id"]))
    assert (third["JobRunState"], third["PreviousRunId"], third["Arguments"]) == (
        "SUCCEEDED",
        second["Id"],
        {"--x": "y"},
    )


def settled(jobs: GlueJobs, name: str) -> None:
    """Returns once there is another run."""
    until(lambda: len(jobs.glue.get_job_runs(JobName=name)["JobRuns"]) == 2)


def test_what_is_not_there(jobs: GlueJobs) -> None:
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match="Failed to start job run due to missing"):
        jobs.start(fresh("none"))
    name = jobs.create()
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match="Job Run not found"):
        jobs.get(name, "jr_none")
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match="Job not found"):
        jobs.glue.get_job_runs(JobName=fresh("none"))
    with pytest.raises(ClientError, match="no session policies"):
        jobs.start(name, ExecutionRoleSessionPolicy="{}")
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=r"0\.0625 or 1"):
        jobs.start(name, MaxCapacity=3.0)


def test_additional_modules_are_installed_from_s3(jobs: GlueJobs) -> None:
    name = "tiny_for_glue"
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "WORD = 'installed'\n")
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    location = jobs.put(f"wheels/{name}-1.0-py3-none-any.whl", wheel.getvalue())
    given = {"--additional-python-modules": location, "--python-modules-installer-option": "--no-index"}
    found = jobs.run(f"import {name}, sys\nprint({name}.WORD, sys.argv)", given)
    assert "installed ['/tmp/script.py']" in jobs.said(found), jobs.said(found, "error")
    found = jobs.run("pass", {**given, "--additional-python-modules": "no-such-module-of-mine==1.2.3"})
    assert found["JobRunState"] == "FAILED"
    assert "The additional Python modules could not be installed: no-such-module-of-mine" in jobs.said(found, "error")


FAIL_AT = """
import boto3, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
waiter = boto3.client("s3").get_waiter("object_exists")
waiter.wait(Bucket=given["--bucket"], Key=given["--key"], WaiterConfig={"Delay": 1, "MaxAttempts": 600})
1 / 0
"""


def test_metrics_of_runs_that_ask_for_them(jobs: GlueJobs, platform: Platform) -> None:
    given = {"--enable-metrics": "true", "--enable-observability-metrics": "true", "--bucket": jobs.bucket}
    name, go = jobs.create(FAIL_AT), fresh("go")
    run = jobs.start(name, Arguments={**given, "--key": go})
    cloudwatch = platform.client("cloudwatch")
    dimensions = [{"Name": "JobRunId", "Value": run}]

    def known() -> set[str]:
        listed = cloudwatch.list_metrics(Namespace="Glue", Dimensions=dimensions)["Metrics"]
        return {metric["MetricName"] for metric in listed}

    while_it_runs = {"glue.driver.system.cpuSystemLoad", "glue.ALL.system.cpuSystemLoad"}
    until(lambda: known() == while_it_runs, known)
    jobs.put(go, "")
    jobs.until(name, run)
    at_its_end = {"glue.driver.aggregate.elapsedTime", "glue.succeed.ALL", "glue.error.ALL"}
    until(lambda: known() == while_it_runs | at_its_end, known)


def test_a_shell_out_of_memory(jobs: GlueJobs) -> None:
    found = jobs.run("kept = []\nwhile True:\n    kept.append(bytearray(50_000_000))\n")
    assert (found["JobRunState"], found["ErrorMessage"]) == ("FAILED", "Command Failed due to Out of Memory")


def test_runs_that_may_wait_have_their_turns(jobs: GlueJobs) -> None:
    name = jobs.create(WAIT, JobRunQueuingEnabled=True)
    first, second, third = (jobs.start(name) for _ in range(3))
    waiting = jobs.get(name, second)
    assert (waiting["JobRunState"], waiting["StateDetail"]) == ("WAITING", "Max concurrent runs per job exceeded")
    with pytest.raises(jobs.glue.exceptions.ConcurrentRunsExceededException):
        jobs.start(name, JobRunQueuingEnabled=False)
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[second])
    assert jobs.until(name, second)["JobRunState"] == "STOPPED"
    assert jobs.get(name, third)["JobRunState"] == "WAITING"
    jobs.until(name, first, "RUNNING")
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[first])
    jobs.until(name, third, "RUNNING")
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[third])
    jobs.until(name, third)


def test_runs_that_wait_hear_of_what_becomes_of_their_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: here nobody would look for an hour."""
    monkeypatch.setattr(conductor, "LONGEST", 3600.0)
    here = Here(tmp_path / "home")
    here.app.glue.start()
    told = queued(here, WAIT)
    first, second, third = (here.call("StartJobRun", "glue", JobName="j")["JobRunId"] for _ in range(3))

    def become(run: str, *states: str) -> None:
        until(lambda: here.call("GetJobRun", "glue", JobName="j", RunId=run)["JobRun"]["JobRunState"] in states)

    here.call("UpdateJob", "glue", JobName="j", JobUpdate={**told, "ExecutionProperty": {"MaxConcurrentRuns": 2}})
    become(second, "STARTING", "RUNNING")
    become(third, "WAITING")
    here.call("DeleteJob", "glue", JobName="j")
    become(third, "FAILED")
    here.call("BatchStopJobRun", "glue", JobName="j", JobRunIds=[first, second])
    become(first, "STOPPED")
    become(second, "STOPPED")
    here.close()


def queued(here: Here, script: str) -> dict[str, Any]:
    """What the job `j` is, whose runs wait for each other."""
    here.put("scripts", "j.py", script.encode())
    told: dict[str, Any] = {
        "Role": ROLE.format(account=here.platform.config.account_id),
        "Command": {"Name": "pythonshell", "ScriptLocation": "s3://scripts/j.py"},
        "JobRunQueuingEnabled": True,
    }
    here.call("CreateJob", "glue", Name="j", **told)
    return told


def test_no_run_overtakes_one_that_waits(tmp_path: Path) -> None:
    """Here nobody gives them their turns."""
    here = Here(tmp_path / "home")
    told = queued(here, "pass")
    for _ in range(2):
        here.call("StartJobRun", "glue", JobName="j")
    here.call("UpdateJob", "glue", JobName="j", JobUpdate={**told, "ExecutionProperty": {"MaxConcurrentRuns": 3}})
    here.call("StartJobRun", "glue", JobName="j")
    third, second, _first = here.call("GetJobRuns", "glue", JobName="j")["JobRuns"]
    assert (second["JobRunState"], third["JobRunState"]) == ("WAITING", "WAITING")
    here.close()


def test_arguments_without_effect_are_said(jobs: GlueJobs) -> None:
    arguments = {"--user-jars-first": "true", "--datalake-formats": "delta", "--library-set": "analytics"}
    found = jobs.run("pass", arguments)
    assert found["JobRunState"] == "SUCCEEDED"
    said = jobs.said(found, "error").splitlines()
    for name in arguments:
        assert [line for line in said if line.startswith(f"{name} has no effect: ")], said
    off = jobs.run("pass", {"--user-jars-first": "false", "--library-set": "none"})
    assert "has no effect" not in jobs.said(off, "error")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--continuous-log-logGroup", "with spaces"),
        ("--continuous-log-logGroup", "us-east-1:group"),
        ("--continuous-log-logGroup", "aws/group"),
        ("--continuous-log-logGroup", "g" * 513),
        ("--continuous-log-logStreamPrefix", "a:b"),
    ],
)
def test_names_that_no_log_can_have(jobs: GlueJobs, name: str, value: str) -> None:
    job = jobs.create()
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=f"Invalid log .* in {name}"):
        jobs.start(job, Arguments={name: value})
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=f"Invalid log .* in {name}"):
        jobs.create(DefaultArguments={name: value})


def test_out_of_time(jobs: GlueJobs, timed: tuple[str, str]) -> None:
    found = jobs.until(*timed)
    assert found["JobRunState"] == "TIMEOUT"
    assert found["ExecutionTime"] >= 60
