"""A workflow as a graph: triggers, jobs and crawlers are its nodes, and what starts what its edges.
https://docs.aws.amazon.com/glue/latest/dg/workflows_overview.html
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Final

from clary.resource.service import Document
from clary.services.glue import firing, state
from clary.services.glue.state import Place

Crawls = Sequence[tuple[str, Document]]

KINDS: Final = {"JobName": "JOB", "CrawlerName": "CRAWLER"}


def graph(
    connection: sqlite3.Connection, place: Place, workflow: str, runs: Sequence[Document] = (), crawls: Crawls = ()
) -> Document:
    """`runs` and `crawls` (with their crawlers' names): those of a run of it, which its nodes then show."""
    nodes: dict[tuple[str, str], Document] = {}
    edges: list[Document] = []

    def node(kind: str, name: str) -> Document:
        unique = hashlib.sha256(f"{workflow}/{kind}/{name}".encode()).hexdigest()
        return nodes.setdefault((kind, name), {"Type": kind, "Name": name, "UniqueId": f"wnode_{unique}"})

    def named(each: Document) -> Document:
        return next(node(kind, each[member]) for member, kind in KINDS.items() if each.get(member))

    for row in firing.every(connection, place):
        trigger = state.loaded(row)
        if trigger.get("WorkflowName") != workflow:
            continue
        here = node("TRIGGER", row["name"])
        here["TriggerDetails"] = {"Trigger": trigger}
        conditions = (trigger.get("Predicate") or {}).get("Conditions") or []
        pairs = [(named(each), here) for each in conditions] + [(here, named(each)) for each in trigger["Actions"]]
        edges += [{"SourceId": before["UniqueId"], "DestinationId": after["UniqueId"]} for before, after in pairs]
    for (kind, name), found in nodes.items():
        if kind == "JOB":
            found["JobDetails"] = {"JobRuns": [run for run in runs if run["JobName"] == name]}
        elif kind == "CRAWLER":
            found["CrawlerDetails"] = {"Crawls": [crawl for crawler, crawl in crawls if crawler == name]}
    return {"Nodes": list(nodes.values()), "Edges": edges}
