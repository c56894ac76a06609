"""Training jobs: a container runs once, and what it leaves in /opt/ml/model is the model."""

from collections.abc import Mapping
from typing import Any

from clary.errors import AWSError, Invalid
from clary.resource import crud, pages
from clary.resource.call import Call, Platform
from clary.resource.crud import Nouns
from clary.resource.resource import Plan, Resource, Said, Words
from clary.resource.service import Document, operation
from clary.services.sagemaker import component, job_event
from clary.services.sagemaker.training_view import ENDS, status, view

NOUN = "TrainingJob"
MISSING = Said("ValidationException", "Requested resource not found.")
TRAINING_JOB = Resource(
    NOUN,
    "training-job/{TrainingJobName}",
    Words(
        missing=MISSING,
        exists=Said(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            "already exists ({arn})",
        ),
    ),
    also={
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
    },
    view=view,
    unused=(
        "AlgorithmSpecification.TrainingImageConfig",
        "InputDataConfig[].DataSource.S3DataSource.HubAccessConfig",
        "InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig",
        "OutputDataConfig.KmsKeyId",
        "ResourceConfig.InstancePlacementConfig",
        "ResourceConfig.KeepAlivePeriodInSeconds",
        "ResourceConfig.SelectedInstanceCount",
        "ResourceConfig.SelectedInstanceType",
        "ResourceConfig.VolumeKmsKeyId",
        "VpcConfig",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "TensorBoardOutputConfig",
        "ProfilerConfig",
        "ProfilerRuleConfigurations",
        "RemoteDebugConfig",
        "InfraCheckConfig",
    ),
)
DETAIL = "SageMaker Training Job State Change"


def given(_call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListTrainingJobs: there are no warm pools and no plans."""
    asked = request.get("WarmPoolStatusEquals") or request.get("TrainingPlanArnEquals")
    return (lambda _found: False) if asked else None


@operation("CreateTrainingJob")
def create(call: Call[Nouns], request: Document) -> Document:
    return crud.create(call.state.plans[NOUN], call, request, component.begin)


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_tuned(call: Call[Nouns], request: Document) -> Document:
    """There are no tuning jobs here yet, so none is found."""
    name = request["HyperParameterTuningJobName"]
    arn = call.arn(f"hyper-parameter-tuning-job/{name}")
    raise AWSError("ResourceNotFound", f"Amazon SageMaker can't find a tuning job with the name {name} ({arn}).")


@operation("DeleteTrainingJob")
def delete(call: Call[Nouns], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteTrainingJob.html: only what has ended."""
    plan = call.state.plans[NOUN]

    def hook(call: Call[Nouns], connection: Any, document: Document) -> None:
        arn, job = _found(call, connection, document)
        if job is not None and job["state"] not in ENDS:
            raise AWSError(
                "ResourceInUse", f"Training job {arn} is {status(job)['TrainingJobStatus']} and cannot be deleted."
            )

    return crud.delete(plan, call, request, hook)


@operation("UpdateTrainingJob")
def update(call: Call[Nouns], request: Document) -> Document:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateTrainingJob.html"""
    plan = call.state.plans[NOUN]

    def hook(call: Call[Nouns], connection: Any, document: Document) -> None:
        arn, job = _found(call, connection, document)
        if (job is None or job["state"] in ENDS) and not request.get("ResourceConfig"):
            raise Invalid(f"The request was rejected because the training job is in a terminal state: {arn}")
        if request.get("ResourceConfig"):
            raise Invalid("ResourceConfig can only be updated for a training job whose warm pool is Available.")

    return crud.update(plan, call, request, hook)


def _found(call: Call[Nouns], connection: Any, document: Document) -> tuple[str, Any]:
    """The ARN of the job that a document is of, and its row, or None."""
    arn = call.state.plans[NOUN].locate(call, {"TrainingJobName": document["TrainingJobName"]})
    return arn, connection.execute(crud.SQL["job_find"], {"arn": arn}).fetchone()


def tell(platform: Platform, plans: Mapping[str, Plan], arn: str) -> None:
    """Tells the bus how the job is now."""
    job_event.tell(platform, plans[NOUN], DETAIL, arn)
