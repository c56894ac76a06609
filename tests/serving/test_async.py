"""Asynchronous endpoints take no invocations here: main's queue asks their containers itself."""

from clary.store.routes import Variant
from serving.bed import Plane, refused


def test_they_can_only_receive_asynchronous_invocations(plane: Plane) -> None:
    route = plane.route("queue", Variant("AllTraffic", 1.0), is_async=True)
    plane.put(route, plane.replica("queue", plane.container()))
    told = refused(plane.client().invoke_endpoint, EndpointName="queue", Body=b"")
    assert told[0] == "ValidationError"
    assert "can only receive asynchronous invocations" in told[1]
    assert plane.inside("POST", "/endpoints/queue/invocations", b"", **{"x-clary-region": "us-west-2"})[0] == 400
