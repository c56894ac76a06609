"""What the catalog asks of IAM: a resource and all that it is in; and its own policy."""

import json
from typing import Any

import pytest

from glue.catalogs import new_database, table
from iam.people import account, policy, user
from s3.tools import refused

REGION = "sa-east-1"


@pytest.fixture
def glue(platform: Any) -> Any:
    return platform.client("glue", region=REGION)


def arn(platform: Any, rest: str) -> str:
    return f"arn:aws:glue:{REGION}:{account(platform)}:{rest}"


def test_tables_ask_for_all_that_they_are_in(platform: Any, glue: Any) -> None:
    database = new_database(glue)
    for name in ("open", "closed"):
        glue.create_table(DatabaseName=database, TableInput=table(name))
    resources = [arn(platform, rest) for rest in ("catalog", f"database/{database}", f"table/{database}/open")]
    actions = ["glue:GetTable", "glue:GetTables", "glue:SearchTables", "glue:BatchDeleteTable", "glue:DeleteDatabase"]
    _, keys = user(platform, policy(actions, resources))
    theirs = platform.client("glue", keys=keys, region=REGION)
    theirs.get_table(DatabaseName=database.upper(), Name="OPEN")
    with refused("AccessDeniedException", arn(platform, f"table/{database}/closed")):
        theirs.get_table(DatabaseName=database, Name="closed")
    assert [each["Name"] for each in theirs.get_tables(DatabaseName=database)["TableList"]] == ["open"]
    assert [each["Name"] for each in theirs.search_tables()["TableList"]] == ["open"]
    with refused("AccessDeniedException", "glue:UpdateTable"):
        theirs.update_table(DatabaseName=database, TableInput=table("open"))
    with refused("AccessDeniedException", "table/"):
        theirs.batch_delete_table(DatabaseName=database, TablesToDelete=["open", "closed"])
    with refused("AccessDeniedException", f"table/{database}/*"):
        theirs.delete_database(Name=database)

    _, keys = user(platform, policy("glue:GetTable", resources[1:]))
    with refused("AccessDeniedException", arn(platform, "catalog")):
        platform.client("glue", keys=keys, region=REGION).get_table(DatabaseName=database, Name="open")


def test_the_catalogs_own_policy(platform: Any, glue: Any) -> None:
    glue = platform.client("glue", region="ca-central-1")
    database = new_database(glue)
    name, keys = user(platform)
    theirs = platform.client("glue", keys=keys, region="ca-central-1")
    with refused("AccessDeniedException"):
        theirs.get_database(Name=database)
    principal = {"AWS": f"arn:aws:iam::{account(platform)}:user/{name}"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "glue:GetDatabase", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with refused("EntityNotFoundException"):
        glue.get_resource_policy()
    assert glue.get_resource_policies()["GetResourcePoliciesResponseList"] == []
    with refused("ConditionCheckFailureException"):
        glue.put_resource_policy(PolicyInJson=text, PolicyExistsCondition="MUST_EXIST")
    digest = glue.put_resource_policy(PolicyInJson=text)["PolicyHash"]
    theirs.get_database(Name=database)
    with refused("AccessDeniedException"):
        theirs.delete_database(Name=database)
    assert glue.get_resource_policy()["PolicyInJson"] == text
    assert [each["PolicyHash"] for each in glue.get_resource_policies()["GetResourcePoliciesResponseList"]] == [digest]
    for wrong in ("{{", '{"Statement": [{"Effect": "Allow"}]}', "[]"):
        with refused("InvalidInputException"):
            glue.put_resource_policy(PolicyInJson=wrong)
    with refused("InvalidInputException", "catalog"):
        glue.put_resource_policy(PolicyInJson=text, ResourceArn="arn:aws:glue:ca-central-1:1:database/x")
    with refused("ConditionCheckFailureException"):
        glue.delete_resource_policy(PolicyHashCondition="other")
    glue.delete_resource_policy(PolicyHashCondition=digest)
    with refused("AccessDeniedException"):
        theirs.get_database(Name=database)


def test_settings(glue: Any) -> None:
    assert glue.get_catalog_import_status()["ImportStatus"]["ImportCompleted"] is True
    found = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert found["EncryptionAtRest"] == {"CatalogEncryptionMode": "DISABLED"}
    given = {"EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": "k"}}
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=given)
    found = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert found["EncryptionAtRest"] == given["EncryptionAtRest"]
