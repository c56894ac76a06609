"""Runs are kept for 90 days."""

import time
from pathlib import Path

import pytest

from clary.errors import AWSError
from here import Here
from sagemaker_inputs import ROLE
from waiting import until

DAY = 86400.0


def test_a_run_is_forgotten_after_90_days(tmp_path: Path) -> None:
    here = Here(tmp_path / "home")
    here.app.glue.start()
    here.put("scripts", "good.py", b"pass")
    role = ROLE.format(account=here.platform.config.account_id)
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/good.py"}
    here.call("CreateJob", "glue", Name="j", Role=role, Command=command)
    run = here.call("StartJobRun", "glue", JobName="j")["JobRunId"]
    until(lambda: here.call("GetJobRun", "glue", JobName="j", RunId=run)["JobRun"]["JobRunState"] == "SUCCEEDED")
    tick = here.app.gateway.services["glue"].tick
    assert tick is not None
    for days in (0, 89):
        here.platform.clock = lambda days=days: time.time() + days * DAY  # type: ignore[misc]  # a clock that is set
        tick()
        assert len(here.call("GetJobRuns", "glue", JobName="j")["JobRuns"]) == 1
    here.platform.clock = lambda: time.time() + 91 * DAY

    def forgotten() -> bool:
        tick()
        return not here.call("GetJobRuns", "glue", JobName="j")["JobRuns"]

    until(forgotten)
    with pytest.raises(AWSError, match="Job Run not found"):
        here.call("GetJobRun", "glue", JobName="j", RunId=run)
    here.close()


def test_a_run_of_a_workflow_is_forgotten_too(tmp_path: Path) -> None:
    """Also one that no job was part of."""
    here = Here(tmp_path / "home")
    here.app.glue.start()
    here.call("CreateWorkflow", "glue", Name="w")
    run = here.call("StartWorkflowRun", "glue", Name="w")["RunId"]
    tick = here.app.gateway.services["glue"].tick
    assert tick is not None
    for days, kept in ((0, 1), (89, 1), (91, 0)):
        here.platform.clock = lambda days=days: time.time() + days * DAY  # type: ignore[misc]  # a clock that is set
        tick()
        assert len(here.call("GetWorkflowRuns", "glue", Name="w")["Runs"]) == kept
    with pytest.raises(AWSError, match=f"Workflow run {run} not found"):
        here.call("GetWorkflowRun", "glue", Name="w", RunId=run)
    here.close()
