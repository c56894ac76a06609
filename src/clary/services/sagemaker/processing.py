"""Processing jobs: a program runs over what S3 has, and what it leaves in its outputs' folders goes to S3."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from clary.errors import AWSError
from clary.resource import crud
from clary.resource.call import Call, Platform
from clary.resource.crud import Nouns
from clary.resource.resource import Plan, Resource, Said, Words
from clary.resource.service import Document, operation
from clary.services.sagemaker import component, job_event
from clary.services.sagemaker.job_view import ENDS, view

NOUN = "ProcessingJob"
PROCESSING_JOB = Resource(
    NOUN,
    "processing-job/{ProcessingJobName}",
    Words(
        missing=Said("ValidationException", "Could not find requested job with name: {name}"),
        exists="Job name must be unique within an AWS account and region, and a job with this name already exists "
        "({arn})",
    ),
    view=partial(view, "Processing"),
    unused=(
        "ProcessingOutputConfig.KmsKeyId",
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "NetworkConfig.EnableInterContainerTrafficEncryption",
        "NetworkConfig.VpcConfig",
    ),
)
DETAIL = "SageMaker Processing Job State Change"


@operation("CreateProcessingJob")
def create(call: Call[Nouns], request: Document) -> Document:
    return crud.create(call.state.plans[NOUN], call, request, component.begin)


@operation("DeleteProcessingJob")
def delete(call: Call[Nouns], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteProcessingJob.html: only what has ended."""
    plan = call.state.plans[NOUN]

    def hook(_call: Call[Nouns], connection: Any, document: Document) -> None:
        arn = plan.locate(call, {"ProcessingJobName": document["ProcessingJobName"]})
        job = connection.execute(crud.SQL["job_find"], {"arn": arn}).fetchone()
        if job is not None and job["state"] not in ENDS:
            raise AWSError("ResourceInUse", f"Processing job {arn} has not ended and cannot be deleted. Stop it first.")

    return crud.delete(plan, call, request, hook)


def tell(platform: Platform, plans: Mapping[str, Plan], arn: str) -> None:
    """Tells the bus how the job is now."""
    job_event.tell(platform, plans[NOUN], DETAIL, arn)
