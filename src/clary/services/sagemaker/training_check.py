"""What CreateTrainingJob refuses that its shape allows, and what it fills in.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from typing import Any

from clary.compute.mounts import SYSTEM
from clary.errors import Invalid, NotImplementedHere
from clary.images.hyperparameters import check as check_hyperparameters
from clary.images.hyperparameters import load
from clary.images.image import Image
from clary.images.pull import CODE, VENV, Found, Images
from clary.jobs.ml import data
from clary.jobs.objects import Objects
from clary.resource import passed
from clary.resource.call import Call
from clary.resource.service import Document
from clary.services.sagemaker.asked_image import asked
from clary.services.sagemaker.training_regex import compiled

DAY = 86400
LONGEST = 28 * DAY  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
INSTANCES = 20  # the quota that accounts begin with: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
SOURCES = ("S3DataSource", "FileSystemDataSource", "DatasetSource")
CHECKPOINTS = "/opt/ml/checkpoints"
# Where checkpoints would hide what a job runs on: the system, its input, its image.
RESERVED = (*(f"/{name}" for name in sorted(SYSTEM)), "/opt/ml/input", VENV, CODE)
COLLECTED = ("/opt/ml/model", "/opt/ml/output/data", "/opt/ml/output/failure")
LONGEST_NAME = 255  # bytes of one name in a path: NAME_MAX of limits.h
# What nothing here can carry out, so that saying yes would be a lie.
REFUSED = ("ServerlessJobConfig", "ModelPackageConfig", "MlflowConfig", "SessionChainingConfig")


def check(objects: Objects, images: Images, call: Call[Any], request: Document) -> None:
    """Raises Invalid and NotImplementedHere; sets the members that AWS sets."""
    for member in REFUSED:
        if request.get(member):
            raise NotImplementedHere(f"CreateTrainingJob: Clary does not have {member}.")
    _algorithm(request)
    _resources(request)
    _stopping(request)
    _channels(request)
    _outputs(request)
    _texts(request)
    passed.check(call, request)  # before anything that the role sees shows
    uri = request["AlgorithmSpecification"]["TrainingImage"]
    _hyperparameters(asked(images, uri, request["RoleArn"], call.region, "training"), request)
    for channel in request.get("InputDataConfig", []):
        uri, role = channel["DataSource"]["S3DataSource"]["S3Uri"], request["RoleArn"]
        if not objects.holds(role, *data.split(uri)):
            raise Invalid(data.nothing(uri, call.region, role))


def _texts(request: Document) -> None:
    """A NUL character ends a variable or an argument: what follows would not arrive."""
    algorithm, given = request["AlgorithmSpecification"], request.get("HyperParameters", {})
    for place, what, texts in (
        ("hyperParameters", "Map key", given),
        ("hyperParameters", "Map value", given.values()),
        ("environment", "Map value", request.get("Environment", {}).values()),
        ("algorithmSpecification.containerEntrypoint", "Member", algorithm.get("ContainerEntrypoint", ())),
        ("algorithmSpecification.containerArguments", "Member", algorithm.get("ContainerArguments", ())),
    ):
        if any("\0" in text for text in texts):
            raise Invalid(
                f"1 validation error detected: Value at '{place}' failed to satisfy constraint: {what} must satisfy "
                "constraint: [Member must not contain the NUL character]"
            )


def _own_command(request: Document) -> bool:
    return bool(request["AlgorithmSpecification"].get("ContainerEntrypoint"))


def _hyperparameters(image: Found, request: Document) -> None:
    """A script takes what it likes, and so does a command that is not the image's, and an image that is not ours."""
    given = request.get("HyperParameters", {})
    if not isinstance(image, Image) or "sagemaker_program" in given or _own_command(request):
        return
    if specification := load(image.code / "hyperparameters.toml", image.tag):
        check_hyperparameters(specification, given)


def _algorithm(request: Document) -> None:
    algorithm = request.get("AlgorithmSpecification")
    if not algorithm:
        raise Invalid("AlgorithmSpecification is required.")
    uri, name = algorithm.get("TrainingImage"), algorithm.get("AlgorithmName")
    if bool(uri) == bool(name):
        raise Invalid("You must provide exactly one of TrainingImage and AlgorithmName in AlgorithmSpecification.")
    if name:
        raise NotImplementedHere("CreateTrainingJob: Clary trains by TrainingImage, not yet by AlgorithmName.")
    for definition in algorithm.get("MetricDefinitions", []):
        try:
            compiled(definition["Regex"])
        except ValueError as error:
            raise Invalid(f"Invalid metric definition {definition['Name']}: {definition['Regex']}: {error}") from error


