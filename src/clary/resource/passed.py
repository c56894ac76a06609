"""The roles that a request hands to the service: it names them anywhere in its input, and the caller must be allowed
to pass each of them on. https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-pass-role
"""

from collections.abc import Iterator
from typing import Any

from clary.resource.call import Call
from clary.resource.service import Document

PRINCIPAL = "sagemaker.amazonaws.com"
SHAPE = "RoleArn"  # the model's one shape for them, whatever the members are called

# Structures whose roles are not passed with the request: the execution role assumes them, or passes them to another
# service, when Studio, Canvas or a job comes to use them, and is asked for its permission then.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CanvasAppSettings.html
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_EmrSettings.html
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RedshiftDatasetDefinition.html
LATER = frozenset(
    {
        "TimeSeriesForecastingSettings",
        "ModelRegisterSettings",
        "GenerativeAiSettings",
        "EmrServerlessSettings",
        "EmrServerlessComputeConfig",
        "EmrSettings",
        "RedshiftDatasetDefinition",
    }
)


def check(call: Call[Any], request: Document) -> None:
    """Raises unless every role that the request gives exists, trusts SageMaker, and the caller may pass it on."""
    shape = call.operation.input_shape
    for arn in dict.fromkeys(given(shape, request)) if shape else ():
        call.pass_role(arn, PRINCIPAL)


def given(shape: Any, value: Any) -> Iterator[str]:
    """The ARNs of the roles in a value of botocore's shape, at any depth."""
    if shape.type_name == "structure":
        if shape.name not in LATER:
            for member, inner in value.items():
                if member in shape.members and inner is not None:
                    yield from given(shape.members[member], inner)
    elif shape.type_name == "list":
        for inner in value:
            yield from given(shape.member, inner)
    elif shape.type_name == "map":
        for inner in value.values():
            yield from given(shape.value, inner)
    elif shape.name == SHAPE and value:
        yield value
