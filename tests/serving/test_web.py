"""Containers that speak HTTP, well or badly, and what the data plane hands on to main."""

import pytest

from serving.bed import Plane, refused
from serving.web import announce, as_told, say, serving


def test_a_foreign_container_answers_over_kept_connections(plane: Plane) -> None:
    with serving(as_told) as server:
        plane.serve("foreign", server.container())
        client = plane.client()
        for number in range(20):
            body = b"%d" % number
            answer = client.invoke_endpoint(EndpointName="foreign", Body=body, ContentType="text/csv", Accept="a/b")
            assert answer["Body"].read() == b"web:" + body
            assert answer["ContentType"] == "text/plain"
        assert server.connections == 1
        method, path, headers, body = server.asked[-1]
        assert (method, path, body) == ("POST", "/invocations", b"19")
        assert headers == {
            "host": f"127.0.0.1:{server.port}",
            "content-type": "text/csv",
            "accept": "a/b",
            "content-length": "2",
        }


@pytest.mark.parametrize(
    ("wish", "expected"), [("until-close", b"1"), ("chunked", b"one;two;three"), ("close", b"web:1")]
)
def test_each_way_to_end_an_answer(plane: Plane, wish: str, expected: bytes) -> None:
    with serving(as_told) as server:
        plane.serve("ends", server.container())
        client = plane.client()
        for _ in range(3):  # a connection that the container closes in between is no failure
            answer = client.invoke_endpoint(EndpointName="ends", Body=b"1", CustomAttributes=wish)
            assert answer["Body"].read() == expected


@pytest.mark.parametrize("wish", ["garbage", "reset", "cut"])
def test_a_container_that_breaks_off(plane: Plane, wish: str) -> None:
    with serving(as_told) as server:
        plane.serve("breaks", server.container())
        client = plane.client()
        told = refused(client.invoke_endpoint, EndpointName="breaks", Body=b"1", CustomAttributes=wish)
        assert (told[0], told[2]) == ("ModelError", 424)
        assert len(server.asked) == 3
        assert client.invoke_endpoint(EndpointName="breaks", Body=b"1")["Body"].read() == b"web:1"


def test_what_it_refuses_and_when_it_hangs(impatient: Plane) -> None:
    plane = impatient
    with serving(as_told) as server:
        plane.serve("bad", server.container())
        call = plane.client().invoke_endpoint
        told = refused(call, EndpointName="bad", Body=b"1", CustomAttributes="status=400")
        assert told[1].startswith('Received client error (400) from primary with message "web:1". See ')
        told = refused(call, EndpointName="bad", Body=b"1", CustomAttributes="hang")
        assert "Your invocation timed out while waiting for a response from container primary." in told[1]


def test_a_container_that_is_away_comes_back(impatient: Plane) -> None:
    plane = impatient
    with serving(as_told) as server:
        container = server.container()
        plane.serve("away", container)
        client = plane.client()
        client.invoke_endpoint(EndpointName="away", Body=b"1")
    told = refused(client.invoke_endpoint, EndpointName="away", Body=b"1")
    assert told[0] in {"ServiceUnavailable", "ModelError"}
    with serving(as_told) as other:
        plane.serve("away", other.container())
        assert client.invoke_endpoint(EndpointName="away", Body=b"1")["Body"].read() == b"web:1"


def test_asynchronous_invocations_go_to_main_as_they_came(plane: Plane) -> None:
    with serving(
        lambda handler, _body: say(handler, 202, b'{"InferenceId": "i"}', content_type="application/json")
    ) as main:
        client = plane.client()
        given = {"EndpointName": "e", "InputLocation": "s3://b/k"}
        assert refused(client.invoke_endpoint_async, **given)[0] == "ServiceUnavailable"
        announce(plane.home, main)
        try:
            assert client.invoke_endpoint_async(**given)["InferenceId"] == "i"
        finally:
            (plane.home / "run.json").unlink()
        method, path, headers, _ = main.asked[-1]
        assert (method, path) == ("POST", "/endpoints/e/async-invocations")
        assert headers["host"] == f"127.0.0.1:{plane.port}"
        assert headers["x-amzn-sagemaker-inputlocation"] == "s3://b/k"
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert headers["x-clary-from"] == f"{(plane.home / 'serving' / 'token').read_text()} 127.0.0.1"


def test_a_serverless_variant_without_a_replica_asks_main_for_one(plane: Plane) -> None:
    def come(handler: object, _body: bytes) -> None:
        say(handler, 200, b"{}")
        plane.put(plane.replica("cold", container))

    container = plane.container()
    with serving(come) as main:
        announce(plane.home, main)
        try:
            plane.serve("cold", serverless=True, concurrency=5)
            assert plane.client().invoke_endpoint(EndpointName="cold", Body=b"1")["Body"].read() == b"echo:1"
        finally:
            (plane.home / "run.json").unlink()
        assert sum(plane.metrics("cold")["ModelSetupTime", "AllTraffic"].values()) == 1
        ((method, path, headers, body),) = main.asked
        assert (method, path) == ("POST", "/.clary/serving/want")
        assert headers["authorization"] == (plane.home / "serving" / "token").read_text()
        assert body == f'{{"endpoint":"{plane.arn("cold")}","variant":"AllTraffic"}}'.encode()
