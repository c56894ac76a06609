"""Artifacts, actions, contexts, and what ties them together."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client

GROUP = "sagemaker-default-lineage-group"


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    return client(platform)


def artifact(sagemaker: Any, uri: str) -> str:
    made = sagemaker.create_artifact(ArtifactName="data", ArtifactType="DataSet", Source={"SourceUri": uri})
    return str(made["ArtifactArn"])


def test_associations(sagemaker: Any) -> None:
    source = artifact(sagemaker, "s3://bucket/a")
    action = sagemaker.create_action(ActionName="act", ActionType="Training", Source={"SourceUri": "x"})["ActionArn"]
    sagemaker.add_association(SourceArn=source, DestinationArn=action, AssociationType="ContributedTo")
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.add_association(SourceArn=source, DestinationArn=action)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.add_association(SourceArn=source, DestinationArn=action + "x")
    (found,) = sagemaker.list_associations(SourceArn=source)["AssociationSummaries"]
    assert found["SourceType"] == "DataSet"
    assert found["SourceName"] == "data"
    assert found["DestinationType"] == "Training"
    assert found["DestinationName"] == "act"
    assert found["AssociationType"] == "ContributedTo"
    assert sagemaker.list_associations(AssociationType="Produced")["AssociationSummaries"] == []
    assert len(sagemaker.list_associations(SortBy="DestinationType")["AssociationSummaries"]) == 1
    with pytest.raises(ClientError, match="has associations"):
        sagemaker.delete_artifact(ArtifactArn=source)
    with pytest.raises(ClientError, match="has associations"):
        sagemaker.delete_action(ActionName="act")
    sagemaker.delete_association(SourceArn=source, DestinationArn=action)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.delete_association(SourceArn=source, DestinationArn=action)
    sagemaker.delete_artifact(ArtifactArn=source)
    sagemaker.delete_action(ActionName="act")


def test_artifacts_are_found_by_their_source(sagemaker: Any) -> None:
    first, second = artifact(sagemaker, "s3://bucket/a"), artifact(sagemaker, "s3://bucket/b")
    (found,) = sagemaker.list_artifacts(SourceUri="s3://bucket/b")["ArtifactSummaries"]
    assert found["ArtifactArn"] == second
    assert len(sagemaker.list_artifacts(ArtifactType="DataSet")["ArtifactSummaries"]) == 2
    sagemaker.delete_artifact(Source={"SourceUri": "s3://bucket/b"})
    (left,) = sagemaker.list_artifacts()["ArtifactSummaries"]
    assert left["ArtifactArn"] == first
    with pytest.raises(ClientError, match="Either ArtifactArn or Source"):
        sagemaker.delete_artifact()


def test_properties_are_replaced_and_removed(sagemaker: Any) -> None:
    arn = artifact(sagemaker, "s3://bucket/a")
    sagemaker.update_artifact(ArtifactArn=arn, Properties={"a": "1", "b": "2"})
    sagemaker.update_artifact(ArtifactArn=arn, PropertiesToRemove=["a"])
    assert sagemaker.describe_artifact(ArtifactArn=arn)["Properties"] == {"b": "2"}
    sagemaker.update_artifact(ArtifactArn=arn, Properties={"c": "3"})
    assert sagemaker.describe_artifact(ArtifactArn=arn)["Properties"] == {"c": "3"}


def test_every_region_has_its_group(sagemaker: Any) -> None:
    arn = artifact(sagemaker, "s3://bucket/a")
    artifact(sagemaker, "s3://bucket/b")
    (group,) = sagemaker.list_lineage_groups()["LineageGroupSummaries"]
    assert group["LineageGroupName"] == GROUP
    assert sagemaker.describe_artifact(ArtifactArn=arn)["LineageGroupArn"] == group["LineageGroupArn"]
    assert sagemaker.describe_lineage_group(LineageGroupName=GROUP)["LineageGroupArn"] == group["LineageGroupArn"]
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_lineage_group(LineageGroupName="other")
