"""What the trial component of a job has of it: parameters, artifacts, status and times, and what it was made from.

The names are those that AWS gives: https://docs.aws.amazon.com/sagemaker/latest/dg/experiments-search.html, and
DescribeTrialComponent's answers in https://github.com/aws/sagemaker-core (integ tests). Each function takes the noun
and the job's document, which is the request and, where it says `shown`, what Describe adds.
"""

import math
from typing import Any, Final

from clary.resource.resource import dig
from clary.resource.service import Document
from clary.services.sagemaker.lineage_job import Ends

TRAINING, PROCESSING, TRANSFORM = "TrainingJob", "ProcessingJob", "TransformJob"
SUFFIXES: Final = {
    TRAINING: "aws-training-job",
    PROCESSING: "aws-processing-job",
    TRANSFORM: "aws-transform-job",
}
IMAGE: Final = "SageMaker.ImageUri"
# Where each keeps what is told of all.
IMAGES: Final = {TRAINING: "AlgorithmSpecification.TrainingImage", PROCESSING: "AppSpecification.ImageUri"}
RESOURCES: Final = {
    TRAINING: "ResourceConfig",
    PROCESSING: "ProcessingResources.ClusterConfig",
    TRANSFORM: "TransformResources",
}
GIVEN: Final = {TRAINING: "HyperParameters", PROCESSING: "Environment", TRANSFORM: "Environment"}
MOST: Final = 300  # parameters, of keys and values so long: TrialComponentParameters
KEY, VALUE, MESSAGE = 320, 2500, 1024
SOURCE: Final = "DataSource.S3DataSource.S3Uri"


def parameters(noun: str, document: Document) -> Document:
    """Those of SageMaker's own, and the job's hyperparameters, or its environment where it has none."""
    resources = _at(document, RESOURCES[noun]) or {}
    found: dict[str, Any] = {
        IMAGE: _at(document, IMAGES.get(noun, "")),
        "SageMaker.ModelName": document.get("ModelName") if noun == TRANSFORM else None,
        **{f"SageMaker.{name}": resources.get(name) for name in ("InstanceCount", "InstanceType", "VolumeSizeInGB")},
    }
    given = {name[:KEY]: value for name, value in document.get(GIVEN[noun], {}).items()}
    told = {name: _value(value) for name, value in {**given, **found}.items() if value is not None}
    return dict(list(told.items())[-MOST:])


def _value(value: Any) -> Document:
    """What reads as a number is one: so has AWS hyperparameters, which are all texts."""
    try:
        number = float(value)
    except ValueError:
        return {"StringValue": value[:VALUE]}
    return {"NumberValue": number} if math.isfinite(number) and "_" not in str(value) else {"StringValue": value}


def inputs(noun: str, document: Document) -> Document:
    """InputArtifacts."""
    if noun == TRAINING:
        channels = document.get("InputDataConfig", [])
        found = [(one["ChannelName"], _at(one, SOURCE), one.get("ContentType")) for one in channels]
    elif noun == PROCESSING:
        given = document.get("ProcessingInputs", [])
        found = [(one["InputName"], _at(one, "S3Input.S3Uri"), None) for one in given]
    else:
        source = document["TransformInput"]
        found = [("SageMaker.TransformInput", _at(source, SOURCE), source.get("ContentType"))]
    return {name: _artifact(uri, kind) for name, uri, kind in found if uri}


def outputs(noun: str, shown: Document) -> Document:
    """OutputArtifacts: of a training job the model, once there is one."""
    if noun == TRAINING:
        found = [("SageMaker.ModelArtifact", _at(shown, "ModelArtifacts.S3ModelArtifacts"))]
    elif noun == PROCESSING:
        given = _at(shown, "ProcessingOutputConfig.Outputs") or []
        found = [(one["OutputName"], _at(one, "S3Output.S3Uri")) for one in given]
    else:
        found = [("SageMaker.TransformOutput", _at(shown, "TransformOutput.S3OutputPath"))]
    return {name: {"Value": uri} for name, uri in found if uri}


def status(noun: str, shown: Document) -> Document:
    """In AWS's words, which say null where a processing or a transform job has none."""
    state = shown.get(f"{noun}Status", "InProgress")
    words = [f"Status: {state}"]
    if noun == TRAINING:
        words.append(f"secondary status: {shown.get('SecondaryStatus', 'Starting')}")
        words.append(f"failure reason: {shown.get('FailureReason', '')}.")
    else:
        if noun == PROCESSING:
            words.append(f"exit message: {shown.get('ExitMessage', 'null')}")
        words.append(f"failure reason: {shown.get('FailureReason', 'null')}")
    return {"PrimaryStatus": state, "Message": ", ".join(words)[:MESSAGE]}


def times(noun: str, shown: Document) -> Document:
    """StartTime and EndTime, as far as they are known."""
    kind = noun.removesuffix("Job")
    found = {member: shown.get(f"{kind}{member}") for member in ("StartTime", "EndTime")}
    return {member: at for member, at in found.items() if at is not None}


def made_from(noun: str, document: Document) -> Ends:
    """Image, data and checkpoints: https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-auto-creation.html"""
    found = [(_at(document, IMAGES.get(noun, "")), "Image")]
    found += [(one["Value"], "DataSet") for one in inputs(noun, document).values()]
    found += [(_at(document, "CheckpointConfig.S3Uri"), "Checkpoint")]
    return _once(found)


def made(noun: str, shown: Document) -> Ends:
    """The model, or the data that it left, of a job that came to its end."""
    if shown.get(f"{noun}Status") != "Completed":
        return []
    return _once([(one["Value"], "Model" if noun == TRAINING else "DataSet") for one in outputs(noun, shown).values()])


def _once(found: list[tuple[Any, str]]) -> Ends:
    return list({uri: (uri, kind) for uri, kind in found if uri}.values())


def _artifact(uri: str, kind: str | None) -> Document:
    """A media type has the letters that are allowed there, or is not told."""
    plain = (
        kind is not None and len(kind) <= 64 and kind.replace("/", "", 1).replace("-", "").replace("+", "").isalnum()
    )
    return {"Value": uri, "MediaType": kind} if plain else {"Value": uri}


def _at(document: Any, path: str) -> Any:
    return dig(document, path.split(".")) if path else None
