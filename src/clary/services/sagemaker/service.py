"""SageMaker: its nouns, what some of them do in their own way, and what each request asks of IAM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from clary.images.pull import Images
from clary.jobs import ml
from clary.jobs.objects import Objects
from clary.jobs.recipe import Job
from clary.resource import crud, pages, tags
from clary.resource.call import Call, Permission, Platform
from clary.resource.resource import Plan
from clary.resource.service import Document, Operation, Service, collect
from clary.services.sagemaker import (
    card,
    component,
    component_metric,
    conditions,
    endpoint,
    endpoint_config,
    experiment,
    fleet,
    hub,
    image,
    lineage,
    lineage_query,
    model,
    package,
    pipeline,
    processing,
    search,
    studio,
    training,
    transform,
    workforce,
)
from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.plane import Plane
from clary.services.sagemaker.hosting.replica import RECIPE as REPLICA
from clary.services.sagemaker.hosting.replica import Serving
from clary.services.sagemaker.hosting.state import State
from clary.services.sagemaker.plain import NOUNS
from clary.services.sagemaker.processing_check import check as check_processing
from clary.services.sagemaker.processing_recipe import Processing
from clary.services.sagemaker.state import SageMaker
from clary.services.sagemaker.training_check import check
from clary.services.sagemaker.training_metrics import Meter, Metrics
from clary.services.sagemaker.training_recipe import Training
from clary.services.sagemaker.transform_check import check as check_transform
from clary.services.sagemaker.transform_recipe import Transform
from clary.store.db import Store
from clary.wire.models import service_model

MODULES = (
    model,
    package,
    experiment,
    component,
    lineage,
    lineage_query,
    pipeline,
    card,
    studio,
    image,
    hub,
    workforce,
    fleet,
    training,
    processing,
    transform,
    endpoint_config,
    endpoint,
    search,
)


def _only(member: str, all_are: str) -> Callable[[Call[Any], Document], pages.Keep | None]:
    """A filter that everything here meets, or nothing."""
    return lambda _call, request: (lambda _found: False) if request.get(member, all_are) != all_are else None


# Lists that know more than the document: who answers for which members.
LISTS: dict[str, tuple[Any, ...]] = {
    "Trial": (experiment.trials, "TrialComponentName"),
    "TrialComponent": (experiment.components, "ExperimentName", "TrialName", "SourceArn"),
    "ModelPackage": (package.given, "ModelPackageGroupName", "ModelPackageType"),
    "HubContent": (hub.newest, "HubName", "HubContentType", "MaxSchemaVersion"),
    "TrainingJob": (training.given, "WarmPoolStatusEquals", "TrainingPlanArnEquals"),
    "Device": (fleet.given, "LatestHeartbeatAfter", "ModelName"),
    # All that is here is this account's, and made by its users.
    "ModelPackageGroup": (_only("CrossAccountFilterOption", "SameAccount"), "CrossAccountFilterOption"),
    "Pipeline": (_only("ManagedBy", "CUSTOMER"), "ManagedBy"),
    "ImageVersion": (image.versions, "ImageName"),
    "PipelineVersion": (pipeline.versions, "PipelineName"),
    "ModelCardVersion": (card.versions, "ModelCardName"),
}

# Operations on a noun that the six generic ones don't name.
ALSO = {
    "AssociateTrialComponent": "TrialComponent",
    "DisassociateTrialComponent": "TrialComponent",
    "ImportHubContent": "HubContent",
    "PutModelPackageGroupPolicy": "ModelPackageGroup",
    "GetModelPackageGroupPolicy": "ModelPackageGroup",
    "DeleteModelPackageGroupPolicy": "ModelPackageGroup",
    "RegisterDevices": "DeviceFleet",
    "UpdateDevices": "DeviceFleet",
    "DeregisterDevices": "DeviceFleet",
    "UpdatePipelineVersion": "Pipeline",
    "ListAliases": "Image",
    "UpdateEndpointWeightsAndCapacities": "Endpoint",
}
TAGGING = {"AddTags": tags.add, "DeleteTags": tags.remove, "ListTags": tags.show}
PREFIXES = ("aws", "sagemaker")
UNUSED = {
    # Kept and given back; there is no second account whose access it could open.
    "PutModelPackageGroupPolicy": {"ResourcePolicy"},
    "DescribeModelPackage": {"IncludedData"},
    "DeleteDomain": {"RetentionPolicy"},
    "Search": {"VisibilityConditions"},
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs are made with. `where`: how a job's containers reach this platform."""

    images: Images
    objects: Objects
    metrics: Metrics
    where: Callable[[Job], ml.Where]


