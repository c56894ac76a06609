"""Search: the resources that meet an expression, sorted by any of their properties.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Final

from clary.errors import NotImplementedHere
from clary.resource import crud, pages, tags
from clary.resource.call import Call
from clary.resource.resource import Plan
from clary.resource.service import Document, operation
from clary.services.sagemaker import component, endpoint
from clary.services.sagemaker.hosting import state
from clary.services.sagemaker.search_filter import test
from clary.services.sagemaker.search_property import find
from clary.services.sagemaker.state import SageMaker

# What each resource is here, and the member of a record that it stands under.
NOUNS: Final = {
    "TrainingJob": ("TrainingJob", "TrainingJob"),
    "Experiment": ("Experiment", "Experiment"),
    "ExperimentTrial": ("Trial", "Trial"),
    "ExperimentTrialComponent": ("TrialComponent", "TrialComponent"),
    "Endpoint": ("Endpoint", "Endpoint"),
    "Model": ("Model", "Model"),
    "ModelPackage": ("ModelPackage", "ModelPackage"),
    "ModelPackageGroup": ("ModelPackageGroup", "ModelPackageGroup"),
    "Pipeline": ("Pipeline", "Pipeline"),
    "PipelineVersion": ("PipelineVersion", "PipelineVersion"),
    "ModelCard": ("ModelCard", "ModelCard"),
    "HubContent": ("HubContent", "HubContent"),
}
# Of these there are none here yet, and so none is found.
NONE: Final = ("PipelineExecution", "FeatureGroup", "FeatureMetadata", "Project", "HyperParameterTuningJob", "Job")
PAGE: Final = 100
SUGGESTIONS: Final = 50  # what a list of names is good for

Row = Any
Add = Callable[[Call[SageMaker], sqlite3.Connection, Row, Document], Document]


@operation("Search")
def search(call: Call[SageMaker], request: Document) -> Document:
    shape, member = _shape(call, request["Resource"])
    expression = request.get("SearchExpression")
    meets = test(shape, expression) if expression is not None else lambda _record: True
    by = find(shape, request.get("SortBy", _default(shape)))
    asked = {name: value for name, value in request.items() if name not in ("MaxResults", "NextToken")}
    query = [call.operation.name, call.region, asked]
    after = pages.opened(request.get("NextToken"), query)
    if request.get("CrossAccountFilterOption") == "CrossAccount" or request["Resource"] in NONE:
        return {"Results": [], "TotalHits": {"Value": 0, "Relation": "EqualTo"}}
    found: list[tuple[list[Any], Document]] = []
    with call.platform.store.moment() as connection:
        for row in _rows(call, connection, request):
            record = _record(call, connection, request["Resource"], row)
            if meets(record):
                values = by.values(record)
                found.append(([*_rank(values[0] if values else None), row["arn"]], record))
    found.sort(key=lambda one: one[0], reverse=request.get("SortOrder", "Descending") == "Descending")
    total = len(found)
    if after is not None:
        later = request.get("SortOrder", "Descending") != "Descending"
        found = [one for one in found if (one[0] > after if later else one[0] < after)]
    size = request.get("MaxResults", PAGE)
    wrapped = [({"Model": record} if member == "Model" else record) for _, record in found[:size]]
    answer: Document = {"Results": [{member: record} for record in wrapped]}
    answer["TotalHits"] = {"Value": total, "Relation": "EqualTo"}
    if len(found) > size:
        answer["NextToken"] = pages.sealed(found[size - 1][0], query)
    return answer


@operation("GetSearchSuggestions", inline=True)
def suggest(call: Call[SageMaker], request: Document) -> Document:
    """Names of properties that begin as the hint does."""
    shape, _ = _shape(call, request["Resource"])
    hint = request.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "").lower()
    names = [name for name in _names(shape, "", 0) if name.lower().startswith(hint)]
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in sorted(names)[:SUGGESTIONS]]}


def _names(shape: Any, before: str, depth: int) -> Iterator[str]:
    for name, inner in shape.members.items():
        yield f"{before}{name}"
        if inner.type_name == "structure" and depth < 2:  # shapes may hold themselves
            yield from _names(inner, f"{before}{name}.", depth + 1)


def _shape(call: Call[SageMaker], resource: str) -> tuple[Any, str]:
    """The shape of the resource's records, and the member that they stand under."""
    model = call.operation.service_model
    records = model.operation_model("Search").output_shape.members["Results"].member.members
    member = NOUNS[resource][1] if resource in NOUNS else resource
    if member not in records:
        raise NotImplementedHere(f"Search does not look for resources of type {resource}.")
    shape = records[member]
    return (shape.members["Model"] if resource == "Model" else shape), member


