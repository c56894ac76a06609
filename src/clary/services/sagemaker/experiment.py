"""Experiments: components belong to any number of trials, trials to one experiment.

A component keeps the names of its trials in `Trials`, which Describe does not show. Those that jobs have: component.py.
"""

import sqlite3
from typing import Any

from clary.errors import AWSError
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation


def _both(call: Call[Nouns], connection: sqlite3.Connection, request: Document) -> tuple[Any, Any]:
    plans = call.state.plans
    return crud.get(plans["TrialComponent"], call, connection, request), crud.get(
        plans["Trial"], call, connection, request
    )


def _trials(row: Any) -> list[str]:
    return list(crud.loaded(row).get("Trials", []))


@operation("AssociateTrialComponent")
def associate(call: Call[Nouns], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> Document:
        component, trial = _both(call, connection, request)
        document = crud.loaded(component)
        document["Trials"] = sorted({*document.get("Trials", []), request["TrialName"]})
        crud.keep(connection, component["arn"], document)
        return {"TrialComponentArn": component["arn"], "TrialArn": trial["arn"]}

    return call.platform.store.write(work)


@operation("DisassociateTrialComponent")
def disassociate(call: Call[Nouns], request: Document) -> Document:
    def work(connection: sqlite3.Connection) -> Document:
        component, trial = _both(call, connection, request)
        document = crud.loaded(component)
        if request["TrialName"] not in document.get("Trials", []):
            said = f"TrialComponent '{component['arn']}' is not associated with Trial '{trial['arn']}'."
            raise AWSError("ResourceNotFound", said)
        document["Trials"].remove(request["TrialName"])
        crud.keep(connection, component["arn"], document)
        return {"TrialComponentArn": component["arn"], "TrialArn": trial["arn"]}

    return call.platform.store.write(work)


@operation("DeleteTrial")
def delete_trial(call: Call[Nouns], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteTrial.html: its components go first."""
    plan = call.state.plans["Trial"]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        wanted = {"TrialName": document["TrialName"]}
        rows = pages.every(call.state.plans["TrialComponent"], call, connection)
        if any(wanted["TrialName"] in _trials(row) for row in rows):
            raise plan.in_use(call.operation, plan.locate(call, wanted), document)

    return crud.delete(plan, call, request, hook)


def trials(call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListTrials: those that a component belongs to."""
    if not request.get("TrialComponentName"):
        return None
    wanted = set(_trials(crud.get(call.state.plans["TrialComponent"], call, call.platform.store.read(), request)))
    return lambda found: found["TrialName"] in wanted


def components(call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListTrialComponents: those of a trial, of an experiment's trials, or of a source."""
    connection = call.platform.store.read()
    plans = call.state.plans
    wanted: set[str] | None = None
    if request.get("TrialName"):
        crud.get(plans["Trial"], call, connection, request)
        wanted = {request["TrialName"]}
    if request.get("ExperimentName"):
        crud.get(plans["Experiment"], call, connection, request)
        rows = (crud.loaded(row) for row in pages.every(plans["Trial"], call, connection))
        wanted = {row["TrialName"] for row in rows if row["ExperimentName"] == request["ExperimentName"]}
    source = request.get("SourceArn", "").lower()  # as the SDKs ask: on AWS these ARNs have no capitals
    return lambda found: (
        (wanted is None or bool(wanted & set(found.get("Trials", []))))
        and (not source or found.get("Source", {}).get("SourceArn", "").lower() == source)
    )
