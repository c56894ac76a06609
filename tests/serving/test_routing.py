"""Which variant, which replica, which container."""

import threading
from collections import Counter
from functools import partial

import pytest

from clary.store.routes import Fleet, Replica, Route, Variant
from serving.bed import Plane, refused
from waiting import until


def said(plane: Plane, name: str, times: int = 1, **given: str) -> Counter[str]:
    """The names of the containers that have answered."""
    client = plane.client()
    answers = [client.invoke_endpoint(EndpointName=name, Body=b"", **given)["Body"].read() for _ in range(times)]
    return Counter(answer.decode().partition(":")[0] for answer in answers)


def test_variants_have_their_shares_and_can_be_asked_for_by_name(plane: Plane) -> None:
    plane.put(
        plane.route("weights", Variant("A", 3.0), Variant("B", 1.0), Variant("Idle", 0.0)),
        plane.replica("weights", plane.container("a"), variant="A"),
        plane.replica("weights", plane.container("b"), variant="B"),
        plane.replica("weights", plane.container("idle"), variant="Idle"),
    )
    shares = said(plane, "weights", 400)
    assert shares["idle"] == 0
    assert 50 <= shares["b"] <= 150  # 100 are expected; five standard deviations
    assert said(plane, "weights", 5, TargetVariant="B") == {"b": 5}
    assert said(plane, "weights", 5, TargetVariant="Idle") == {"idle": 5}
    told = refused(plane.client().invoke_endpoint, EndpointName="weights", Body=b"", TargetVariant="C")
    assert told[:2] == ("ValidationError", "Variant C of endpoint weights not found.")


def test_replicas_take_turns_and_the_one_with_the_least_to_do_is_next(plane: Plane) -> None:
    plane.serve("turns", plane.container("one"), plane.container("two"))
    assert said(plane, "turns", 20) == {"one": 10, "two": 10}
    client, go = plane.client(), plane.folder / "go"
    busy: list[str] = []

    def occupy() -> None:
        answer = client.invoke_endpoint(EndpointName="turns", Body=b"", CustomAttributes=f"until={go}")
        busy.append(answer["Body"].read().decode().partition(":")[0])

    thread = threading.Thread(target=occupy)
    thread.start()
    until(lambda: plane.running("turns"))
    free = said(plane, "turns", 6)
    go.touch()
    thread.join()
    assert len(free) == 1
    assert busy[0] not in free


def test_a_pipeline_passes_bodies_and_content_types_on(plane: Plane) -> None:
    plane.serve("row", plane.container("a", "first"), plane.container("b", "second"), mode="Serial")
    client = plane.client()
    answer = client.invoke_endpoint(EndpointName="row", Body=b"1", ContentType="text/csv", Accept="text/plain")
    assert answer["Body"].read() == b"b:a:1"
    shown = client.invoke_endpoint(EndpointName="row", Body=b"1", Accept="text/html", CustomAttributes="show=1")
    second, first = shown["Body"].read().decode().split(":b'")[0].split("a:/invocations:")
    assert "('accept', 'text/html')" in second
    assert "('content-type', 'text/plain')" in second
    assert "accept" not in first
    told = refused(client.invoke_endpoint, EndpointName="row", Body=b"", CustomAttributes="status=400;answer=bad")
    assert told[1].startswith('Received client error (400) from first with message "bad".')


def test_containers_may_be_called_directly(plane: Plane) -> None:
    plane.serve("direct", plane.container("a", "first"), plane.container("b", "second"), mode="Direct")
    assert said(plane, "direct", TargetContainerHostname="second") == {"b": 1}
    assert said(plane, "direct", TargetContainerHostname="first") == {"a": 1}
    call = plane.client().invoke_endpoint
    assert refused(call, EndpointName="direct", Body=b"")[0] == "ValidationError"
    told = refused(call, EndpointName="direct", Body=b"", TargetContainerHostname="third")
    assert told[:2] == ("ValidationError", "Endpoint direct has no container with the hostname third.")


def test_headers_for_what_an_endpoint_is_not(plane: Plane) -> None:
    plane.serve("plain", plane.container())
    call = plane.client().invoke_endpoint
    told = refused(call, EndpointName="plain", Body=b"", TargetModel="m.tar.gz")
    sentence = "Endpoint plain is not a multi-model endpoint and does not support target model header."
    assert told[:2] == ("ValidationError", sentence)
    told = refused(call, EndpointName="plain", Body=b"", InferenceComponentName="c")
    assert told[0] == "ValidationError"
    assert "inference component" in told[1]


def test_shadows_get_a_copy_and_nobody_hears_their_answers(plane: Plane) -> None:
    plane.put(
        plane.route("shadow", Variant("A", 2.0), Variant("S", 1.0, shadow="A")),
        plane.replica("shadow", plane.container("a"), variant="A"),
        shadow := plane.replica("shadow", copied := plane.container("s"), variant="S"),
    )
    plane.metrics("shadow")
    assert said(plane, "shadow", 200) == {"a": 200}
    until(lambda: idle(plane, shadow))
    found = plane.metrics("shadow")
    assert found["Invocations", "A"] == {1: 200}
    assert 60 <= found["Invocations", "S"][1] <= 140  # half of them, within five standard deviations
    plane.containers[copied.socket].kill()
    assert said(plane, "shadow", 20) == {"a": 20}


