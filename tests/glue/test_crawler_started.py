"""Crawlers that triggers and workflows start."""

import json
from typing import Any

import pytest

from glue.catalogs import unique
from glue.crawling import CAR, World


@pytest.fixture
def world(platform: Any) -> World:
    return World(platform)


def test_a_trigger_starts_a_crawler(world: World) -> None:
    world.put("fired/a.csv", CAR)
    name, trigger = world.crawler("fired/"), unique("trigger")
    world.glue.create_trigger(Name=trigger, Type="ON_DEMAND", Actions=[{"CrawlerName": name}])
    world.glue.start_trigger(Name=trigger)
    assert world.wait(name)["Status"] == "SUCCEEDED"
    assert "fired" in world.tables()


def test_a_workflow_counts_and_stops_its_crawlers(world: World) -> None:
    line = json.dumps({f"column{number}": number for number in range(200)}) + "\n"
    for number in range(50):
        world.put(f"long/part-{number}.json", line * 300)
    name, after, flow = world.crawler("long/"), world.crawler("none/"), unique("flow")
    world.glue.create_workflow(Name=flow)
    world.glue.create_trigger(Name=f"{flow}-a", WorkflowName=flow, Type="ON_DEMAND", Actions=[{"CrawlerName": name}])
    ended = {"LogicalOperator": "EQUALS", "CrawlerName": name, "CrawlState": "CANCELLED"}
    world.glue.create_trigger(
        Name=f"{flow}-b",
        WorkflowName=flow,
        Type="CONDITIONAL",
        Predicate={"Conditions": [ended]},
        Actions=[{"CrawlerName": after}],
        StartOnCreation=True,
    )
    run = world.glue.start_workflow_run(Name=flow)["RunId"]

    def shown() -> Any:
        return world.glue.get_workflow_run(Name=flow, RunId=run, IncludeGraph=True)["Run"]

    assert (shown()["Statistics"]["TotalActions"], shown()["Statistics"]["RunningActions"]) == (1, 1)
    world.glue.stop_workflow_run(Name=flow, RunId=run)
    assert world.wait(name)["Status"] == "CANCELLED"
    found = shown()
    assert (found["Status"], found["Statistics"]["StoppedActions"]) == ("STOPPED", 1)
    nodes = {node["Name"]: node for node in found["Graph"]["Nodes"]}
    (crawl,) = nodes[name]["CrawlerDetails"]["Crawls"]
    assert (crawl["State"], crawl["LogGroup"], crawl["LogStream"]) == ("CANCELLED", "/aws-glue/crawlers", name)
    assert crawl["StartedOn"] <= crawl["CompletedOn"]
    assert nodes[after]["CrawlerDetails"]["Crawls"] == []  # nothing follows, whatever triggers wait for
    assert world.tables() == {}
