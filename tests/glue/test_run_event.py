"""What the bus is told when a run ends."""

import time
from pathlib import Path

from here import Here
from sagemaker_inputs import ROLE


def test_the_end_of_a_run_is_an_event(tmp_path: Path) -> None:
    here = Here(tmp_path / "home")
    here.put("scripts", "bad.py", b"1 / 0")
    account = here.platform.config.account_id
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/bad.py"}
    here.call("CreateJob", "glue", Name="j", Role=ROLE.format(account=account), Command=command)
    run = here.call("StartJobRun", "glue", JobName="j")["JobRunId"]
    deadline = time.monotonic() + 60
    while not (told := [event for event in here.events if event.detail_type == "Glue Job State Change"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    here.close()
    (event,) = told
    assert (event.source, event.account, event.region, event.resources) == ("aws.glue", account, "us-west-2", ())
    assert event.detail == {
        "jobName": "j",
        "severity": "ERROR",
        "state": "FAILED",
        "jobRunId": run,
        "message": "Command failed with exit code 1",
    }
