"""InvokeEndpointWithResponseStream, through boto3's own reader of event streams."""

from typing import Any

import pytest
from botocore.exceptions import EventStreamError

from serving.bed import Plane, refused
from serving.web import as_told, serving


def parts(answer: Any) -> list[bytes]:
    return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]


def test_parts_arrive_as_events(plane: Plane) -> None:
    plane.serve("stream", plane.container())
    client = plane.client()
    call = client.invoke_endpoint_with_response_stream
    answer = call(EndpointName="stream", Body=b"", ContentType="text/csv", CustomAttributes="parts=3")
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert b"".join(parts(answer)) == b"0;1;2;"
    assert parts(call(EndpointName="stream", Body=b"whole")) == [b"echo:whole"]
    joined = client.invoke_endpoint(EndpointName="stream", Body=b"", CustomAttributes="parts=3")
    assert joined["Body"].read() == b"0;1;2;"
    shown = call(EndpointName="stream", Body=b"", Accept="text/html", CustomAttributes="show=1")
    assert b"('accept', 'text/html')" in parts(shown)[0]


def test_a_large_part_is_several_events(plane: Plane) -> None:
    plane.serve("bulk", plane.container())
    body = b"x" * (3 << 20)
    found = parts(plane.client().invoke_endpoint_with_response_stream(EndpointName="bulk", Body=body))
    assert len(found) == 4
    assert b"".join(found) == b"echo:" + body


@pytest.mark.parametrize("ours", [True, False])
def test_a_stream_that_breaks_off_ends_with_an_error(plane: Plane, ours: bool) -> None:
    with serving(as_told) as server:
        plane.serve("broken", plane.container() if ours else server.container())
        call = plane.client().invoke_endpoint_with_response_stream
        answer = call(EndpointName="broken", Body=b"", CustomAttributes="parts=2;cut" if ours else "cut")
        got: list[bytes] = []
        with pytest.raises(EventStreamError, match="did not complete sending the inference response") as caught:
            got.extend(event["PayloadPart"]["Bytes"] for event in answer["Body"])
        answer["Body"].close()
        assert b"".join(got) in {b"0;1;", b"one;"}
        assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert plane.metrics("broken")["MidStreamErrors", "AllTraffic"] == {1: 1}


def test_a_foreign_container_streams_too(plane: Plane) -> None:
    with serving(as_told) as server:
        plane.serve("web-stream", server.container())
        call = plane.client().invoke_endpoint_with_response_stream
        assert len(parts(call(EndpointName="web-stream", Body=b"", CustomAttributes="chunked"))) == 3
        told = refused(call, EndpointName="web-stream", Body=b"no", CustomAttributes="status=500")
        assert told[0] == "ModelError"
        assert told[1].startswith('Received server error (500) from primary with message "web:no".')


def test_only_the_last_container_of_a_pipeline_streams_to_the_client(plane: Plane) -> None:
    """What those before it say in parts is the next one's body: whole, or refused."""
    plane.serve("line", plane.container("a", "first"), plane.container("b", "second"), mode="Serial")
    call = plane.client().invoke_endpoint_with_response_stream
    answer = call(EndpointName="line", Body=b"", CustomAttributes="parts=3")
    assert b"".join(parts(answer)) == b"0;1;2;"
    told = refused(call, EndpointName="line", Body=b"", CustomAttributes="parts=3;cut")
    assert told[0] == "ModelError"
    assert "The container first ended before it had answered." in told[1]
    plane.serve("long", plane.container("a", "first"), plane.container("b", "second"), mode="Serial")
    told = refused(call, EndpointName="long", Body=b"", CustomAttributes=f"parts=2;wide={4 << 20}")
    assert "from first and could not load the entire response body." in told[1]
