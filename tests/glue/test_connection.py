"""Connections, and the tags of what Glue keeps."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import fresh

URL = "jdbc:postgresql://db.example.com:5432/sales"


@pytest.fixture
def glue(platform: Platform) -> Any:
    return platform.client("glue")


def given(name: str, **changed: Any) -> dict[str, Any]:
    properties = {"JDBC_CONNECTION_URL": URL, "USERNAME": "me", "PASSWORD": "secret"}
    return {"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties, **changed}


def test_a_connection_is_kept_shown_changed_and_deleted(glue: Any) -> None:
    name = fresh("connection")
    glue.create_connection(ConnectionInput=given(name, MatchCriteria=["a"]))
    found = glue.get_connection(Name=name)["Connection"]
    assert found["ConnectionProperties"]["PASSWORD"] == "secret"
    assert found["Status"] == "READY"
    assert "PASSWORD" not in glue.get_connection(Name=name, HidePassword=True)["Connection"]["ConnectionProperties"]
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_connection(ConnectionInput=given(name))
    glue.update_connection(Name=name, ConnectionInput=given(name, Description="changed"))
    assert glue.get_connection(Name=name)["Connection"]["Description"] == "changed"
    glue.delete_connection(ConnectionName=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException, match=f"Connection {name} not found"):
        glue.delete_connection(ConnectionName=name)


def test_connections_are_listed_by_what_they_are(platform: Platform) -> None:
    glue = platform.client("glue", region="ap-south-1")
    names = sorted(fresh("connection") for _ in range(3))
    for number, name in enumerate(names):
        changed = {"ConnectionType": "NETWORK", "ConnectionProperties": {}} if number == 2 else {"MatchCriteria": ["m"]}
        glue.create_connection(ConnectionInput=given(name, **changed))
    listed = glue.get_connections(MaxResults=2)
    assert [each["Name"] for each in listed["ConnectionList"]] == names[:2]
    rest = glue.get_connections(MaxResults=2, NextToken=listed["NextToken"])
    assert [each["Name"] for each in rest["ConnectionList"]] == names[2:]
    network = glue.get_connections(Filter={"ConnectionType": "NETWORK"})["ConnectionList"]
    assert [each["Name"] for each in network] == names[2:]
    assert len(glue.get_connections(Filter={"MatchCriteria": ["m"]})["ConnectionList"]) == 2
    answer = glue.batch_delete_connection(ConnectionNameList=[names[0], "none"])
    assert answer["Succeeded"] == [names[0]]
    assert answer["Errors"]["none"]["ErrorCode"] == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ConnectionProperties": {"USERNAME": "me"}}, "Connection property JDBC_CONNECTION_URL is required"),
        ({"ConnectionType": "TAPE"}, "TAPE"),
    ],
)
def test_what_is_refused(glue: Any, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        glue.create_connection(ConnectionInput=given(fresh("connection"), **changed))


def test_test_connection_says_that_it_is_not_here(glue: Any) -> None:
    name = fresh("connection")
    glue.create_connection(ConnectionInput=given(name))
    with pytest.raises(ClientError, match="tests none") as error:
        glue.test_connection(ConnectionName=name)
    assert error.value.response["Error"]["Code"] == "NotImplementedException"
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.test_connection(ConnectionName=fresh("none"))


def test_tags(platform: Platform, glue: Any) -> None:
    name = fresh("connection")
    glue.create_connection(ConnectionInput=given(name), Tags={"a": "1"})
    account = platform.client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:glue:us-west-2:{account}:connection/{name}"
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"b": "2", "c": "3"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["a", "c"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_tags(ResourceArn=f"{arn}x")
    with pytest.raises(glue.exceptions.InvalidInputException, match="reserved"):
        glue.tag_resource(ResourceArn=arn, TagsToAdd={"aws:x": "2"})
