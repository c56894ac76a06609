"""QueryLineage over a graph: raw → prepared → model → deployment → endpoint, and a second model from the same data."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client


@pytest.fixture(scope="module")
def graph(platform: Platform) -> tuple[Any, dict[str, str]]:
    """A client of a region of its own, and the ARNs by name."""
    made = client(platform)
    arns = {}
    for name, kind in (("raw", "DataSet"), ("prepared", "DataSet"), ("model", "Model"), ("other", "Model")):
        source, properties = {"SourceUri": f"s3://bucket/{name}"}, {"of": name, "kind": kind}
        given = {"ArtifactName": name, "ArtifactType": kind, "Source": source, "Properties": properties}
        arns[name] = made.create_artifact(**given)["ArtifactArn"]
    source = {"SourceUri": "x"}
    arns["deploy"] = made.create_action(ActionName="deploy", ActionType="ModelDeployment", Source=source)["ActionArn"]
    arns["endpoint"] = made.create_context(ContextName="endpoint", ContextType="Endpoint", Source=source)["ContextArn"]
    arns["train"] = made.create_trial_component(TrialComponentName="train")["TrialComponentArn"]
    for source_name, destination, how in (
        ("raw", "prepared", "DerivedFrom"),
        ("prepared", "train", "ContributedTo"),
        ("train", "model", "Produced"),
        ("prepared", "other", "ContributedTo"),
        ("model", "deploy", "ContributedTo"),
        ("deploy", "endpoint", "AssociatedWith"),
    ):
        ends = {"SourceArn": arns[source_name], "DestinationArn": arns[destination]}
        made.add_association(**ends, AssociationType=how)
    return made, arns


def found(graph: tuple[Any, dict[str, str]], start: str, **asked: Any) -> list[str]:
    sagemaker, arns = graph
    names = {arn: name for name, arn in arns.items()}
    answer = sagemaker.query_lineage(StartArns=[arns[start]], **asked)
    return [names[one["Arn"]] for one in answer["Vertices"]]


def test_directions(graph: tuple[Any, dict[str, str]]) -> None:
    assert found(graph, "model", Direction="Ascendants") == ["train", "prepared", "raw"]
    assert found(graph, "model", Direction="Descendants") == ["deploy", "endpoint"]
    assert sorted(found(graph, "model", Direction="Both")) == ["deploy", "endpoint", "prepared", "raw", "train"]
    assert sorted(found(graph, "prepared", Direction="Descendants")) == [
        "deploy",
        "endpoint",
        "model",
        "other",
        "train",
    ]
    assert found(graph, "raw", Direction="Ascendants") == []
    assert found(graph, "model", Direction="Ascendants", MaxDepth=2) == ["train", "prepared"]


def test_filters(graph: tuple[Any, dict[str, str]]) -> None:
    asked = {"Direction": "Descendants"}
    assert sorted(found(graph, "raw", Filters={"Types": ["Model"]}, **asked)) == ["model", "other"]
    assert found(graph, "raw", Filters={"LineageTypes": ["Context"]}, **asked) == ["endpoint"]
    properties = {"Properties": {"of": "other", "kind": "none"}}
    assert found(graph, "raw", Filters=properties, **asked) == ["other"]
    now = time.time()
    assert found(graph, "raw", Filters={"CreatedAfter": now + 60}, **asked) == []
    assert found(graph, "raw", Filters={"ModifiedBefore": now - 3600}, **asked) == []
    both = {"CreatedBefore": now + 60, "ModifiedAfter": now - 3600, "Types": ["DataSet"]}
    assert found(graph, "raw", Filters=both, **asked) == ["prepared"]


def test_edges(graph: tuple[Any, dict[str, str]]) -> None:
    """With them come the entities on the way to what the filter names."""
    sagemaker, arns = graph
    asked = {"StartArns": [arns["endpoint"]], "Direction": "Ascendants", "Filters": {"Types": ["Model"]}}
    alone = sagemaker.query_lineage(**asked)
    assert [one["Arn"] for one in alone["Vertices"]] == [arns["model"]]
    assert alone["Edges"] == []
    answer = sagemaker.query_lineage(**asked, IncludeEdges=True)
    assert answer["Vertices"] == [
        {"Arn": arns["deploy"], "Type": "ModelDeployment", "LineageType": "Action"},
        {"Arn": arns["model"], "Type": "Model", "LineageType": "Artifact"},
    ]
    assert answer["Edges"] == [
        {"SourceArn": arns["deploy"], "DestinationArn": arns["endpoint"], "AssociationType": "AssociatedWith"},
        {"SourceArn": arns["model"], "DestinationArn": arns["deploy"], "AssociationType": "ContributedTo"},
    ]


def test_pages(graph: tuple[Any, dict[str, str]]) -> None:
    sagemaker, arns = graph
    asked = {"StartArns": [arns["raw"]], "Direction": "Descendants", "MaxResults": 4, "IncludeEdges": True}
    first = sagemaker.query_lineage(**asked)
    assert len(first["Vertices"]) == 4
    second = sagemaker.query_lineage(**asked, NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert len({one["Arn"] for page in (first, second) for one in page["Vertices"]}) == 6
    assert len(first["Edges"]) + len(second["Edges"]) == 6


def test_rings_end(graph: tuple[Any, dict[str, str]]) -> None:
    sagemaker, _ = graph
    first, second = (
        sagemaker.create_context(ContextName=name, ContextType="Ring", Source={"SourceUri": name})["ContextArn"]
        for name in ("ring1", "ring2")
    )
    sagemaker.add_association(SourceArn=first, DestinationArn=second)
    sagemaker.add_association(SourceArn=second, DestinationArn=first)
    answer = sagemaker.query_lineage(StartArns=[first], IncludeEdges=True)
    assert [one["Arn"] for one in answer["Vertices"]] == [second]
    assert len(answer["Edges"]) == 2


def test_what_is_not_there(graph: tuple[Any, dict[str, str]]) -> None:
    sagemaker, arns = graph
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.query_lineage(StartArns=[arns["raw"] + "0"])
    with pytest.raises(ClientError, match="At least one StartArn"):
        sagemaker.query_lineage(StartArns=[])
