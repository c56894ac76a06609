"""Runs of workflows that begin at nodes of a run before. https://docs.aws.amazon.com/glue/latest/dg/resuming-workflow.html"""

import sqlite3

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.glue import firing, state
from clary.services.glue.firing import CONDITIONAL, Crawlers
from clary.services.glue.starting import Cause
from clary.services.glue.state import SQL, Glue, Place, here, invalid
from clary.services.glue.workflow_graph import KINDS, graph
from clary.services.glue.workflow_run import find
from clary.services.glue.workflow_starting import Parts, add, settle, whole

TARGETS = {"ResumeWorkflowRun": ("workflow/{Name}",)}
NAMES = {kind: member for member, kind in KINDS.items()}


@operation("ResumeWorkflowRun")
def resume(call: Call[Glue], request: Document) -> Document:
    place, conductor, name = here(call), call.state.conductor, request["Name"]

    def work(connection: sqlite3.Connection) -> tuple[str, list[str]]:
        before, at = state.loaded(find(connection, place, request)), state.now(call.platform)
        if before["Status"] != "COMPLETED":
            said = f"Workflow run {request['RunId']} is in status {before['Status']} and cannot be resumed."
            raise AWSError("IllegalWorkflowStateException", said)
        parts = whole(connection, place, before, conductor.crawlers)
        shape = graph(connection, place, name, *parts)
        first = _first(shape, request["NodeIds"])
        again: set[str] = set(first).union(*(_below(shape, node) for node in first))
        nodes = {node["UniqueId"]: node for node in shape["Nodes"]}
        told = {
            "PreviousRunId": request["RunId"],
            "Again": sorted(f"{nodes[each]['Type']}/{nodes[each]['Name']}" for each in again),
        }
        run = add(connection, place, name, before["WorkflowRunProperties"], at, told)
        _met(connection, place, name, run, told["Again"], parts)
        for each in first:
            _restart(connection, place, nodes[each], Cause(workflow=name, workflow_run=run), at, conductor.crawlers)
        settle(connection, place, name, run, at, conductor.crawlers)
        return run, first

    run, first = call.platform.store.write(work)
    call.platform.wake()
    conductor.wake()
    return {"RunId": run, "NodeIds": first}


def _first(shape: Document, wanted: list[str]) -> list[str]:
    """Those of the wanted nodes that do not follow on others of them. Raises InvalidInputException."""
    ran = {node["UniqueId"] for node in shape["Nodes"] if _runs(node)}
    for each in wanted:
        if each not in ran:
            raise invalid(f"Node {each} has no run in this workflow run, and cannot be restarted.")
    wanted = list(dict.fromkeys(wanted))
    below = {each: _below(shape, each) for each in wanted}
    return [each for each in wanted if not any(each in below[other] and other not in below[each] for other in wanted)]


def _runs(node: Document) -> list[Document]:
    """The JobRuns or Crawls that it shows."""
    found: list[Document] = node.get("JobDetails", {}).get("JobRuns") or node.get("CrawlerDetails", {}).get("Crawls")
    return found or []


def _below(shape: Document, node: str) -> set[str]:
    """What follows on it; itself where that is a circle."""
    found: set[str] = set()
    left = [node]
    while left:
        here = left.pop()
        new = {edge["DestinationId"] for edge in shape["Edges"] if edge["SourceId"] == here} - found
        found |= new
        left += new
    return found


def _restart(
    connection: sqlite3.Connection, place: Place, node: Document, cause: Cause, at: float, crawlers: Crawlers | None
) -> None:
    """As the trigger started it. Raises AWS's errors."""
    member, last = NAMES[node["Type"]], _runs(node)[-1]
    starts = [
        (trigger, action)
        for _arn, trigger in _triggers(connection, place, cause.workflow)
        for action in trigger["Actions"]
        if action.get(member) == node["Name"]
    ]
    if not starts:
        raise invalid(f"No trigger of the workflow starts {node['Name']} any more.")
    trigger, action = next((each for each in starts if each[0]["Name"] == last.get("TriggerName")), starts[0])
    firing.fire(connection, place, {**trigger, "Actions": [action]}, cause, at, crawlers)


def _triggers(connection: sqlite3.Connection, place: Place, workflow: str) -> list[tuple[str, Document]]:
    """With their ARNs."""
    found = [(row["arn"], state.loaded(row)) for row in firing.every(connection, place)]
    return [(arn, trigger) for arn, trigger in found if trigger.get("WorkflowName") == workflow]


def _met(connection: sqlite3.Connection, place: Place, workflow: str, run: str, again: list[str], parts: Parts) -> None:
    """Of conditions that are waited for together, those on what does not run again are as that ended."""
    ended: dict[str, Document] = {}
    for each in parts[0]:
        told = {"JobName": each["JobName"], "State": each["JobRunState"], "Id": each["Id"]}
        ended[f"JOB/{each['JobName']}"] = told
    for crawler, crawl in parts[1]:
        ended[f"CRAWLER/{crawler}"] = {"CrawlerName": crawler, "State": crawl["State"], "Id": ""}
    kept = [told for node, told in ended.items() if node not in again]
    for arn, trigger in _triggers(connection, place, workflow):
        if trigger["Type"] != CONDITIONAL or trigger["Predicate"].get("Logical", "AND") != "AND":
            continue
        for number, condition in enumerate(trigger["Predicate"]["Conditions"]):
            for told in kept:
                if firing.meets(condition, told):
                    values = {"arn": arn, "workflow": run, "number": number}
                    met = {**values, "job": told.get("JobName", ""), "run": told["Id"]}
                    connection.execute(SQL["met_put"], met)
