"""Scalable targets: what may be scaled, and between which bounds.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

import sqlite3
import uuid
from typing import Any

import orjson

from clary.errors import AWSError, Invalid
from clary.resource import tags
from clary.resource.call import Call, Platform
from clary.resource.service import operation
from clary.services.application_autoscaling import alarm, variant
from clary.services.application_autoscaling.state import (
    SQL,
    Document,
    Scaling,
    answer,
    named,
    page,
    shown,
    words,
)

# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
ROLE = (
    "arn:aws:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@operation("RegisterScalableTarget")
def register(call: Call[Scaling], request: Document) -> Document:
    place = named(call, request)
    endpoint = variant.arn(call.region, call.account, request["ResourceId"])
    given = tags.checked({"Key": key, "Value": value} for key, value in (request.get("Tags") or {}).items())

    def work(connection: sqlite3.Connection) -> str:
        _, found = variant.find(connection, endpoint, request["ResourceId"])
        if not variant.fits(found, request["ScalableDimension"]):
            kind = "an instance-based" if found.spec["serverless"] is None else "a serverless"
            raise Invalid(f"{request['ScalableDimension']} is no scalable dimension of {kind} variant.")
        row = connection.execute(SQL["target_find"], place).fetchone()
        if row is not None and given:
            # https://docs.aws.amazon.com/autoscaling/application/userguide/tag-scalable-targets.html
            raise Invalid("Tags can be given when a scalable target is registered first; later, use TagResource.")
        document = _bounded(orjson.loads(row["document"]) if row else {}, request)
        arn = row["arn"] if row else call.arn(f"scalable-target/{uuid.uuid4().hex}")
        stored = {**place, "arn": arn, "document": orjson.dumps(document), "now": call.platform.clock()}
        connection.execute(SQL["target_put"], stored)
        tags.put(connection, arn, given)
        return str(arn)

    return {"ScalableTargetARN": call.platform.store.write(work)}


def _bounded(had: Document, request: Document) -> Document:
    """The document of a target after a registration: what it does not say stays. Raises Invalid."""
    found: Document = {name: request.get(name, had.get(name)) for name in ("MinCapacity", "MaxCapacity")}
    for name, value in found.items():
        if value is None:
            raise Invalid(f"{name} is required when a scalable target is registered first.")
        if value < 0:
            raise Invalid(f"{name} must not be less than 0.")
    if found["MaxCapacity"] < found["MinCapacity"]:
        raise Invalid("Maximum capacity cannot be less than minimum capacity")
    before, after = had.get("SuspendedState", {}), request.get("SuspendedState", {})
    state = {name: after.get(name, before.get(name, False)) for name in SUSPENDED}
    return {**found, "SuspendedState": state}


@operation("DescribeScalableTargets")
def described(call: Call[Scaling], request: Document) -> Document:
    if request.get("ResourceIds") and not request.get("ScalableDimension"):
        # As the model's documentation has it: one without the other is not valid.
        raise Invalid("ScalableDimension must be given with ResourceIds.")
    rows, token = page(call, request, "target_page", ("resource", "dimension"), ("ResourceIds", "resource"))
    role = ROLE.format(account=call.account)
    found = [
        {**shown(row), "RoleARN": role, "CreationTime": row["created"], "ScalableTargetARN": row["arn"]} for row in rows
    ]
    return answer("ScalableTargets", found, token)


@operation("DeregisterScalableTarget")
def deregister(call: Call[Scaling], request: Document) -> Document:
    place = named(call, request)

    def work(connection: sqlite3.Connection) -> None:
        row = connection.execute(SQL["target_find"], place).fetchone()
        if row is None:
            raise AWSError("ObjectNotFoundException", f"No scalable target found for {words(request)}")
        remove(call.platform, connection, row)

    call.platform.store.write(work)
    return {}


def remove(platform: Platform, connection: sqlite3.Connection, row: Any) -> None:
    """Within a transaction: the target, its policies with their alarms, and its scheduled actions."""
    place = {name: row[name] for name in ("region", "resource", "dimension")}
    for policy in connection.execute(SQL["policy_of"], place).fetchall():
        alarm.remove(platform, connection, policy)
    connection.execute(SQL["target_remove"], {"arn": row["arn"]})
    connection.execute(tags.SQL["tag_clear"], {"arn": row["arn"]})


def _known(connection: sqlite3.Connection, request: Document) -> str:
    arn = str(request["ResourceARN"])
    if connection.execute(SQL["target_by_arn"], {"arn": arn}).fetchone() is None:
        raise AWSError("ResourceNotFoundException", f"No scalable target has the ARN {arn}.", ResourceName=arn)
    return arn


@operation("TagResource")
def tag(call: Call[Scaling], request: Document) -> Document:
    given = tags.checked({"Key": key, "Value": value} for key, value in request["Tags"].items())
    call.platform.store.write(lambda connection: tags.put(connection, _known(connection, request), given))
    return {}


@operation("UntagResource")
def untag(call: Call[Scaling], request: Document) -> Document:
    keys = request["TagKeys"]
    call.platform.store.write(lambda connection: tags.drop(connection, _known(connection, request), keys))
    return {}


@operation("ListTagsForResource")
def tagged(call: Call[Scaling], request: Document) -> Document:
    connection = call.platform.store.read()
    return {"Tags": tags.read(connection, _known(connection, request))}
