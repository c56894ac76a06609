"""Triggers: on demand, by the clock, and by how other jobs end."""

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from glue_jobs import GlueJobs
from here import Here
from sagemaker_inputs import ROLE, fresh
from waiting import until

SAY = "import sys\nprint(sys.argv)\n"


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> GlueJobs:
    return GlueJobs(platform)


def runs(jobs: GlueJobs, name: str, count: int = 1) -> list[dict[str, Any]]:
    """Those of a job, once there are so many and all have ended; the newest first."""
    until(lambda: len(jobs.glue.get_job_runs(JobName=name)["JobRuns"]) >= count)
    return [jobs.until(name, run["Id"]) for run in jobs.glue.get_job_runs(JobName=name)["JobRuns"]]


def test_one_on_demand_starts_jobs_and_those_start_others(jobs: GlueJobs) -> None:
    first, bad = jobs.create(SAY), jobs.create("raise ValueError")
    after, either, never = jobs.create(SAY), jobs.create(SAY), jobs.create(SAY)
    name = fresh("trigger")
    jobs.glue.create_trigger(
        Name=name,
        Type="ON_DEMAND",
        Actions=[{"JobName": first, "Arguments": {"--who": "trigger"}}, {"JobName": bad, "Timeout": 5}],
    )

    def conditional(job: str, logical: str, *conditions: tuple[str, str]) -> str:
        told = [{"LogicalOperator": "EQUALS", "JobName": one, "State": state} for one, state in conditions]
        made: str = jobs.glue.create_trigger(
            Name=fresh("trigger"),
            Type="CONDITIONAL",
            Predicate={"Logical": logical, "Conditions": told},
            Actions=[{"JobName": job}],
            StartOnCreation=True,
        )["Name"]
        return made

    both = conditional(after, "AND", (first, "SUCCEEDED"), (bad, "FAILED"))
    conditional(either, "ANY", (first, "FAILED"), (bad, "FAILED"))
    conditional(never, "AND", (first, "FAILED"), (bad, "FAILED"))
    assert jobs.glue.start_trigger(Name=name)["Name"] == name
    (run,) = runs(jobs, first)
    assert (run["TriggerName"], run["Arguments"]) == (name, {"--who": "trigger"})
    assert "'--who', 'trigger'" in jobs.said(run)
    (followed,) = runs(jobs, after)
    assert followed["TriggerName"] == both
    assert {each["JobName"] for each in followed["PredecessorRuns"]} == {first, bad}
    assert len(runs(jobs, either)) == 1
    assert jobs.glue.get_trigger(Name=name)["Trigger"]["State"] == "CREATED"
    assert jobs.glue.get_job_runs(JobName=never)["JobRuns"] == []
    # What a user starts, triggers do not hear of.
    jobs.until(bad, jobs.start(bad))
    time.sleep(1)
    assert len(runs(jobs, either)) == 1


def test_one_with_a_schedule_fires_by_the_clock(tmp_path: Path) -> None:
    """The clock is set so that a minute begins in two seconds."""
    here = Here(tmp_path / "home")
    early = 58 - time.time() % 60
    here.platform.clock = lambda: time.time() + early
    here.app.glue.start()
    here.put("scripts", "good.py", b"pass")
    role, command = ROLE.format(account=here.platform.config.account_id), {"Name": "pythonshell"}
    here.call("CreateJob", "glue", Name="j", Role=role, Command={**command, "ScriptLocation": "s3://scripts/good.py"})
    told = {"Name": "t", "Type": "SCHEDULED", "Schedule": "cron(0 12 * * ? *)", "Actions": [{"JobName": "j"}]}
    here.call("CreateTrigger", "glue", **told)
    update = {"Schedule": "cron(* * * * ? *)"}
    changed = here.call("UpdateTrigger", "glue", Name="t", TriggerUpdate=update)["Trigger"]
    assert (changed["Schedule"], changed["State"], changed["Actions"]) == (
        "cron(* * * * ? *)",
        "CREATED",
        [{"JobName": "j"}],
    )
    begun = here.platform.clock()
    here.call("StartTrigger", "glue", Name="t")
    assert here.call("GetTrigger", "glue", Name="t")["Trigger"]["State"] == "ACTIVATED"
    found = until(lambda: here.call("GetJobRuns", "glue", JobName="j")["JobRuns"])
    here.call("StopTrigger", "glue", Name="t")
    run = found[-1]
    assert run["TriggerName"] == "t"
    assert run["StartedOn"] // 60 > begun // 60
    assert here.call("GetTrigger", "glue", Name="t")["Trigger"]["State"] == "DEACTIVATED"
    here.close()


