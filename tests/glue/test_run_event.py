"""What the bus is told when a run ends."""

import time
from pathlib import Path

from here import Here
from sagemaker_inputs import ROLE


def test_the_end_of_a_run_is_an_event(tmp_path: Path) -> None:
    """Also of one that was still waiting for its turn."""
    here = Here(tmp_path / "home")
    here.app.glue.start()
    here.put("scripts", "bad.py", b"1 / 0")
    account = here.platform.config.account_id
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/bad.py"}
    role = ROLE.format(account=account)
    here.call("CreateJob", "glue", Name="j", Role=role, Command=command, JobRunQueuingEnabled=True)
    run, waiting = (here.call("StartJobRun", "glue", JobName="j")["JobRunId"] for _ in range(2))
    here.call("BatchStopJobRun", "glue", JobName="j", JobRunIds=[waiting])
    deadline = time.monotonic() + 60
    while len(told := [event for event in here.events if event.detail_type == "Glue Job State Change"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    here.close()
    stopped, failed = told
    assert (failed.source, failed.account, failed.region, failed.resources) == ("aws.glue", account, "us-west-2", ())
    assert failed.detail == {
        "jobName": "j",
        "severity": "ERROR",
        "state": "FAILED",
        "jobRunId": run,
        "message": "Command failed with exit code 1",
    }
    assert (stopped.detail["jobRunId"], stopped.detail["state"]) == (waiting, "STOPPED")
