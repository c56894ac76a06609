"""What CloudWatch is told."""

import json
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.serving.meter import rounded
from serving.bed import Plane, refused


def test_each_invocation_is_counted_once(plane: Plane) -> None:
    plane.serve("counted", plane.container(), plane.container())
    plane.metrics("counted")
    client = plane.client()
    for _ in range(3):
        client.invoke_endpoint(EndpointName="counted", Body=b"")
    for status in (400, 500, 503):
        refused(client.invoke_endpoint, EndpointName="counted", Body=b"", CustomAttributes=f"status={status}")
    found = plane.metrics("counted")
    name = "AllTraffic"
    assert found["Invocations", name] == {1: 6}
    assert found["InvocationsPerInstance", name] == {0.5: 6}
    assert found["Invocation4XXErrors", name] == {1: 1, 0: 5}
    assert found["Invocation5XXErrors", name] == {1: 2, 0: 4}
    assert found["InvocationModelErrors", name] == {1: 3, 0: 3}
    assert sum(found["ModelLatency", name].values()) == sum(found["OverheadLatency", name].values()) == 6
    client.invoke_endpoint(EndpointName="counted", Body=b"", CustomAttributes="sleep=0.2")
    ((latency, times),) = plane.metrics("counted")["ModelLatency", name].items()
    assert (latency >= 200_000, times) == (True, 1)
    assert plane.metrics("counted") == {}


def test_what_never_reached_a_model_is_no_invocation(plane: Plane) -> None:
    plane.serve("untouched", plane.container())
    plane.metrics("untouched")
    refused(plane.client().invoke_endpoint, EndpointName="untouched", Body=b"", TargetVariant="no")
    assert plane.metrics("untouched") == {}


def test_samples_have_the_form_that_main_reads(plane: Plane) -> None:
    plane.serve("form", plane.container())
    plane.metrics("form")
    plane.client().invoke_endpoint(EndpointName="form", Body=b"")
    _, body = plane.inside("POST", "/.clary/metrics")
    told = json.loads(body)
    mine = [sample for sample in told["samples"]["AWS/SageMaker"] if sample[1]["EndpointName"] == "form"]
    by_name = {sample[0]: sample for sample in mine}
    name, dimensions, values, counts, unit, at = by_name["Invocations"]
    assert (name, values, counts, unit) == ("Invocations", [1.0], [1], "None")
    assert dimensions == {"EndpointName": "form", "VariantName": "AllTraffic"}
    assert at % 60 == 0
    assert by_name["ModelLatency"][4] == "Microseconds"


def test_containers_of_a_pipeline_have_their_latencies(plane: Plane) -> None:
    plane.serve("steps", plane.container("a", "first"), plane.container("b", "second"), mode="Serial")
    plane.metrics("steps")
    plane.client().invoke_endpoint(EndpointName="steps", Body=b"", CustomAttributes="sleep=0.1;show=1")
    found = plane.metrics("steps")
    for container in ("first", "second"):
        ((latency, times),) = found["ContainerLatency", "AllTraffic", container].items()
        assert times == 1
        assert latency >= 100_000
    ((whole, _),) = found["ModelLatency", "AllTraffic"].items()
    assert whole >= 200_000
    call = plane.client().invoke_endpoint_with_response_stream
    list(call(EndpointName="steps", Body=b"", CustomAttributes="parts=10")["Body"])
    found = plane.metrics("steps")
    assert all(found["ContainerLatency", "AllTraffic", container] for container in ("first", "second"))


def test_streams_tell_when_their_first_part_came(plane: Plane) -> None:
    plane.serve("first", plane.container())
    plane.metrics("first")
    call, go = plane.client().invoke_endpoint_with_response_stream, plane.folder / "go"
    began = time.monotonic()
    parts = iter(call(EndpointName="first", Body=b"", CustomAttributes=f"parts=2;go-on={go}")["Body"])
    next(parts)
    time.sleep(time.monotonic() - began)  # as long again
    go.touch()
    assert len(list(parts)) == 1
    found = plane.metrics("first")
    ((first, times),) = found["FirstChunkModelLatency", "AllTraffic"].items()
    ((whole, _),) = found["ModelLatency", "AllTraffic"].items()
    assert times == 1
    assert first < whole
    assert found["MidStreamErrors", "AllTraffic"] == {0: 1}


@given(st.floats(0, 4000))
def test_latencies_are_kept_to_three_digits(seconds: float) -> None:
    value, exact = rounded(seconds), seconds * 1_000_000
    assert value <= exact
    assert value >= exact * 0.99 - 1
    assert len(str(value).rstrip("0")) <= 3


def test_there_is_nothing_below_zero() -> None:
    assert rounded(-1e-9) == pytest.approx(0)


def test_what_reading_the_request_took_is_overhead(plane: Plane) -> None:
    plane.serve("slow", plane.container())
    plane.metrics("slow")
    head = b"POST /endpoints/slow/invocations HTTP/1.1\r\nHost: h\r\nx-clary-region: us-west-2\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(plane.home / "serving" / "inside.sock"))
        connection.sendall(head + b"Content-Length: 2\r\n\r\n1")
        plane.state()  # it has read so far
        time.sleep(0.2)
        connection.sendall(b"2")
        assert connection.recv(4096).endswith(b"echo:12")
    ((overhead, times),) = plane.metrics("slow")["OverheadLatency", "AllTraffic"].items()
    assert times == 1
    assert overhead >= 190_000
