"""Models: which containers they have, where each has its model's data, and what is refused of both.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
"""

import sqlite3

from clary.errors import AccessDenied, AWSError, Invalid, NotImplementedHere
from clary.jobs.ml import data
from clary.jobs.objects import Objects
from clary.resource import crud, passed
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation
from clary.services.sagemaker import job_event
from clary.services.sagemaker.asked_image import present
from clary.services.sagemaker.state import SageMaker

NOUN = "Model"
DETAIL = "SageMaker Model State Change"
SERVED = "Served"  # the member with the containers that stand for those of the request: model packages are opened up
Containers = list[Document]
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelPackageContainerDefinition.html
PACKED = ("Image", "ModelDataUrl", "ModelDataSource", "Environment", "ContainerHostname")


def containers(document: Document) -> Containers:
    """Those that are served, of a model that was made; of a request, those that it names."""
    if SERVED in document:
        return list(document[SERVED])
    return list(document.get("Containers") or [document.get("PrimaryContainer") or {}])


def source(container: Document) -> Document | None:
    """Where its model's data are: {"uri", "kind", "compression"}."""
    if found := container.get("ModelDataSource", {}).get("S3DataSource"):
        return {"uri": found["S3Uri"], "kind": found["S3DataType"], "compression": found["CompressionType"]}
    if url := container.get("ModelDataUrl"):
        return {"uri": url, "kind": "S3Object", "compression": "Gzip"}
    return None


@operation("CreateModel")
def create_model(call: Call[SageMaker], request: Document) -> Document:
    _check(request)
    served = _served(call, request)
    _check_served(served, request)
    if role := request.get("ExecutionRoleArn"):
        passed.check(call, request)  # before anything that the role sees shows
        for container in served:
            present(call.state.images, container.get("Image", ""), role, call.region)
            if (found := source(container)) is not None and container.get("Mode") != "MultiModel":
                _reach(call.state.objects, role, found, call.region)

    def hook(_call: Call[Nouns], _connection: sqlite3.Connection, document: Document) -> None:
        document[SERVED] = served

    plan = call.state.plans[NOUN]
    answer = crud.create(plan, call, request, hook)
    job_event.tell(call.platform, plan, DETAIL, answer["ModelArn"])
    return answer


def _check(request: Document) -> None:
    primary, several = request.get("PrimaryContainer"), request.get("Containers")
    if primary and several:
        raise Invalid("Only one of PrimaryContainer and Containers may be specified.")
    if not primary and not several:
        raise Invalid("One of PrimaryContainer and Containers must be specified.")
    if primary and request.get("InferenceExecutionConfig"):
        raise Invalid("InferenceExecutionConfig goes with Containers, not with PrimaryContainer.")
    for container in containers(request):
        if not container.get("Image") and not container.get("ModelPackageName"):
            raise Invalid("Each container must have an Image or a ModelPackageName.")
        if container.get("Image") and container.get("ModelPackageName"):
            raise Invalid("A container must not have both an Image and a ModelPackageName.")
        if container.get("ModelDataUrl") and container.get("ModelDataSource"):
            raise Invalid("Only one of ModelDataUrl and ModelDataSource may be specified for a container.")
        if container.get("MultiModelConfig") and container.get("Mode") != "MultiModel":
            raise Invalid("MultiModelConfig goes with containers of the mode MultiModel only.")
        if container.get("AdditionalModelDataSources"):
            raise NotImplementedHere("CreateModel: Clary does not have AdditionalModelDataSources.")
        container.setdefault("Mode", "SingleModel")


def _check_served(served: Containers, request: Document) -> None:
    if len(served) > 1 and any(container.get("Mode") == "MultiModel" for container in served):
        raise Invalid("More than one container in MultiModel mode is not supported with inference pipeline.")
    names = [name for container in served if (name := container.get("ContainerHostname"))]
    if len(set(names)) < len(names):
        raise Invalid("The ContainerHostname of each container must be unique in the model.")
    direct = request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct"
    if direct and len(names) < len(served):
        raise Invalid("Each container must have a ContainerHostname when the inference execution mode is Direct.")
    for container in served:
        found = source(container)
        if found is None:
            if container.get("Mode") == "MultiModel":
                raise Invalid("A container of the mode MultiModel needs a ModelDataUrl, the prefix of its models.")
            continue
        if not found["uri"].startswith("s3://"):
            raise Invalid(f"The model data's location {found['uri']} must be an S3 URI: s3://bucket/key.")
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3ModelDataSource.html
        if found["kind"] == "S3Prefix" and not found["uri"].endswith("/"):
            raise Invalid(f"S3Uri {found['uri']} must end with a forward slash (/) when S3DataType is S3Prefix.")
        if found["kind"] == "S3Prefix" and found["compression"] == "Gzip":
            raise Invalid("CompressionType Gzip goes with the S3DataType S3Object only.")


def _served(call: Call[SageMaker], request: Document) -> Containers:
    """The containers, those of model packages in their place. Raises AWS's error for a package that is missing.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy.html
    """
    found: Containers = []
    for container in containers(request):
        if name := container.get("ModelPackageName"):
            plan = call.state.plans["ModelPackage"]
            row = crud.get(plan, call, call.platform.store.read(), {"ModelPackageName": name})
            found += _unpacked(container, crud.loaded(row), row["arn"])
        else:
            found.append(dict(container))
    return found


def _unpacked(container: Document, package: Document, arn: str) -> Containers:
    """What the container says of its environment goes before what the package says."""
    specification = package.get("InferenceSpecification")
    if wanted := container.get("InferenceSpecificationName"):
        more = package.get("AdditionalInferenceSpecifications", [])
        specification = next((one for one in more if one["Name"] == wanted), None)
        if specification is None:
            raise Invalid(f"The model package {arn} has no additional inference specification {wanted}.")
    if specification is None:
        raise Invalid(f"The model package {arn} has no inference specification, so that it cannot be deployed.")
    found = []
    for packed in specification["Containers"]:
        one = {member: packed[member] for member in PACKED if packed.get(member)}
        one["Environment"] = {**one.get("Environment", {}), **container.get("Environment", {})}
        one["Mode"] = container["Mode"]
        found.append(one)
    if len(found) == 1 and container.get("ContainerHostname"):
        found[0]["ContainerHostname"] = container["ContainerHostname"]
    return found


def _reach(objects: Objects, role: str, found: Document, region: str) -> None:
    """Raises Invalid where the role cannot get the data.
    https://github.com/aws/aws-step-functions-data-science-sdk-python/issues/61 has the first sentence, and
    https://repost.aws/knowledge-center/sagemaker-s3-403-access-denied-errors the second.
    """
    bucket, key = data.split(found["uri"])
    if found["kind"] == "S3Prefix":
        if not objects.holds(role, bucket, key):
            raise Invalid(f"Could not find model data at {found['uri']}.")
        return
    try:
        objects.find(role, bucket, key)
    except AccessDenied as error:
        raise Invalid(
            f'Could not access model data at {found["uri"]}. Please ensure that the role "{role}" exists and that its '
            'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object '
            f"is located in {region}."
        ) from error
    except AWSError as error:
        raise Invalid(f"Could not find model data at {found['uri']}.") from error


@operation("DeleteModel")
def delete_model(call: Call[SageMaker], request: Document) -> Document:
    """Endpoints that serve it go on: they have all that they take from it.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteModel.html
    """
    return job_event.delete(call.state.plans[NOUN], call, request, DETAIL)
