"""The condition keys of SageMaker's own that a request has: which instances, networks and keys it asks for.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html#amazonsagemaker-policy-keys
"""

from collections.abc import Callable, Iterator
from typing import Any

from clary.resource.service import Document

# Members, wherever they stand in the request, and the key that their values are under.
MEMBERS = {
    "InstanceType": "sagemaker:InstanceTypes",
    "AcceleratorType": "sagemaker:AcceleratorTypes",
    "VolumeKmsKeyId": "sagemaker:VolumeKmsKey",
    "SecurityGroupIds": "sagemaker:VpcSecurityGroupIds",
    "Subnets": "sagemaker:VpcSubnets",
    "EnableNetworkIsolation": "sagemaker:NetworkIsolation",
    "EnableInterContainerTrafficEncryption": "sagemaker:InterContainerTrafficEncryption",
    "MaxRuntimeInSeconds": "sagemaker:MaxRuntimeInSeconds",
    "KeepAlivePeriodInSeconds": "sagemaker:KeepAlivePeriod",
    "EnableRemoteDebug": "sagemaker:EnableRemoteDebug",
}
OUTPUT = {"KmsKeyId": "sagemaker:OutputKmsKey"}
# Members of structures, whose names say too little by themselves.
INNER = {
    "ServerlessConfig": {
        "MaxConcurrency": "sagemaker:ServerlessMaxConcurrency",
        "MemorySizeInMB": "sagemaker:ServerlessMemorySize",
    },
    "OutputDataConfig": OUTPUT,
    "TransformOutput": OUTPUT,
    "ProcessingOutputConfig": OUTPUT,
}
# An endpoint's volumes are encrypted by what is KmsKeyId there; elsewhere that is the output's.
VOLUMES = {"CreateEndpointConfig": "KmsKeyId"}
SERVE = ("CreateEndpointConfig", "CreateTransformJob")  # whose ModelName is a model's, and a key


def keys(operation: str, request: Document, arn: Callable[[str], str]) -> dict[str, list[str]]:
    """`arn` makes that of a model, by its name. The request is not validated yet."""
    found: dict[str, list[str]] = {}
    for member, value in _members(request):
        if key := MEMBERS.get(member):
            _add(found, key, value)
        elif member in INNER and isinstance(value, dict):
            for inner, key in INNER[member].items():
                _add(found, key, value.get(inner))
        elif member == "ModelName" and operation in SERVE and isinstance(value, str):
            _add(found, "sagemaker:ModelArn", arn(value))
    if operation in VOLUMES:
        _add(found, "sagemaker:VolumeKmsKey", request.get(VOLUMES[operation]))
    return found


def _add(found: dict[str, list[str]], key: str, value: Any) -> None:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            found.setdefault(key, []).append(str(one).lower())
        elif isinstance(one, str | int | float):
            found.setdefault(key, []).append(str(one))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for member, inner in value.items():
            yield member, inner
            yield from _members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner)
