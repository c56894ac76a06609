"""Transform jobs: a model answers for every record of some objects in S3, and its answers are objects again."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from clary.resource import crud
from clary.resource.call import Call, Platform
from clary.resource.resource import Plan, Resource, Words
from clary.resource.service import Document, operation
from clary.services.sagemaker import component, job_event
from clary.services.sagemaker.hosting import design
from clary.services.sagemaker.job_view import view
from clary.services.sagemaker.state import SageMaker
from clary.services.sagemaker.transform_check import VARIANT, model

NOUN = "TransformJob"
TRANSFORM_JOB = Resource(
    NOUN,
    "transform-job/{TransformJobName}",
    Words(
        missing="Could not find requested job with name: {name}",
        exists="Job name must be unique within an AWS account and region, and a job with this name already exists "
        "({arn})",
    ),
    summary={"LastModifiedTime": "LastModifiedTime"},
    view=partial(view, "Transform"),
    unused=(
        "DataCaptureConfig.KmsKeyId",
        "TransformOutput.KmsKeyId",
        "TransformResources.VolumeKmsKeyId",
        "TransformResources.TransformAmiVersion",
    ),
)
DETAIL = "SageMaker Transform Job State Change"


@operation("CreateTransformJob")
def create(call: Call[SageMaker], request: Document) -> Document:
    """The job keeps what its model is, which may be deleted while it runs."""
    own = design.pinned(call.state.images, [model(call, call.platform.store.read(), request)], call.region)

    def hook(call: Call[Any], connection: Any, document: Document) -> None:
        found = model(call, connection, request)
        variant = {
            "VariantName": VARIANT,
            "ModelName": request["ModelName"],
            "InstanceType": request["TransformResources"]["InstanceType"],
        }
        (one,) = design.variants({"ProductionVariants": [variant]}, {request["ModelName"]: found}, own)
        document["Spec"] = one.spec
        document["RoleArn"] = found["ExecutionRoleArn"]
        document["EnableNetworkIsolation"] = found.get("EnableNetworkIsolation", False)
        component.begin(call, connection, document)

    return crud.create(call.state.plans[NOUN], call, request, hook)


def tell(platform: Platform, plans: Mapping[str, Plan], arn: str) -> None:
    """Tells the bus how the job is now."""
    job_event.tell(platform, plans[NOUN], DETAIL, arn)
