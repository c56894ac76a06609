"""The unix socket in the home, beside invocations: what main asks of the data plane."""

from typing import TYPE_CHECKING

import orjson

from clary.serving.meter import Sample
from clary.wire.message import Request

if TYPE_CHECKING:
    from clary.serving.app import Plane
    from clary.serving.server import Connection

NAMESPACE = "AWS/SageMaker"


def answer(plane: "Plane", connection: "Connection", request: Request) -> bool:
    """Whether it was for us; then it is answered."""
    what = request.method, request.path
    if what == ("GET", "/.clary/state"):
        connection.say(200, orjson.dumps(state(plane)))
    elif what == ("POST", "/.clary/refresh"):
        plane.refresh()
        connection.say(200, b"{}")
    elif what == ("POST", "/.clary/metrics"):
        connection.say(200, orjson.dumps(metrics(plane)))
    else:
        return False
    return True


def state(plane: "Plane") -> dict[str, object]:
    """{"pid", "replicas": {id: {"running", "invoked"}}, "endpoints": {ARN: {"invoked", "waiting", "running"}}}"""
    replicas = {
        str(number): {"running": replica.running, "invoked": replica.invoked}
        for number, replica in plane.endpoints.replicas.items()
    }
    endpoints = {
        endpoint.route.arn: {
            "invoked": max((variant.invoked for variant in endpoint.variants.values()), default=0.0),
            "waiting": sum(len(variant.waiting) for variant in endpoint.variants.values()),
            "running": sum(variant.running for variant in endpoint.variants.values()),
        }
        for endpoint in plane.endpoints.by_name.values()
    }
    return {"pid": plane.pid, "replicas": replicas, "endpoints": endpoints}


def metrics(plane: "Plane") -> dict[str, object]:
    """{"samples": {namespace: [[name, dimensions, values, counts, unit, at], …]}, "regions": {namespace: [the region of
    each sample]}}, taken and forgotten.
    """
    regions: list[str] = []
    samples: list[Sample] = []
    for meter in plane.endpoints.meters():
        taken = meter.take()
        samples += taken
        regions += [meter.region] * len(taken)
    return {"samples": {NAMESPACE: samples}, "regions": {NAMESPACE: regions}}
