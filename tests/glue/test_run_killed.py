"""Clary ends in the middle of runs, by kill -9."""

import time

from conftest import Platform
from glue_jobs import GlueJobs
from sagemaker_inputs import fresh

SLOW = "import time\nfor n in range(30):\n    print('line', n, flush=True)\n    time.sleep(0.1)\n"


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
    jobs.until(slow, run["Id"], "RUNNING")
    jobs.until(failing, retried, "RUNNING")
    own_platform.kill()
    time.sleep(4)  # they end while nobody looks
    own_platform.start()
    found = jobs.until(slow, run["Id"])
    assert found["JobRunState"] == "SUCCEEDED"
    assert jobs.said(found).split("\n") == [f"line {n}" for n in range(30)]
    assert wait(jobs, failing, 2)
    again = jobs.until(failing, f"{retried}_attempt_1", "RUNNING", "FAILED")  # on a busy machine it is soon over
    assert again["PreviousRunId"] == retried
    assert wait(jobs, after, 1)
    own_platform.kill()
    own_platform.start()
    assert jobs.until(failing, again["Id"])["JobRunState"] == "FAILED"
    assert wait(jobs, failing, 2)
    assert wait(jobs, after, 1)


def wait(jobs: GlueJobs, name: str, count: int) -> bool:
    """Whether it has so many runs in the end, and no more."""
    deadline = time.monotonic() + 30
    while len(jobs.glue.get_job_runs(JobName=name)["JobRuns"]) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(jobs.glue.get_job_runs(JobName=name)["JobRuns"]) == count