def idle(plane: Plane, replica: Replica) -> bool:
    told = plane.state()["replicas"].get(str(replica.id))  # one that drains is let go once it is idle
    return told is None or told["running"] == 0


def test_an_update_costs_no_request(plane: Plane) -> None:
    """From fleet 1 to fleet 2 and back, as the controller does it, while four clients go on."""
    first, second = plane.container("old"), plane.container("new")
    variants = (Variant("AllTraffic", 1.0),)

    def told(*shares: tuple[str, float]) -> Route:
        return Route(
            plane.arn("update"),
            "update",
            "us-west-2",
            tuple(Fleet(name, share, "c", variants) for name, share in shares),
        )

    old, new = plane.replica("update", first, fleet="f1"), plane.replica("update", second, fleet="f2")
    plane.put(told(("f1", 1.0)), old)
    ends = threading.Event()
    answers: Counter[str] = Counter()
    failures: list[Exception] = []

    def ask() -> None:
        client = plane.client()
        while not ends.is_set():
            try:
                given = {"EndpointName": "update", "Body": b"", "CustomAttributes": "sleep=0.01;show=1"}
                answers[client.invoke_endpoint(**given)["Body"].read().decode().partition(":")[0]] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, there must be none
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()

    def more() -> None:
        """Returns once both have answered again."""
        told = answers.copy()
        until(lambda: failures or all(answers[name] > told[name] + 2 for name in ("old", "new")))

    for _ in range(3):
        for fresh, stale, names in ((new, old, ("f1", "f2")), (old, new, ("f2", "f1"))):
            plane.put(told((names[0], 1.0), (names[1], 0.0)), fresh)
            plane.put(told((names[0], 0.5), (names[1], 0.5)))
            more()
            plane.put(told((names[1], 1.0)))
            plane.put(Replica(**{**{slot: getattr(stale, slot) for slot in stale.__slots__}, "state": "draining"}))
            until(partial(idle, plane, stale))
            plane.remove(stale)
    ends.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert answers["old"] > 10
    assert answers["new"] > 10
    assert plane.running("update") == 0


def test_an_endpoint_that_is_deleted_is_gone_at_once(plane: Plane) -> None:
    replicas = plane.serve("deleted", plane.container())
    client = plane.client()
    client.invoke_endpoint(EndpointName="deleted", Body=b"")
    plane.remove(plane.route("deleted"), *replicas)
    plane.inside("POST", "/.clary/refresh")
    assert "not found" in refused(client.invoke_endpoint, EndpointName="deleted", Body=b"")[1]


def test_who_waits_for_a_replica_hears_when_the_endpoint_goes(plane: Plane) -> None:
    route = plane.route("waits", Variant("AllTraffic", 1.0))
    plane.put(route)

    def remove() -> None:
        until(lambda: plane.running("waits"))
        plane.remove(route)

    meanwhile = threading.Thread(target=remove)
    meanwhile.start()
    told = refused(plane.client().invoke_endpoint, EndpointName="waits", Body=b"")
    meanwhile.join()
    assert told[0] == "ValidationError"


def test_without_a_replica_it_is_unavailable_in_the_end(impatient: Plane) -> None:
    plane = impatient
    plane.put(plane.route("empty", Variant("AllTraffic", 1.0)))
    told = refused(plane.client().invoke_endpoint, EndpointName="empty", Body=b"")
    assert (told[0], told[2]) == ("ServiceUnavailable", 503)


def test_more_at_once_than_a_serverless_variant_may_have_is_throttled(plane: Plane) -> None:
    plane.serve("limited", plane.container(), serverless=True, concurrency=2)
    client, go = plane.client(), plane.folder / "go"
    given = {"EndpointName": "limited", "Body": b"", "CustomAttributes": f"until={go}"}
    threads = [threading.Thread(target=client.invoke_endpoint, kwargs=given) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: plane.running("limited") == 2)
    told = refused(client.invoke_endpoint, EndpointName="limited", Body=b"")
    assert told == ("ThrottlingException", "Rate exceeded", 400)
    go.touch()
    for thread in threads:
        thread.join()
    assert said(plane, "limited") == {"echo": 1}


def test_a_session_stays_with_its_replica(plane: Plane) -> None:
    plane.serve("sessions", plane.container("one"), plane.container("two"))
    client = plane.client()
    given = {"EndpointName": "sessions", "Body": b""}
    begun = client.invoke_endpoint(**given, SessionId="NEW_SESSION", CustomAttributes="session=s1")
    assert begun["NewSessionId"] == "s1; Expires=2030-01-01T00:00:00Z"
    home = begun["Body"].read().decode().partition(":")[0]
    assert said(plane, "sessions", 8, SessionId="s1") == {home: 8}
    ended = client.invoke_endpoint(**given, SessionId="s1", CustomAttributes="close=s1")
    assert ended["ClosedSessionId"] == "s1"
    assert len(said(plane, "sessions", 8)) == 2


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_variant_without_weight_is_only_reached_by_name(plane: Plane, weight: float) -> None:
    name = f"weight-{weight:.0f}"
    plane.put(plane.route(name, Variant("A", weight)), plane.replica(name, plane.container("a"), variant="A"))
    if weight:
        assert said(plane, name) == {"a": 1}
    else:
        assert refused(plane.client().invoke_endpoint, EndpointName=name, Body=b"")[0] == "ValidationError"
    assert said(plane, name, TargetVariant="A") == {"a": 1}