def _default(shape: Any) -> str:
    known = ("LastModifiedTime", "CreationTime", *shape.members)
    return str(next(name for name in known if name in shape.members))


def _rank(value: Any) -> list[Any]:
    """Sorts what is there by kind: nothing, truth, numbers, texts."""
    if isinstance(value, int | float):
        return [1, float(value)]
    return [0, 0.0] if value is None else [2, str(value)]


def _rows(call: Call[SageMaker], connection: sqlite3.Connection, request: Document) -> list[Row]:
    """All that can be meant: one, where the expression names it."""
    plan = call.state.plans[NOUNS[request["Resource"]][0]]
    expression = request.get("SearchExpression") or {}
    if plan.simple and expression.get("Operator", "And") == "And":
        for one in expression.get("Filters", []):
            if one["Name"] == plan.name and one.get("Operator", "Equals") == "Equals" and one.get("Value"):
                row = crud.find(connection, call.arn(f"{plan.kind}/{one['Value']}"))
                row = row or crud.find(connection, call.arn(f"{plan.kind}/{one['Value']}".lower()))
                return [row] if row is not None and row["type"] == plan.noun else []
    return pages.every(plan, call, connection)


def _record(call: Call[SageMaker], connection: sqlite3.Connection, resource: str, row: Row) -> Document:
    plan = call.state.plans[NOUNS[resource][0]]
    found = DESCRIBED[resource](call, connection, row) if resource in DESCRIBED else crud.show(plan, connection, row)
    found["Tags"] = _tags(connection, row["arn"])
    if resource in MORE:
        found |= MORE[resource](call, connection, row, found)
    shape, _ = _shape(call, resource)
    return {name: value for name, value in found.items() if name in shape.members}


def _tags(connection: sqlite3.Connection, arn: str) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in tags.read(connection, arn).items()]


def _component(call: Call[SageMaker], connection: sqlite3.Connection, row: Row, found: Document) -> Document:
    """Its trials with their experiments, and the training job that it is of."""
    names = crud.loaded(row).get("Trials", [])
    added: Document = {"Parents": [_parent(call, connection, name) for name in names]}
    source = found.get("Source", {}).get("SourceArn")
    job = crud.find(connection, source) if source else None
    if source:
        added["SourceDetail"] = {"SourceArn": source}
    if job is not None and job["type"] in ("TrainingJob", "ProcessingJob", "TransformJob"):
        shown = crud.show(call.state.plans[job["type"]], connection, job)
        added["SourceDetail"][job["type"]] = {**shown, "Tags": _tags(connection, source)}
    return added


def _parent(call: Call[SageMaker], connection: sqlite3.Connection, name: str) -> Document:
    trial = crud.loaded(crud.get(call.state.plans["Trial"], call, connection, {"TrialName": name}))
    return {"TrialName": name, "ExperimentName": trial["ExperimentName"]}


def _trial(call: Call[SageMaker], connection: sqlite3.Connection, _row: Row, found: Document) -> Document:
    plan: Plan = call.state.plans["TrialComponent"]
    belonging = (
        pages.document(plan, one)
        for one in pages.every(plan, call, connection)
        if found["TrialName"] in crud.loaded(one).get("Trials", [])
    )
    members = ("TrialComponentName", "TrialComponentArn", "CreationTime", "CreatedBy")
    summaries = [
        {name: one[name] for name in members if name in one}
        | ({"TrialComponentSource": one["Source"]} if "Source" in one else {})
        for one in belonging
    ]
    return {"TrialComponentSummaries": summaries}


def _endpoint(call: Call[SageMaker], connection: sqlite3.Connection, row: Row) -> Document:
    plan = call.state.plans["Endpoint"]
    return endpoint.described(plan, connection, row, state.find(connection, row["arn"]))


DESCRIBED: Final[dict[str, Callable[[Call[SageMaker], sqlite3.Connection, Row], Document]]] = {
    "ExperimentTrialComponent": component.shown,
    "Endpoint": _endpoint,
}
MORE: Final[dict[str, Add]] = {"ExperimentTrialComponent": _component, "ExperimentTrial": _trial}