def _resources(request: Document) -> None:
    config = request.get("ResourceConfig")
    if not config:
        raise Invalid("ResourceConfig is required.")
    for member in ("TrainingPlanArn", "InstancePreferences"):
        if config.get(member):
            raise NotImplementedHere(f"CreateTrainingJob: Clary does not have ResourceConfig.{member}.")
    groups = config.get("InstanceGroups")
    if groups:
        if config.get("InstanceType") or config.get("InstanceCount"):
            raise Invalid("InstanceGroups cannot be specified together with InstanceType or InstanceCount.")
        names = [group["InstanceGroupName"] for group in groups]
        if len(set(names)) < len(names):
            raise Invalid("The InstanceGroupName of each instance group must be unique.")
    elif not config.get("InstanceType") or not config.get("InstanceCount"):
        raise Invalid("ResourceConfig must have either InstanceGroups, or InstanceType and InstanceCount.")
    if any(count < 1 for _, count, _ in instances(request)):
        raise Invalid("InstanceCount must be at least 1.")
    if (wanted := sum(count for _, count, _ in instances(request))) > INSTANCES:
        raise Invalid(f"A training job can have {INSTANCES} instances here, not {wanted}.")
    config.setdefault("VolumeSizeInGB", 30)


def instances(document: Document) -> list[tuple[str, int, str]]:
    """Type, how many, and the group's name, which is empty where there are no groups."""
    config = document["ResourceConfig"]
    if groups := config.get("InstanceGroups"):
        return [(group["InstanceType"], group["InstanceCount"], group["InstanceGroupName"]) for group in groups]
    return [(config["InstanceType"], config["InstanceCount"], "")]


def _stopping(request: Document) -> None:
    condition = request.setdefault("StoppingCondition", {})
    run = condition.setdefault("MaxRuntimeInSeconds", DAY)
    if run > LONGEST:
        raise Invalid(f"Invalid MaxRuntimeInSeconds. It must not be greater than {LONGEST}.")
    wait, spot = condition.get("MaxWaitTimeInSeconds"), request.get("EnableManagedSpotTraining", False)
    if wait is not None and not spot:
        raise Invalid(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if spot and (wait is None or wait < run):
        raise Invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def _channels(request: Document) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html"""
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"Duplicate channel names are not allowed: {', '.join(twice)}")
    if folders := {".", ".."} & set(names):
        raise Invalid(f"Invalid channel name: {folders.pop()}")
    groups = {name for _, _, name in instances(request) if name}
    for channel in channels:
        name, source = channel["ChannelName"], channel["DataSource"]
        given = [kind for kind in SOURCES if source.get(kind)]
        if len(given) != 1:
            raise Invalid(f"Channel {name}: exactly one data source must be specified.")
        if given != ["S3DataSource"]:
            raise NotImplementedHere(f"CreateTrainingJob: channel {name}: Clary does not have {given[0]}.")
        objects = source["S3DataSource"]
        if objects["S3DataType"] == "AugmentedManifestFile" and not objects.get("AttributeNames"):
            raise Invalid(f"Channel {name}: AttributeNames must be specified for an AugmentedManifestFile.")
        if unknown := set(objects.get("InstanceGroupNames", ())) - groups:
            raise Invalid(f"Channel {name}: there is no instance group {', '.join(sorted(unknown))}.")
        objects.setdefault("S3DataDistributionType", "FullyReplicated")
        channel.setdefault("CompressionType", "None")
        channel.setdefault("RecordWrapperType", "None")


def _outputs(request: Document) -> None:
    config = request["OutputDataConfig"]
    if not config["S3OutputPath"].startswith("s3://"):
        raise Invalid(f"Invalid S3OutputPath: {config['S3OutputPath']}")
    config.setdefault("KmsKeyId", "")  # the SDKs read it
    config.setdefault("CompressionType", "GZIP")
    if checkpoints := request.get("CheckpointConfig"):
        if not checkpoints["S3Uri"].startswith("s3://"):
            raise Invalid(f"Invalid S3Uri of CheckpointConfig: {checkpoints['S3Uri']}")
        _local(checkpoints.setdefault("LocalPath", CHECKPOINTS))


def _local(path: str) -> None:
    """The sentence is AWS's of another LocalPath: https://github.com/aws/amazon-sagemaker-examples/issues/3620"""
    said = '"LocalPath" of "CheckpointConfig"'
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not path.startswith("/") or not parts or ".." in parts or "\0" in path:
        raise Invalid(f'{said} must be the absolute path of a folder, without "..": {path!r}')
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise Invalid(f"{said} has a name of more than {LONGEST_NAME} bytes")
    if any(_within(parts, place) or _within(place.split("/")[1:], "/".join(["", *parts])) for place in RESERVED):
        raise Invalid(f"{said} cannot start with the following reserved path: [{', '.join(RESERVED)}]")
    if any(_within(parts, place) for place in COLLECTED) or parts == ["opt", "ml", "output"]:
        raise NotImplementedHere(f"CreateTrainingJob: Clary saves no checkpoints in {path}, which it takes at the end.")


def _within(parts: list[str], place: str) -> bool:
    above = place.split("/")[1:]
    return parts[: len(above)] == above
