"""Workflows and their runs."""

from typing import Any

import pytest

from conftest import Platform
from glue_jobs import GlueJobs
from sagemaker_inputs import fresh
from waiting import until

PASS_ON = """
import boto3, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
name, run = given["--WORKFLOW_NAME"], given["--WORKFLOW_RUN_ID"]
glue = boto3.client("glue")
had = glue.get_workflow_run_properties(Name=name, RunId=run)["RunProperties"]
glue.put_workflow_run_properties(Name=name, RunId=run, RunProperties={"seen": had["from"] + had["default"]})
"""


@pytest.fixture(scope="module")
def jobs(platform: Platform) -> GlueJobs:
    return GlueJobs(platform)


def chained(jobs: GlueJobs, first: str, second: str, **changed: Any) -> str:
    """A workflow in which one job follows on another."""
    name: str = jobs.glue.create_workflow(Name=fresh("flow"), **changed)["Name"]
    condition = {"LogicalOperator": "EQUALS", "JobName": first, "State": "SUCCEEDED"}
    jobs.glue.create_trigger(Name=f"{name}-a", WorkflowName=name, Type="ON_DEMAND", Actions=[{"JobName": first}])
    jobs.glue.create_trigger(
        Name=f"{name}-b",
        WorkflowName=name,
        Type="CONDITIONAL",
        Predicate={"Conditions": [condition]},
        Actions=[{"JobName": second}],
        StartOnCreation=True,
    )
    return name


def ended(jobs: GlueJobs, name: str, run: str, status: str = "COMPLETED") -> dict[str, Any]:
    def shown() -> dict[str, Any]:
        found: dict[str, Any] = jobs.glue.get_workflow_run(Name=name, RunId=run, IncludeGraph=True)["Run"]
        return found

    until(lambda: shown()["Status"] == status, shown)
    return shown()


def test_a_run_goes_through_the_graph(jobs: GlueJobs) -> None:
    first, second = jobs.create(PASS_ON), jobs.create("raise ValueError")
    name = chained(jobs, first, second, DefaultRunProperties={"default": "D", "from": "-"}, Description="two")
    run = jobs.glue.start_workflow_run(Name=name, RunProperties={"from": "F"})["RunId"]
    found = ended(jobs, name, run)
    assert found["WorkflowRunProperties"] == {"default": "D", "from": "F", "seen": "FD"}
    counts = found["Statistics"]
    assert (counts["TotalActions"], counts["SucceededActions"], counts["FailedActions"]) == (2, 1, 1)
    assert found["StartedOn"] <= found["CompletedOn"]
    nodes = {node["Name"]: node for node in found["Graph"]["Nodes"]}
    assert {node["Type"] for node in nodes.values()} == {"TRIGGER", "JOB"}
    (started,) = nodes[second]["JobDetails"]["JobRuns"]
    assert (started["JobRunState"], started["TriggerName"]) == ("FAILED", f"{name}-b")
    names = {node["UniqueId"]: node["Name"] for node in nodes.values()}
    edges = {(names[edge["SourceId"]], names[edge["DestinationId"]]) for edge in found["Graph"]["Edges"]}
    assert edges == {(f"{name}-a", first), (first, f"{name}-b"), (f"{name}-b", second)}

    again = jobs.glue.start_workflow_run(Name=name, RunProperties={"from": "G"})["RunId"]
    later = ended(jobs, name, again)
    assert later["PreviousRunId"] == run
    listed = jobs.glue.get_workflow_runs(Name=name, MaxResults=1)
    assert [each["WorkflowRunId"] for each in listed["Runs"]] == [again]
    rest = jobs.glue.get_workflow_runs(Name=name, MaxResults=1, NextToken=listed["NextToken"])
    assert [each["WorkflowRunId"] for each in rest["Runs"]] == [run]
    assert jobs.glue.get_workflow(Name=name)["Workflow"]["LastRun"]["WorkflowRunId"] == again


def test_a_run_that_is_stopped_starts_nothing_more(jobs: GlueJobs) -> None:
    first, second = jobs.create("import time\ntime.sleep(600)"), jobs.create("pass")
    name = chained(jobs, first, second, MaxConcurrentRuns=1)
    run = jobs.glue.start_workflow_run(Name=name)["RunId"]
    with pytest.raises(jobs.glue.exceptions.ConcurrentRunsExceededException, match=f"for workflow: {name}"):
        jobs.glue.start_workflow_run(Name=name)
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match="runs that go on"):
        jobs.glue.delete_workflow(Name=name)
    jobs.glue.stop_workflow_run(Name=name, RunId=run)
    assert ended(jobs, name, run, "STOPPED")["Statistics"]["StoppedActions"] == 1
    assert jobs.glue.get_job_runs(JobName=second)["JobRuns"] == []
    with pytest.raises(jobs.glue.exceptions.IllegalWorkflowStateException):
        jobs.glue.stop_workflow_run(Name=name, RunId=run)
    for _ in range(2):
        assert jobs.glue.delete_workflow(Name=name)["Name"] == name
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException):
        jobs.glue.get_trigger(Name=f"{name}-a")
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match=f"Workflow {name} not found"):
        jobs.glue.get_workflow(Name=name)