def test_lists_and_deletion(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    jobs.glue = platform.client("glue", region="eu-south-1")
    one, other = jobs.create(), jobs.create()
    names = sorted(fresh("trigger") for _ in range(3))
    for number, name in enumerate(names):
        job, tags = other if number else one, {"number": str(number)}
        jobs.glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=[{"JobName": job}], Tags=tags)
    first = jobs.glue.list_triggers(MaxResults=2)
    assert first["TriggerNames"] == names[:2]
    assert jobs.glue.list_triggers(MaxResults=2, NextToken=first["NextToken"])["TriggerNames"] == names[2:]
    assert [each["Name"] for each in jobs.glue.get_triggers(DependentJobName=one)["Triggers"]] == names[:1]
    assert len(jobs.glue.get_triggers(DependentJobName="none")["Triggers"]) == 3
    assert jobs.glue.list_triggers(Tags={"number": "2"})["TriggerNames"] == names[2:]
    some = jobs.glue.batch_get_triggers(TriggerNames=[names[0], "none"])
    assert ([each["Name"] for each in some["Triggers"]], some["TriggersNotFound"]) == ([names[0]], ["none"])
    for _ in range(2):
        assert jobs.glue.delete_trigger(Name=names[0])["Name"] == names[0]
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match=f"Trigger {names[0]} not found"):
        jobs.glue.get_trigger(Name=names[0])


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"Type": "EVENT"}, "NotImplementedException", "no EVENT triggers"),
        ({"Type": "SCHEDULED"}, "InvalidInputException", "Invalid schedule expression"),
        ({"Type": "SCHEDULED", "Schedule": "rate(1 minute)"}, "InvalidInputException", "Invalid schedule expression"),
        ({"Type": "SCHEDULED", "Schedule": "cron(0 0 * * *)"}, "InvalidInputException", "cron"),
        ({"Schedule": "cron(0 12 * * ? *)"}, "InvalidInputException", "only for triggers of type SCHEDULED"),
        ({"Type": "CONDITIONAL"}, "InvalidInputException", "Predicate with Conditions"),
        ({"StartOnCreation": True}, "InvalidInputException", "StartOnCreation is not supported"),
        ({"Actions": []}, "InvalidInputException", "Actions cannot be empty"),
        ({"Actions": [{"JobName": "none"}]}, "EntityNotFoundException", "Job none not found"),
        ({"Actions": [{"CrawlerName": "none"}]}, "EntityNotFoundException", "Crawler none not found"),
        ({"Actions": [{}]}, "InvalidInputException", "either a job or a crawler"),
        ({"WorkflowName": "none"}, "EntityNotFoundException", "Workflow none not found"),
    ],
)
def test_what_create_trigger_refuses(jobs: GlueJobs, changed: dict[str, Any], code: str, said: str) -> None:
    told = {"Name": fresh("trigger"), "Type": "ON_DEMAND", "Actions": [{"JobName": jobs.create()}], **changed}
    with pytest.raises(ClientError) as error:
        jobs.glue.create_trigger(**told)
    assert error.value.response["Error"]["Code"] == code
    assert said in error.value.response["Error"]["Message"]


def test_the_same_name_twice_and_runs_that_are_too_many(jobs: GlueJobs) -> None:
    job, name = jobs.create("import time\ntime.sleep(600)"), fresh("trigger")
    told = {"Name": name, "Type": "ON_DEMAND", "Actions": [{"JobName": job}]}
    jobs.glue.create_trigger(**told)
    with pytest.raises(jobs.glue.exceptions.AlreadyExistsException):
        jobs.glue.create_trigger(**told)
    with pytest.raises(jobs.glue.exceptions.IdempotentParameterMismatchException):
        jobs.glue.create_trigger(**told, Description="another")
    run = jobs.start(job)
    with pytest.raises(jobs.glue.exceptions.ConcurrentRunsExceededException):
        jobs.glue.start_trigger(Name=name)
    jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[run])
    jobs.until(job, run)
