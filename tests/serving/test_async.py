"""Asynchronous endpoints: main's queue asks on the unix socket, with the time and room that such invocations have."""

from clary.store.routes import Variant
from serving.bed import TIMEOUT, Plane, refused


def test_only_the_queue_may_invoke_them(plane: Plane) -> None:
    route = plane.route("queue", Variant("AllTraffic", 1.0), is_async=True)
    plane.put(route, plane.replica("queue", plane.container()))
    told = refused(plane.client().invoke_endpoint, EndpointName="queue", Body=b"")
    assert told[0] == "ValidationError"
    assert "can only receive asynchronous invocations" in told[1]
    path, region = "/endpoints/queue/invocations", {"x-clary-region": "us-west-2"}
    assert plane.inside("POST", path, b"", **region)[0] == 400
    large = b"x" * (8 << 20)
    assert plane.inside("POST", path, large, **region)[0] == 413
    patient = {**region, "x-clary-timeout": "900"}
    assert plane.inside("POST", path, large, **patient) == (200, b"echo:" + large)
    attributes = {"x-amzn-sagemaker-custom-attributes": f"sleep={TIMEOUT + 1}"}
    status, body = plane.inside("POST", path, b"late", **patient, **attributes)
    assert (status, body[:5], body[-4:]) == (200, b"echo:", b"late")


def test_outside_nobody_has_more_time_by_saying_so(plane: Plane) -> None:
    plane.serve("outside", plane.container())
    client = plane.client()
    client.meta.events.register(
        "before-sign.*", lambda request, **_: request.headers.add_header("x-clary-timeout", "900")
    )
    told = refused(client.invoke_endpoint, EndpointName="outside", Body=b"x" * (7 << 20))
    assert told[2] == 413
    told = refused(client.invoke_endpoint, EndpointName="outside", Body=b"", CustomAttributes="sleep=600")
    assert "timed out" in told[1]
