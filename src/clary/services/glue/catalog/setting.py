"""What is said of the whole catalog: its resource policy, its encryption, whether it came from Athena's.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-security.html
"""

import hashlib
import sqlite3
from typing import Any

import orjson

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.glue import state
from clary.services.glue.catalog.state import SQL, own_catalog
from clary.services.glue.state import Document, Glue, invalid, missing

TARGETS = dict.fromkeys(("PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy"), ("catalog",))
UNUSED = {
    "PutResourcePolicy": {"EnableHybrid"},  # there is no Lake Formation beside it
    "PutDataCatalogEncryptionSettings": {"DataCatalogEncryptionSettings"},  # rows lie on the disk as they are
}
NONE = {
    "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
    "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False},
}


@operation("PutResourcePolicy")
def put_policy(call: Call[Glue], request: Document) -> Document:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_PutResourcePolicy.html"""
    _whole(call, request)
    text = request["PolicyInJson"]
    _checked(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    condition = request.get("PolicyExistsCondition", "NONE")

    def work(connection: sqlite3.Connection) -> None:
        row = _row(call, connection, "policy")
        if (condition == "MUST_EXIST" and row is None) or (condition == "NOT_EXIST" and row is not None):
            raise AWSError("ConditionCheckFailureException", f"The policy does not meet the condition {condition}.")
        _meets(row, request)
        values = {"region": call.region, "name": "policy", "now": state.now(call.platform)}
        document = orjson.dumps({"text": text, "hash": digest})
        connection.execute(SQL["setting_put"], {**values, "document": document})

    call.platform.store.write(work)
    return {"PolicyHash": digest}


@operation("GetResourcePolicy", inline=True)
def get_policy(call: Call[Glue], request: Document) -> Document:
    _whole(call, request)
    row = _row(call, call.platform.store.read(), "policy")
    if row is None:
        raise missing("Policy not found.")
    return _shown(row)


@operation("GetResourcePolicies", inline=True)
def get_policies(call: Call[Glue], _request: Document) -> Document:
    row = _row(call, call.platform.store.read(), "policy")
    return {"GetResourcePoliciesResponseList": [_shown(row)] if row is not None else []}


@operation("DeleteResourcePolicy")
def delete_policy(call: Call[Glue], request: Document) -> Document:
    _whole(call, request)

    def work(connection: sqlite3.Connection) -> None:
        row = _row(call, connection, "policy")
        if row is None:
            raise missing("Policy not found.")
        _meets(row, request)
        connection.execute(SQL["setting_remove"], {"region": call.region, "name": "policy"})

    call.platform.store.write(work)
    return {}


@operation("GetDataCatalogEncryptionSettings", inline=True)
def get_encryption(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    row = _row(call, call.platform.store.read(), "encryption")
    return {"DataCatalogEncryptionSettings": orjson.loads(row["document"]) if row is not None else NONE}


@operation("PutDataCatalogEncryptionSettings")
def put_encryption(call: Call[Glue], request: Document) -> Document:
    own_catalog(call, request)
    document = orjson.dumps({**NONE, **request["DataCatalogEncryptionSettings"]})
    values = {"region": call.region, "name": "encryption", "document": document, "now": state.now(call.platform)}
    call.platform.store.write(lambda connection: connection.execute(SQL["setting_put"], values))
    return {}


@operation("GetCatalogImportStatus", inline=True)
def import_status(call: Call[Glue], request: Document) -> Document:
    """No catalog is of the time before Glue's, so there is nothing that would have to be imported."""
    own_catalog(call, request)
    return {"ImportStatus": {"ImportCompleted": True}}


def _whole(call: Call[Glue], request: Document) -> None:
    """Raises for the policy of anything but the catalog: https://docs.aws.amazon.com/glue/latest/dg/security_iam_service-with-iam.html"""
    if request.get("ResourceArn") not in (None, call.arn("catalog")):
        raise invalid(f"Resource policies are the catalog's alone, whose ARN is {call.arn('catalog')}.")


def _row(call: Call[Glue], connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(SQL["setting_find"], {"region": call.region, "name": name}).fetchone()


def _meets(row: Any, request: Document) -> None:
    wanted = request.get("PolicyHashCondition")
    if wanted and (row is None or orjson.loads(row["document"])["hash"] != wanted):
        raise AWSError("ConditionCheckFailureException", "The policy's hash is not the one that was expected.")


def _checked(text: str) -> None:
    """Raises InvalidInputException."""
    try:
        found = orjson.loads(text)
    except ValueError as error:
        raise invalid("The policy is not JSON.") from error
    statements = found.get("Statement") if isinstance(found, dict) else None
    for each in statements if isinstance(statements, list) else [statements]:
        if (
            not isinstance(each, dict)
            or each.get("Effect") not in ("Allow", "Deny")
            or not ({"Principal", "NotPrincipal"} & each.keys())
        ):
            raise invalid("Each statement of the policy needs an Effect and a Principal.")


def _shown(row: Any) -> Document:
    document = orjson.loads(row["document"])
    return {
        "PolicyInJson": document["text"],
        "PolicyHash": document["hash"],
        "CreateTime": row["created"],
        "UpdateTime": row["modified"],
    }