def build(platform: Platform, tools: Tools) -> Service:
    described = service_model("sagemaker")
    plane = Plane(platform.config.home)

    def told(one: State) -> None:
        endpoint.tell(platform, nouns, one)

    hosting = Hosting(platform, plane, endpoint.sync, told, tools.metrics.alarm)
    nouns = SageMaker(hosting=hosting, objects=tools.objects, images=tools.images)

    def heard(tell: Callable[[Platform, Mapping[str, Plan], str], None]) -> Callable[[str], None]:
        """Of a job's move its trial component hears, and the bus."""

        def hear(arn: str) -> None:
            component.follow(platform, nouns.plans, arn)
            tell(platform, nouns.plans, arn)

        return hear

    meter = Meter(component_metric.Both(platform, tools.metrics))
    train = Training(tools.images, tools.objects, tools.where, meter, heard(training.tell))
    job = replace(training.TRAINING_JOB, check=partial(check, tools.objects, tools.images), recipe=train)
    run = Transform(tools.images, tools.objects, tools.where, tools.metrics, heard(transform.tell))
    batch = replace(transform.TRANSFORM_JOB, check=partial(check_transform, tools.objects, tools.images), recipe=run)
    process = Processing(tools.images, tools.objects, tools.where, tools.metrics, heard(processing.tell))
    work = replace(
        processing.PROCESSING_JOB, check=partial(check_processing, tools.objects, tools.images), recipe=process
    )
    every = (*NOUNS, job, batch, work, endpoint.ENDPOINT)
    nouns.plans |= {resource.noun: Plan(resource, described) for resource in every}
    operations: dict[str, Operation] = {}
    unused = {name: set(members) for name, members in UNUSED.items()}
    for plan in nouns.plans.values():
        listing = pages.Listing(plan, *LISTS.get(plan.noun, ())) if "List" in plan.operations else None
        operations |= crud.operations(plan, listing)
        for verb in ("Create", "Update"):
            if verb in plan.operations and (idle := plan.idle(verb)):
                unused.setdefault(plan.operations[verb], set()).update(idle)
    contents = pages.Listing(
        nouns.plans["HubContent"],
        hub.versions,
        *LISTS["HubContent"][1:],
        "HubContentName",
        "MinVersion",
        operation="ListHubContentVersions",
    )
    operations["ListHubContentVersions"] = Operation(contents.page)
    operations |= {name: Operation(function) for name, function in TAGGING.items()}
    operations |= collect(MODULES)  # a noun's own way comes before the generic one
    targets = _targets(nouns, operations)
    tick = partial(component.catch_up, platform, nouns.plans)
    return Service("sagemaker", operations, nouns, partial(permissions, targets), tick=tick, unused=unused)


def recipes(service: Service, tools: Tools, store: Store) -> dict[str, Any]:
    """How the nouns that run are run, by the names that their jobs have; and the replicas of endpoints, which are no
    noun of AWS's.
    """
    plans = service.state.plans.values()
    found = {f"{plan.service}.{plan.noun}": plan.resource.recipe for plan in plans if plan.resource.recipe}
    wake = service.state.hosting.wake
    return {**found, REPLICA: Serving(tools.images, tools.objects, tools.where, tools.metrics, store, wake)}


def _targets(nouns: SageMaker, operations: dict[str, Operation]) -> dict[str, Plan]:
    """The noun whose ARN an operation asks for permission on; List asks for all."""
    found = {name: nouns.plans[noun] for name, noun in ALSO.items()}
    for plan in nouns.plans.values():
        found |= {name: plan for verb, name in plan.operations.items() if verb != "List"}
    return {name: plan for name, plan in found.items() if name in operations}


def permissions(targets: dict[str, Plan], call: Call[Any], request: Document) -> list[Permission]:
    """`sagemaker:CreateModel` on the ARN of the model to be, under the tags that it has and those that it would get.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
    """
    name = call.operation.name
    action = f"sagemaker:{name}"
    arns = _resources(targets, call, request)
    context = _asked(request)
    if name.startswith(("Create", "Update")):
        context |= conditions.keys(name, request, lambda model: call.arn(f"model/{model.lower()}"))
    wanted = [Permission(action, arn, tags.Keys(call, arn, context, PREFIXES)) for arn in arns]
    if name not in TAGGING and request.get("Tags"):
        wanted += [Permission("sagemaker:AddTags", arn, context) for arn in arns]
    return wanted


def _resources(targets: dict[str, Plan], call: Call[Any], request: Document) -> list[str]:
    name = call.operation.name
    if name in TAGGING:
        return [str(request.get("ResourceArn", "*"))]
    if name == "BatchDescribeModelPackage":
        return [str(arn) for arn in request.get("ModelPackageArnList") or ["*"]]
    if name in ("AddAssociation", "DeleteAssociation"):
        return [str(request.get(member, "*")) for member in ("SourceArn", "DestinationArn")]
    if name == "QueryLineage":
        return [str(arn) for arn in request.get("StartArns") or ["*"]]
    if (plan := targets.get(name)) is None:
        return ["*"]
    known = dict.fromkeys(plan.labels, "*")  # an id that AWS makes up is not known yet
    given = {member: value for member, value in request.items() if value is not None}
    found = [plan.locate(call, {**known, **given} if plan.arn_member not in given else given)]
    if plan.noun == endpoint.NOUN and isinstance(config := given.get("EndpointConfigName"), str):
        found.append(call.arn(f"endpoint-config/{config.lower()}"))  # CreateEndpoint asks for both, UpdateEndpoint too
    return found


def _asked(request: Document) -> dict[str, list[str]]:
    """aws:RequestTag/<key> and aws:TagKeys. The request is not validated yet."""
    given = request.get("Tags")
    pairs = [tag for tag in given if isinstance(tag, dict) and "Key" in tag] if isinstance(given, list) else []
    context = {f"aws:RequestTag/{tag['Key']}": [str(tag.get("Value", ""))] for tag in pairs}
    keys = [str(tag["Key"]) for tag in pairs] or [str(key) for key in request.get("TagKeys") or []]
    return {**context, "aws:TagKeys": keys} if keys else context
