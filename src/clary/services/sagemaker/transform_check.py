"""What CreateTransformJob refuses that its shape allows, and what it fills in.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from typing import Any, Final

from clary.errors import Invalid, NotImplementedHere
from clary.images.image import Image
from clary.images.pull import Images
from clary.images.runtime.transform_path import BadPath, Path
from clary.images.runtime.transform_process import CSV, kind
from clary.jobs.ml import data
from clary.jobs.objects import Objects
from clary.resource import crud
from clary.resource.call import Call
from clary.resource.service import Document
from clary.services.sagemaker.asked_image import asked
from clary.services.sagemaker.model import containers

VARIANT: Final = "transform"  # what messages call the model's only variant
MOST = 100  # MB of a payload, and of all that are on their way at once
INSTANCES = 20  # the quota that accounts begin with: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html


def check(objects: Objects, images: Images, call: Call[Any], request: Document) -> None:
    """Raises Invalid and NotImplementedHere; sets the members that AWS sets."""
    found = model(call, call.platform.store.read(), request)
    _model(images, call.region, found)
    _payload(request)
    _processing(request)
    if request["TransformResources"]["InstanceCount"] > INSTANCES:
        raise Invalid(f"A transform job can have {INSTANCES} instances here.")
    for name, value in request.get("Environment", {}).items():
        if "\0" in name + value:
            raise Invalid(f"The environment variable {name!r} has a NUL character in it.")
    source, result = request["TransformInput"], request["TransformOutput"]
    source.setdefault("CompressionType", "None")
    source.setdefault("SplitType", "None")
    result.setdefault("AssembleWith", "None")
    s3, role = source["DataSource"]["S3DataSource"], found["ExecutionRoleArn"]
    if s3["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        if s3["S3DataType"] == "AugmentedManifestFile":
            raise Invalid("AugmentedManifestFile is not supported for transform jobs.")
        raise NotImplementedHere(f"CreateTransformJob: Clary does not have the S3DataType {s3['S3DataType']}.")
    if not objects.holds(role, *data.split(s3["S3Uri"])):
        raise Invalid(data.nothing(s3["S3Uri"], call.region, role))


def model(call: Call[Any], connection: Any, request: Document) -> Document:
    """The document of the model. Raises AWS's error for a missing one."""
    return crud.loaded(crud.get(call.state.plans["Model"], call, connection, {"ModelName": request["ModelName"]}))


def _model(images: Images, region: str, found: Document) -> None:
    if not found.get("ExecutionRoleArn"):
        raise Invalid(
            f'Model "{found["ModelName"]}" has no ExecutionRoleArn, as which a transform job reads and writes.'
        )
    for container in containers(found):
        if container.get("Mode") == "MultiModel":
            raise Invalid("Multi-model containers are not supported for transform jobs.")
        image = asked(images, container.get("Image", ""), found["ExecutionRoleArn"], region)
        if isinstance(image, Image) and not image.server:
            raise Invalid(image.no_server)
    if found.get("InferenceExecutionConfig", {}).get("Mode") == "Direct":
        raise Invalid("A model whose containers are invoked directly is not supported for transform jobs.")


def _payload(request: Document) -> None:
    payload, concurrent = request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms")
    if payload is not None and payload > MOST:
        raise Invalid(f"MaxPayloadInMB must not be greater than {MOST}.")
    if payload and concurrent and payload * concurrent > MOST:
        raise Invalid(f"MaxConcurrentTransforms * MaxPayloadInMB must not be greater than {MOST}.")


def _processing(request: Document) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html"""
    told = request.get("DataProcessing")
    if told is None:
        return
    given, accepted = kind(request["TransformInput"].get("ContentType", "")), request["TransformOutput"].get("Accept")
    written = kind(accepted) if accepted else given
    try:
        before, after = Path(told.setdefault("InputFilter", "$")), Path(told.setdefault("OutputFilter", "$"))
        for path, form in ((before, given), (after, written)):
            if form == CSV:
                path.indexed()
    except BadPath as error:
        raise Invalid(f"Invalid DataProcessing: {error}") from error
    joined = told.setdefault("JoinSource", "None") == "Input"
    if (joined or not before.whole) and not given:
        raise Invalid(
            "To filter or join the input, TransformInput.ContentType must be text/csv, application/json or "
            "application/jsonlines."
        )
    if joined and (not written or (given == CSV) != (written == CSV)):
        raise Invalid(
            "To join the input with the output, TransformInput.ContentType and TransformOutput.Accept must both be "
            "text/csv, or both be application/json or application/jsonlines."
        )
