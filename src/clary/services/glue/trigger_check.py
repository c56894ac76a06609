"""What triggers must be."""

import sqlite3

from clary.errors import NotImplementedHere
from clary.resource.service import Document
from clary.services.glue import firing, state, workflow_starting
from clary.services.glue.firing import CONDITIONAL, SCHEDULED, Crawlers
from clary.services.glue.job import NOUN as JOB
from clary.services.glue.state import Place, invalid, missing
from clary.services.glue.workflow_graph import KINDS


def check(connection: sqlite3.Connection, place: Place, trigger: Document, crawlers: Crawlers | None) -> None:
    """Raises InvalidInputException, EntityNotFoundException, and NotImplementedHere."""
    kind, name = trigger["Type"], trigger["Name"]
    if kind == "EVENT":
        raise NotImplementedHere("Clary has no EVENT triggers: events of EventBridge start nothing of Glue's here.")
    if kind == SCHEDULED:
        state.due(trigger.get("Schedule") or "")
    elif trigger.get("Schedule"):
        raise invalid(f"Schedule is only for triggers of type {SCHEDULED}.")
    conditions = (trigger.get("Predicate") or {}).get("Conditions") or []
    if bool(conditions) is not (kind == CONDITIONAL):
        raise invalid(f"A trigger has a Predicate with Conditions if its type is {CONDITIONAL}, and only then.")
    if not trigger["Actions"]:
        raise invalid("Actions cannot be empty.")
    for member in ("Conditions", "Actions"):
        for each in conditions if member == "Conditions" else trigger["Actions"]:
            _named(connection, place, each, member, crawlers)
    if workflow := trigger.get("WorkflowName"):
        _in_workflow(connection, place, name, kind, workflow)


def _named(
    connection: sqlite3.Connection, place: Place, each: Document, member: str, crawlers: Crawlers | None
) -> None:
    """A job or a crawler that there is."""
    given = [kind for kind in KINDS if each.get(kind)]
    if len(given) != 1:
        raise invalid(f"Each of {member} names either a job or a crawler.")
    (kind,) = given
    if member == "Conditions" and not each.get("State" if kind == "JobName" else "CrawlState"):
        raise invalid(f"A condition on {each[kind]} says no state.")
    if kind == "JobName" and state.find(connection, place, JOB, each[kind]) is None:
        raise missing(f"Job {each[kind]} not found.")
    if kind == "CrawlerName" and (crawlers is None or not crawlers.known(connection, place, each[kind])):
        raise missing(f"Crawler {each[kind]} not found.")


def _in_workflow(connection: sqlite3.Connection, place: Place, name: str, kind: str, workflow: str) -> None:
    workflow_starting.get(connection, place, workflow)
    if kind == CONDITIONAL:
        return
    for row in firing.every(connection, place):
        other = state.loaded(row)
        if other.get("WorkflowName") == workflow and other["Type"] != CONDITIONAL and row["name"] != name:
            raise invalid(f"Workflow {workflow} has a start trigger already: {row['name']}.")
