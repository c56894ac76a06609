"""SageMaker clients for tests, and requests from the model alone: the smallest that AWS would take."""

import functools
import uuid
from typing import Any

from botocore.exceptions import ClientError

from clary.wire.models import service_model
from clary.wire.patterns import compiled
from conftest import Platform

ROLE = "arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole"

# What patterns ask for, the plainest first. A name is new at every call.
TEXTS = (
    "{name}",
    "{account}.dkr.ecr.us-west-2.amazonaws.com/{name}:1",
    ROLE,
    "arn:aws:sagemaker:us-west-2:{account}:endpoint/{name}",
    "s3://bucket/{name}",
    "https://example.com/{name}",
    "1.0.0",
    "1",
    "a@example.com",
    "10.0.0.0/16",
    "subnet-0123456789abcdef0",
    "sg-0123456789abcdef0",
    "/opt/ml/processing/{name}",
    "arn:aws:iam::aws:user/{name}",
)
# What a shape cannot say: members whose values must make sense beyond their pattern.
MEANT = {
    "PipelineDefinition": '{"Version": "2020-12-01", "Steps": []}',
    "Content": "{}",
    "HubContentDocument": "{}",
    "AuthMode": "IAM",
    "HubContentType": "Model",
}


def client(platform: Platform, region: str = "", keys: tuple[str, ...] = ()) -> Any:
    """A client in a region that is its own, if none is said, and so without what other tests make."""
    return platform.client("sagemaker", region=region or fresh("eu"), keys=keys or None)


@functools.cache
def account(platform: Platform) -> str:
    found: str = platform.client("sts").get_caller_identity()["Account"]
    return found


def role(platform: Platform) -> str:
    return ROLE.format(account=account(platform))


def refused(error: ClientError) -> tuple[str, str]:
    """The code and the message."""
    return error.response["Error"]["Code"], error.response["Error"]["Message"]


def fresh(prefix: str = "n") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def minimal(operation: str, account: str, **given: Any) -> dict[str, Any]:
    """The required members of a SageMaker operation, legal by the model, and the given ones."""
    shape = service_model("sagemaker").operation_model(operation).input_shape
    assert shape is not None
    wanted = [member for member in shape.required_members if member not in given]
    made = {member: value(member, shape.members[member], account) for member in wanted}
    return {**made, **given}


def value(member: str, shape: Any, account: str) -> Any:
    if member in MEANT:
        return MEANT[member]
    if shape.type_name == "structure":
        wanted = shape.required_members or ([] if not shape.metadata.get("union") else [next(iter(shape.members))])
        return {name: value(name, shape.members[name], account) for name in wanted}
    if shape.type_name == "list":
        return [value(member, shape.member, account) for _ in range(max(1, shape.metadata.get("min", 0)))]
    if shape.type_name == "map":
        return {value("key", shape.key, account): value("value", shape.value, account)}
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(1, shape.metadata.get("min", 0))
    if shape.type_name == "boolean":
        return False
    if shape.type_name == "timestamp":
        return 1_700_000_000
    return text(shape, account)


def text(shape: Any, account: str) -> str:
    if shape.enum:
        return str(shape.enum[0])
    pattern = compiled(shape.metadata.get("pattern", ".*"))
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
    for form in TEXTS:
        found = form.format(name=fresh(), account=account)
        padded = found if len(found) >= least else found + "a" * (least - len(found))
        if len(padded) <= most and (pattern is None or pattern.fullmatch(padded)):
            return padded
    raise AssertionError(f"no text for {shape.name}: {shape.metadata}")