def test_what_there_is_of_workflows(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    jobs.glue = platform.client("glue", region="eu-north-1")
    name = chained(jobs, jobs.create(), jobs.create())
    with pytest.raises(jobs.glue.exceptions.AlreadyExistsException):
        jobs.glue.create_workflow(Name=name)
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match="has a start trigger already"):
        jobs.glue.create_trigger(
            Name="c", WorkflowName=name, Type="ON_DEMAND", Actions=[{"JobName": jobs.glue.list_jobs()["JobNames"][0]}]
        )
    jobs.glue.update_workflow(Name=name, Description="changed", DefaultRunProperties={"a": "b"})
    found = jobs.glue.get_workflow(Name=name, IncludeGraph=True)["Workflow"]
    assert (found["Description"], found["DefaultRunProperties"]) == ("changed", {"a": "b"})
    assert len(found["Graph"]["Nodes"]) == 4
    other = jobs.glue.create_workflow(Name=fresh("zzz"))["Name"]
    first = jobs.glue.list_workflows(MaxResults=1)
    assert first["Workflows"] == [name]
    assert jobs.glue.list_workflows(MaxResults=1, NextToken=first["NextToken"])["Workflows"] == [other]
    some = jobs.glue.batch_get_workflows(Names=[other, "none"])
    assert ([each["Name"] for each in some["Workflows"]], some["MissingWorkflows"]) == ([other], ["none"])
    empty = jobs.glue.start_workflow_run(Name=other)["RunId"]
    assert jobs.glue.get_workflow_run(Name=other, RunId=empty)["Run"]["Status"] == "COMPLETED"
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match="Workflow run wr_none not found"):
        jobs.glue.get_workflow_run_properties(Name=other, RunId="wr_none")


FIXED = """
import boto3, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
boto3.client("s3").head_object(Bucket=given["--bucket"], Key=given["--key"])
"""


def test_a_run_is_resumed_where_it_failed(jobs: GlueJobs) -> None:
    key = fresh("fixed")
    arguments = {"--bucket": jobs.bucket, "--key": key}
    well, flaky, last = jobs.create(), jobs.create(FIXED, DefaultArguments=arguments), jobs.create()
    name = jobs.glue.create_workflow(Name=fresh("flow"))["Name"]
    starts = [{"JobName": well}, {"JobName": flaky}]
    jobs.glue.create_trigger(Name=f"{name}-a", WorkflowName=name, Type="ON_DEMAND", Actions=starts)
    both = [{"LogicalOperator": "EQUALS", "JobName": each, "State": "SUCCEEDED"} for each in (well, flaky)]
    jobs.glue.create_trigger(
        Name=f"{name}-b",
        WorkflowName=name,
        Type="CONDITIONAL",
        Predicate={"Logical": "AND", "Conditions": both},
        Actions=[{"JobName": last}],
        StartOnCreation=True,
    )
    run = jobs.glue.start_workflow_run(Name=name, RunProperties={"a": "b"})["RunId"]
    found = ended(jobs, name, run)
    nodes = {node["Name"]: node for node in found["Graph"]["Nodes"]}
    ids = {each: node["UniqueId"] for each, node in nodes.items()}
    for each in (last, f"{name}-a"):  # what has not run, and a trigger
        with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=ids[each]):
            jobs.glue.resume_workflow_run(Name=name, RunId=run, NodeIds=[ids[each]])

    jobs.put(key, "fixed")
    resumed = jobs.glue.resume_workflow_run(Name=name, RunId=run, NodeIds=[ids[flaky]])
    assert resumed["NodeIds"] == [ids[flaky]]
    with pytest.raises(jobs.glue.exceptions.IllegalWorkflowStateException, match="RUNNING and cannot be resumed"):
        jobs.glue.resume_workflow_run(Name=name, RunId=resumed["RunId"], NodeIds=[ids[flaky]])
    later = ended(jobs, name, resumed["RunId"])
    assert (later["PreviousRunId"], later["WorkflowRunProperties"]) == (run, {"a": "b"})
    assert (later["Statistics"]["TotalActions"], later["Statistics"]["SucceededActions"]) == (2, 2)
    shown = {node["Name"]: node for node in later["Graph"]["Nodes"]}
    assert shown[well]["JobDetails"] == nodes[well]["JobDetails"]  # it did not run again
    (again,) = shown[flaky]["JobDetails"]["JobRuns"]
    (followed,) = shown[last]["JobDetails"]["JobRuns"]
    assert (again["JobRunState"], followed["JobRunState"]) == ("SUCCEEDED", "SUCCEEDED")
    before = {each["JobName"]: each["RunId"] for each in followed["PredecessorRuns"]}
    assert before == {well: nodes[well]["JobDetails"]["JobRuns"][0]["Id"], flaky: again["Id"]}

    third = jobs.glue.resume_workflow_run(Name=name, RunId=resumed["RunId"], NodeIds=[ids[last], ids[flaky]])
    assert third["NodeIds"] == [ids[flaky]]  # the other follows on it
    assert ended(jobs, name, third["RunId"])["Statistics"]["SucceededActions"] == 2
