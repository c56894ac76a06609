"""Dashboards and tags by the front door."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from conftest import Platform

BODY = json.dumps({"widgets": []})


@pytest.fixture
def client(platform: Platform) -> Any:
    return platform.client("cloudwatch")


def refused(operation: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        operation(**given)
    return str(refusal.value.response["Error"]["Code"])


def test_a_dashboard_from_put_to_delete(client: Any) -> None:
    name = f"board-{uuid4().hex[:8]}"
    assert client.put_dashboard(DashboardName=name, DashboardBody=BODY)["DashboardValidationMessages"] == []
    found = client.get_dashboard(DashboardName=name)
    assert (found["DashboardName"], found["DashboardBody"]) == (name, BODY)
    (entry,) = client.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert (entry["DashboardArn"], entry["Size"]) == (found["DashboardArn"], len(BODY))
    missing = "ResourceNotFound"  # by its old code, which botocore goes by, since the service once spoke query alone
    assert refused(client.delete_dashboards, DashboardNames=[name, "none"]) == missing
    assert client.get_dashboard(DashboardName=name), "all or nothing"
    client.delete_dashboards(DashboardNames=[name])
    assert refused(client.get_dashboard, DashboardName=name) == missing
    with pytest.raises(client.exceptions.DashboardInvalidInputError) as refusal:
        client.put_dashboard(DashboardName=name, DashboardBody="no")
    assert refusal.value.response["dashboardValidationMessages"][0]["Message"]


def test_tags_come_and_go(client: Any) -> None:
    name = f"board-{uuid4().hex[:8]}"
    client.put_dashboard(DashboardName=name, DashboardBody=BODY, Tags=[{"Key": "a", "Value": "1"}])
    arn = client.get_dashboard(DashboardName=name)["DashboardArn"]
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refused(client.list_tags_for_resource, ResourceARN=arn + "x") == "ResourceNotFoundException"
