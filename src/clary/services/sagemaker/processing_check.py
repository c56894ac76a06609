"""What CreateProcessingJob refuses that its shape allows, and what it fills in.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from collections.abc import Iterator
from typing import Any, Final

from clary.errors import Invalid, NotImplementedHere
from clary.images.image import Image
from clary.images.pull import Images
from clary.jobs.ml import data
from clary.jobs.ml.processing import PROCESSING, inputs
from clary.jobs.objects import Objects
from clary.resource import passed
from clary.resource.call import Call
from clary.resource.service import Document
from clary.services.sagemaker.asked_image import asked

DAY: Final = 86400
NOTHING: Final = (
    "The image {} has no program of its own for processing jobs. Please name one in "
    'AppSpecification.ContainerEntrypoint, such as ["python3", "/opt/ml/processing/input/code/script.py"].'
)
# The quota that accounts begin with: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
INSTANCES: Final = 20
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingStoppingCondition.html
LONGEST: Final = 5 * DAY


def check(objects: Objects, images: Images, call: Call[Any], request: Document) -> None:
    """Raises Invalid and NotImplementedHere; sets the members that AWS sets."""
    _resources(request)
    _stopping(request)
    _inputs(request)
    _outputs(request)
    _paths(request)
    _texts(request)
    passed.check(call, request)  # before anything that the role sees shows
    _application(images, call.region, request)
    for each in inputs(request):
        uri, role = each["S3Input"]["S3Uri"], request["RoleArn"]
        if not objects.holds(role, *data.split(uri)):
            raise Invalid(data.nothing(uri, call.region, role))


def _application(images: Images, region: str, request: Document) -> None:
    """What an image of the user's runs by itself shows when the job begins."""
    application = request["AppSpecification"]
    found = asked(images, application["ImageUri"], request["RoleArn"], region)
    if isinstance(found, Image) and not application.get("ContainerEntrypoint"):
        raise Invalid(NOTHING.format(application["ImageUri"]))


def _resources(request: Document) -> None:
    resources = request["ProcessingResources"]
    cluster = resources.get("ClusterConfig")
    if not cluster:
        raise Invalid("ProcessingResources.ClusterConfig is required.")
    for member in ("InstancePreferences", "SelectedInstanceType", "SelectedInstanceCount"):
        if cluster.get(member):
            raise NotImplementedHere(f"CreateProcessingJob: Clary does not have ClusterConfig.{member}.")
    if not cluster.get("InstanceType") or not cluster.get("InstanceCount"):
        raise Invalid("ClusterConfig must have InstanceType and InstanceCount.")
    if cluster["InstanceCount"] > INSTANCES:
        raise Invalid(f"A processing job can have {INSTANCES} instances here, not {cluster['InstanceCount']}.")


def _stopping(request: Document) -> None:
    condition = request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": DAY})
    if condition["MaxRuntimeInSeconds"] > LONGEST:
        raise Invalid(f"Invalid MaxRuntimeInSeconds. It must not be greater than {LONGEST}.")


def _inputs(request: Document) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html"""
    given = request.get("ProcessingInputs", [])
    _once("ProcessingInputs", [each["InputName"] for each in given])
    for each in given:
        name = each["InputName"]
        if definition := each.get("DatasetDefinition"):
            kinds = [kind for kind in ("AthenaDatasetDefinition", "RedshiftDatasetDefinition") if definition.get(kind)]
            raise NotImplementedHere(
                f"CreateProcessingJob: input {name}: Clary does not have {', '.join(kinds) or 'DatasetDefinition'} "
                "yet. What a query gives can be unloaded to S3, and be an S3Input."
            )
        if "S3Input" not in each:
            raise Invalid(f"Input {name}: exactly one of S3Input and DatasetDefinition must be specified.")
        told = each["S3Input"]
        if each.get("AppManaged"):
            continue
        if not told["S3Uri"].startswith("s3://"):
            raise Invalid(f"Input {name}: invalid S3Uri: {told['S3Uri']}")
        if not told.get("S3InputMode"):
            raise Invalid(f"Input {name}: S3InputMode is required unless AppManaged is true.")
        told.setdefault("S3DataDistributionType", "FullyReplicated")
        told.setdefault("S3CompressionType", "None")
        if told["S3CompressionType"] == "Gzip" and told["S3InputMode"] != "Pipe":
            raise Invalid(f"Input {name}: the S3CompressionType Gzip can only be used with the S3InputMode Pipe.")


def _outputs(request: Document) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingOutput.html"""
    given = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _once("Outputs", [each["OutputName"] for each in given])
    for each in given:
        name = each["OutputName"]
        if each.get("FeatureStoreOutput"):
            raise NotImplementedHere(
                f"CreateProcessingJob: output {name}: Clary does not have FeatureStoreOutput: there is no Feature "
                "Store here."
            )
        if "S3Output" not in each:
            raise Invalid(f"Output {name}: exactly one of S3Output and FeatureStoreOutput must be specified.")
        if not each["S3Output"]["S3Uri"].startswith("s3://"):
            raise Invalid(f"Output {name}: invalid S3Uri: {each['S3Output']['S3Uri']}")


def _once(member: str, names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"The names of {member} must be unique: {', '.join(twice)}")


def _paths(request: Document) -> None:
    """Each has a folder to itself: https://github.com/aws/sagemaker-python-sdk/issues/4939 and 1950"""
    seen: dict[tuple[str, ...], str] = {}
    for what, managed, told in _local(request):
        path = told.get("LocalPath", "")
        if not path:
            if managed:
                continue
            raise Invalid(f"{what}: LocalPath is required unless AppManaged is true.")
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if not path.startswith(f"{PROCESSING}/") or ".." in parts or len(parts) < 4 or "\0" in path:
            raise Invalid(f"{what}: LocalPath must be an absolute path that starts with {PROCESSING}/: {path!r}")
        told["LocalPath"] = path
        if parts in seen:
            raise Invalid(f"{what}: LocalPath {path} is that of {seen[parts]}. Each must have its own.")
        for other, named in seen.items():
            if told.get("S3InputMode") == "Pipe" and (parts[: len(other)] == other or other[: len(parts)] == parts):
                raise Invalid(f"{what}: a LocalPath with the S3InputMode Pipe cannot lie within that of {named}.")
        seen[parts] = what


def _local(request: Document) -> Iterator[tuple[str, bool, Document]]:
    """What has a LocalPath, files before pipes."""
    given = [
        (f"Input {each['InputName']}", each.get("AppManaged", False), each["S3Input"])
        for each in request.get("ProcessingInputs", [])
    ]
    given += [
        (f"Output {each['OutputName']}", each.get("AppManaged", False), each["S3Output"])
        for each in request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    ]
    return iter(sorted(given, key=lambda each: each[2].get("S3InputMode") == "Pipe"))


def _texts(request: Document) -> None:
    """A NUL character ends a variable or an argument: what follows would not arrive."""
    application = request["AppSpecification"]
    texts = [*application.get("ContainerEntrypoint", ()), *application.get("ContainerArguments", ())]
    for name, value in request.get("Environment", {}).items():
        texts += [name, value]
    if any("\0" in text for text in texts):
        raise Invalid("An argument or a variable of the job has a NUL character in it.")
