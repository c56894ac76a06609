"""Clary ends in the middle of runs, by kill -9."""

import time

from conftest import Platform
from glue_jobs import HOLD, GlueJobs
from sagemaker_inputs import fresh
from waiting import until

LINES = "for n in range({}, {}):\n    print('line', n, flush=True)\n"
SLOW = f"{HOLD}{LINES.format(0, 15)}until_gone(held)\n{LINES.format(15, 30)}"


def test_runs_are_adopted_and_what_follows_is_done_once(own_platform: Platform) -> None:
    jobs = GlueJobs(own_platform)
    slow, failing, after = jobs.create(SLOW), jobs.create(f"{SLOW}1 / 0", MaxRetries=1), jobs.create("pass")
    start, follow = fresh("trigger"), fresh("trigger")
    jobs.glue.create_trigger(Name=start, Type="ON_DEMAND", Actions=[{"JobName": slow}])
    condition = {"LogicalOperator": "EQUALS", "JobName": slow, "State": "SUCCEEDED"}
    jobs.glue.create_trigger(
        Name=follow,
        Type="CONDITIONAL",
        Predicate={"Conditions": [condition]},
        Actions=[{"JobName": after}],
        StartOnCreation=True,
    )
    jobs.glue.start_trigger(Name=start)
    retried = jobs.start(failing)
    (run,) = jobs.glue.get_job_runs(JobName=slow)["JobRuns"]
    holds(jobs, slow, run["Id"])
    holds(jobs, failing, retried)
    own_platform.kill()
    time.sleep(2)  # they end while nobody looks
    own_platform.start()
    found = jobs.until(slow, run["Id"])
    assert found["JobRunState"] == "SUCCEEDED"
    assert jobs.said(found).split("\n") == [f"line {n}" for n in range(30)]
    assert wait(jobs, failing, 2)
    again = jobs.get(failing, f"{retried}_attempt_1")
    assert again["PreviousRunId"] == retried
    holds(jobs, failing, again["Id"])
    assert wait(jobs, after, 1)
    own_platform.kill()
    own_platform.start()
    assert jobs.until(failing, again["Id"])["JobRunState"] == "FAILED"
    assert wait(jobs, failing, 2)
    assert wait(jobs, after, 1)


def holds(jobs: GlueJobs, name: str, run: str) -> None:
    until(lambda: "line 14" in jobs.said(jobs.get(name, run)), lambda: jobs.get(name, run))


def wait(jobs: GlueJobs, name: str, count: int) -> bool:
    """Whether it has so many runs in the end, and no more."""
    until(lambda: len(jobs.glue.get_job_runs(JobName=name)["JobRuns"]) >= count)
    return len(jobs.glue.get_job_runs(JobName=name)["JobRuns"]) == count
