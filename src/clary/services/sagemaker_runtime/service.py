"""SageMaker Runtime at the gateway, for callers that know one port only: the data plane has a port of its own.

Nothing is measured or routed here: what is allowed goes to the data plane, or into the queue of asynchronous
invocations.
"""

from typing import Any

from clary.jobs.objects import Objects
from clary.resource import tags
from clary.resource.call import Call, Permission, Platform
from clary.resource.service import Document, Service, collect
from clary.services.cloudwatch.metrics import Metrics
from clary.services.sagemaker.hosting.capture import Captured
from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.errands import Errands, trusted
from clary.services.sagemaker.hosting.harvest import Harvest
from clary.services.sagemaker_runtime import asynchronous, invoke
from clary.services.sagemaker_runtime.queue import Queue
from clary.services.sagemaker_runtime.state import Runtime
from clary.services.sagemaker_runtime.work import Work

MODULES = (invoke, asynchronous)


def build(platform: Platform, hosting: Hosting, objects: Objects, metrics: Metrics) -> Service:
    """Its state is to be started and closed."""
    harvest = Harvest(hosting.plane, metrics, Captured(platform.config.home, objects), platform.config.harvest)
    errands = Errands(platform, hosting, objects)
    queue = Queue(Work(platform, objects, metrics, platform.config.home / "serving" / "async"))
    hosting.busy = queue.busy
    state = Runtime(hosting, harvest, queue)
    return Service("sagemaker-runtime", collect(MODULES), state, permissions, raw=errands.raw)


def permissions(call: Call[Any], request: Document) -> list[Permission]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""
    model = request.get("TargetModel")
    context = {"sagemaker:TargetModel": [model]} if model else {}
    arn = _arn(call, request["EndpointName"])
    for name, value in tags.read(call.platform.store.read(), arn).items():
        context |= {f"{prefix}:ResourceTag/{name}": [value] for prefix in ("aws", "sagemaker")}
    token, _, peer = call.request.headers.get("x-clary-from", "").partition(" ")
    if peer and trusted(call.platform.config.home, token):  # the data plane hands it on (serving/main.py)
        context["aws:SourceIp"] = [peer]
    return [Permission(f"sagemaker:{call.operation.name}", arn, context)]


def _arn(call: Call[Any], name: str) -> str:
    """An endpoint's name stands in lower case there."""
    return call.arn(f"endpoint/{name.lower()}")
