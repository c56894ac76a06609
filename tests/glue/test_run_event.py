"""What the bus is told when a run ends."""

from pathlib import Path

from clary.resource.bus import Event
from here import Here
from sagemaker_inputs import ROLE
from waiting import until


def told(here: Here) -> list[Event]:
    return [event for event in here.events if event.detail_type == "Glue Job State Change"]


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
    until(lambda: len(told(here)) >= 2)
    here.close()
    stopped, failed = told(here)
    assert (failed.source, failed.account, failed.region, failed.resources) == ("aws.glue", account, "us-west-2", ())
    assert failed.detail == {
        "jobName": "j",
        "severity": "ERROR",
        "state": "FAILED",
        "jobRunId": run,
        "message": "Command failed with exit code 1",
    }
    assert (stopped.detail["jobRunId"], stopped.detail["state"]) == (waiting, "STOPPED")
