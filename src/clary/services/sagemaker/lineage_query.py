"""QueryLineage: what an entity came from and what came of it, along associations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_QueryLineage.html
"""

import sqlite3
from collections import deque
from typing import Any, Final

from clary.errors import AWSError, Invalid
from clary.resource import crud, pages
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation
from clary.services.sagemaker.component_metric import SQL

KINDS: Final = ("TrialComponent", "Artifact", "Context", "Action")
PAGE: Final = 50
DEPTH: Final = 10
WAYS: Final = {  # statements, and the end of an association that each leads to
    "Ascendants": (("association_to", "Source"),),
    "Descendants": (("association_from", "Destination"),),
    "Both": (("association_to", "Source"), ("association_from", "Destination")),
}


@operation("QueryLineage")
def query(call: Call[Nouns], request: Document) -> Document:
    """The vertices in the order of their distance. With IncludeEdges, what leads to those that are asked for stays: so
    filters then name the entities whose paths are wanted.
    """
    starts = request.get("StartArns") or []
    if not starts:
        raise Invalid("At least one StartArn must be specified.")
    asked = {name: value for name, value in request.items() if name not in ("MaxResults", "NextToken")}
    place = [call.operation.name, call.region, asked]
    after = pages.opened(request.get("NextToken"), place)
    with call.platform.store.moment() as connection:
        for arn in starts:
            if _vertex(call, connection, arn) is None:
                raise AWSError("ResourceNotFound", f"Lineage entity '{arn}' does not exist.")
        vertices, edges = _graph(call, connection, request)
    known = list(vertices)
    begin = 0 if after is None else (known.index(after[0]) + 1 if after[0] in vertices else len(known))
    page = known[begin : begin + request.get("MaxResults", PAGE)]
    answer: Document = {"Vertices": [vertices[arn] for arn in page]}
    if request.get("IncludeEdges"):
        answer["Edges"] = [edge for to, edge in edges if to in page]
    else:
        answer["Edges"] = []
    if begin + len(page) < len(known):
        answer["NextToken"] = pages.sealed([page[-1]], place)
    return answer


def _graph(
    call: Call[Nouns], connection: sqlite3.Connection, request: Document
) -> tuple[dict[str, Document], list[tuple[str, Document]]]:
    """The vertices by ARN, and the edges, each with the vertex that it led to."""
    ways = WAYS[request.get("Direction", "Both")]
    filters, with_edges = request.get("Filters", {}), request.get("IncludeEdges", False)
    deepest = min(request.get("MaxDepth", DEPTH), DEPTH)
    waiting = deque((arn, 0, way) for arn in request["StartArns"] for way in ways)
    reached: dict[str, Document] = {}
    came: dict[str, str] = {}
    seen = {(arn, way) for arn, _, way in waiting}
    edges: dict[str, tuple[str, Document]] = {}
    while waiting:
        arn, depth, way = waiting.popleft()
        if depth == deepest:
            continue
        statement, end = way
        for row in connection.execute(SQL[statement], {"arn": arn}).fetchall():
            link = crud.loaded(row)
            to = link[f"{end}Arn"]
            found = reached.get(to) or _vertex(call, connection, to)
            if found is None:
                continue
            edges.setdefault(row["arn"], (to, _edge(link)))
            if to not in request["StartArns"]:
                reached[to] = found
                came.setdefault(to, arn)
            if (to, way) not in seen:  # onwards only: what else came of an ancestor is none of this entity's
                seen.add((to, way))
                waiting.append((to, depth + 1, way))
    wanted = {arn for arn, found in reached.items() if _matches(found, filters)}
    if with_edges:
        for arn in list(wanted):
            while (arn := came.get(arn, "")) in reached:
                wanted.add(arn)
    shown = {arn: _shown(found) for arn, found in reached.items() if arn in wanted}
    ends = {*shown, *request["StartArns"]}
    kept = [
        (to if to in shown else edge["SourceArn"] if edge["SourceArn"] in shown else edge["DestinationArn"], edge)
        for to, edge in edges.values()
        if {edge["SourceArn"], edge["DestinationArn"]} <= ends
    ]
    return shown, kept


def _vertex(call: Call[Nouns], connection: sqlite3.Connection, arn: str) -> Document | None:
    row: Any = crud.find(connection, arn) if arn.startswith(call.arn("")) else None
    if row is None or row["type"] not in KINDS:
        return None
    return {**crud.loaded(row), "Arn": arn, "Noun": row["type"], "created": row["created"], "modified": row["modified"]}


def _shown(found: Document) -> Document:
    """A vertex. A component's type is that of its job, as the SDKs know it: TrainingJob."""
    kind = _kind(found)
    return {"Arn": found["Arn"], **({"Type": kind} if kind else {}), "LineageType": found["Noun"]}


def _kind(found: Document) -> str:
    given = found.get(f"{found['Noun']}Type") or found.get("Source", {}).get("SourceType", "")
    return str(given).removeprefix("SageMaker")


def _edge(link: Document) -> Document:
    members = ("SourceArn", "DestinationArn", "AssociationType")
    return {member: link[member] for member in members if member in link}


def _matches(found: Document, filters: Document) -> bool:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_QueryFilters.html: any of the properties does."""
    pairs = filters.get("Properties") or {}
    has = found.get("Properties", {})
    return (
        (not filters.get("Types") or _kind(found) in filters["Types"])
        and (not filters.get("LineageTypes") or found["Noun"] in filters["LineageTypes"])
        and found["created"] < filters.get("CreatedBefore", float("inf"))
        and found["created"] > filters.get("CreatedAfter", 0.0)
        and found["modified"] < filters.get("ModifiedBefore", float("inf"))
        and found["modified"] > filters.get("ModifiedAfter", 0.0)
        and (not pairs or any(has.get(name) == value for name, value in pairs.items()))
    )
