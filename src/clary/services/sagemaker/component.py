"""The trial component of each job, which comes about with it and tells how it is.

https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-auto-creation.html: every job has one, also if it
belongs to no trial. `Follows`, in the document, is the job's noun; Describe does not show it.
"""

import sqlite3
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Final

import orjson

from clary.errors import AWSError, Invalid
from clary.resource import crud
from clary.resource.call import Call, Platform
from clary.resource.crud import Nouns
from clary.resource.resource import Plan
from clary.resource.service import Document, operation
from clary.services.sagemaker import component_job, component_metric, lineage_job
from clary.store.sql import queries

SQL: Final = queries("clary.services.sagemaker")
NOUN: Final = "TrialComponent"
ENDS: Final = ("Completed", "Failed", "Stopped")
NAME: Final = 120  # characters: ExperimentEntityName
RUNS: Final = "Default-Run-Group-{}"  # the trial that the SDK's runs of an experiment are in


def begin(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
    """A hook of crud.create: the component of a job to be. Raises AWSError where ExperimentConfig names what is not
    there: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ExperimentConfig.html
    """
    noun = call.operation.name.removeprefix("Create")
    plans, plan = call.state.plans, call.state.plans[NOUN]
    job = document[plans[noun].name]
    source = {"SourceArn": plans[noun].locate(call, {plans[noun].name: job}), "SourceType": f"SageMaker{noun}"}
    config = document.get("ExperimentConfig", {})
    name = f"{job}-{component_job.SUFFIXES[noun]}"
    made = {
        "TrialComponentName": name,
        "DisplayName": config.get("TrialComponentDisplayName") or name,
        "Source": source,
        "Status": component_job.status(noun, {}),
        "Parameters": component_job.parameters(noun, document),
        "InputArtifacts": component_job.inputs(noun, document),
        "OutputArtifacts": {},
        "Trials": _trials(call, connection, config, job),
        "CreatedBy": {},
        "LastModifiedBy": {},
        "Follows": noun,
    }
    if run := config.get("RunName"):
        _belongs(call, connection, run, source)
    place = lineage_job.Place(plans, call.account, call.region, call.state.now(call))
    made["LineageGroupArn"] = lineage_job.group(connection, place)
    arn = plan.locate(call, made)
    if (row := crud.find(connection, arn)) is None:
        crud.add(plan, call, connection, made, {})
    else:  # of a job that was deleted, or made by hand
        old = crud.loaded(row)
        for member in ("Parameters", "InputArtifacts"):
            made[member] = {**old.get(member, {}), **made[member]}
        made["Trials"] = sorted({*old.get("Trials", []), *made["Trials"]})
        crud.keep(connection, arn, {**old, **made})
    made_from = component_job.made_from(noun, document)
    lineage_job.track(connection, place, crud.find(connection, arn), made_from, [])


def _trials(call: Call[Nouns], connection: sqlite3.Connection, config: Document, job: str) -> list[str]:
    plans = call.state.plans
    experiment, trial = config.get("ExperimentName"), config.get("TrialName")
    if experiment:
        row = crud.get(plans["Experiment"], call, connection, {"ExperimentName": experiment})
        experiment = crud.loaded(row)["ExperimentName"]
    if trial:
        found = crud.loaded(crud.get(plans["Trial"], call, connection, {"TrialName": trial}))
        if experiment and found["ExperimentName"] != experiment:
            raise Invalid(f"Trial '{trial}' does not belong to experiment '{experiment}'.")
        return [found["TrialName"]]
    if not experiment:
        return []
    # "If not specified, a new trial is created." Nobody says what it is called.
    trial = (RUNS.format(experiment) if config.get("RunName") else job)[:NAME].rstrip("-")
    if crud.find(connection, plans["Trial"].locate(call, {"TrialName": trial})) is None:
        new = {"TrialName": trial, "DisplayName": trial, "ExperimentName": experiment}
        crud.add(plans["Trial"], call, connection, {**new, "CreatedBy": {}, "LastModifiedBy": {}}, {})
    return [trial]


def _belongs(call: Call[Nouns], connection: sqlite3.Connection, run: str, source: Document) -> None:
    """The job is one of the sources of a run, which is a component."""
    row = crud.get(call.state.plans[NOUN], call, connection, {"TrialComponentName": run})
    document = crud.loaded(row)
    others = [one for one in document.get("Sources", []) if one["SourceArn"] != source["SourceArn"]]
    crud.keep(connection, row["arn"], {**document, "Sources": [*others, source]})


def current(connection: sqlite3.Connection, plans: Mapping[str, Plan], document: Document) -> Document:
    """The component's document as its job is in this moment; as it is where there is no job any more."""
    noun = document.get("Follows", "")
    row = crud.find(connection, document["Source"]["SourceArn"]) if noun else None
    if row is None or document["Status"]["PrimaryStatus"] in ENDS:
        return document
    shown = crud.show(plans[noun], connection, row)
    found = {**document, "Status": component_job.status(noun, shown), **component_job.times(noun, shown)}
    made = component_job.outputs(noun, shown)
    found["OutputArtifacts"] = {**made, **document.get("OutputArtifacts", {})}  # what the user says of them stays
    return found


def follow(platform: Platform, plans: Mapping[str, Plan], job: str) -> "Future[None]":
    """The job, an ARN, is in another state: its component is to say so. Returns at once."""
    _, _, _, region, account, what = job.split(":", 5)
    kind, _, name = what.partition("/")
    noun = next(noun for noun in component_job.SUFFIXES if plans[noun].kind == kind)
    arn = f"arn:aws:sagemaker:{region}:{account}:{plans[NOUN].kind}/{name}-{component_job.SUFFIXES[noun]}"
    place = lineage_job.Place(plans, account, region, platform.clock())

    def work(connection: sqlite3.Connection) -> None:
        if (row := crud.find(connection, arn)) is None:
            return
        before = crud.loaded(row)
        document = current(connection, plans, before)
        if document == before or document.get("Source", {}).get("SourceArn") != job:
            return
        text = orjson.dumps(document).decode()
        connection.execute(crud.SQL["resource_change"], {"arn": arn, "document": text, "modified": place.now})
        if document["Status"]["PrimaryStatus"] in ENDS and (found := crud.find(connection, job)) is not None:
            outputs = component_job.made(noun, crud.show(plans[noun], connection, found))
            lineage_job.track(connection, place, row, [], outputs)

    return component_metric.told(platform.store.submit(work))


def catch_up(platform: Platform, plans: Mapping[str, Plan]) -> None:
    """Components of jobs that ended while nobody followed: Clary was killed in between."""
    for row in platform.store.read().execute(SQL["component_behind"]).fetchall():
        document = crud.loaded(row)
        if document.get("Follows"):
            follow(platform, plans, document["Source"]["SourceArn"]).result()


@operation("DescribeTrialComponent")
def describe(call: Call[Nouns], request: Document) -> Document:
    with call.platform.store.moment() as connection:
        row = crud.get(call.state.plans[NOUN], call, connection, request)
        return shown(call, connection, row)


def shown(call: Call[Nouns], connection: sqlite3.Connection, row: Any) -> Document:
    """A row as Describe has it."""
    plan = call.state.plans[NOUN]
    found = crud.show(plan, connection, row)
    now = crud.pruned(plan, current(connection, call.state.plans, crud.loaded(row)))
    return {**found, **now, "Metrics": component_metric.summaries(connection, row["arn"])}


@operation("DeleteTrialComponent")
def delete(call: Call[Nouns], request: Document) -> Document:
    """With its metrics, and what ties it to artifacts."""
    plan = call.state.plans[NOUN]

    def hook(call: Call[Nouns], connection: sqlite3.Connection, document: Document) -> None:
        arn = plan.locate(call, {"TrialComponentName": document["TrialComponentName"]})
        if document.get("Trials"):
            said = f"TrialComponent '{arn}' is linked to 1 or more trials and cannot be deleted."
            raise AWSError("ValidationException", said)
        for way in ("association_from", "association_to"):
            for row in connection.execute(SQL[way], {"arn": arn}).fetchall():
                crud.forget(connection, row["arn"])
        component_metric.clear(connection, arn)

    return crud.delete(plan, call, request, hook)
