"""Event streams, both ways, against botocore's decoder."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStream, EventStreamBuffer
from botocore.exceptions import EventStreamError
from botocore.parsers import EventStreamCBORParser, EventStreamJSONParser, EventStreamXMLParser
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.errors import AWSError, Malformed
from clary.wire import eventstream, models
from clary.wire.message import Request
from clary.wire.parse import parse
from clary.wire.serialize import serialize


class Raw:
    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    def stream(self) -> Iterator[bytes]:
        yield from self._chunks


def events(service: str, name: str, result: dict[str, Any], parser: Any) -> Any:
    operation = models.service_model(service).operation_model(name)
    response = serialize(operation, result, "an-id")
    assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
    return EventStream(Raw(response.body), operation.get_event_stream_output(), parser(), name)


def test_invoke_endpoint_streams() -> None:
    parts = [{"PayloadPart": {"Bytes": b"a\x00"}}, {"PayloadPart": {"Bytes": b""}}]
    got = events("sagemaker-runtime", "InvokeEndpointWithResponseStream", {"Body": iter(parts)}, EventStreamJSONParser)
    assert list(got) == parts


def test_an_error_in_the_middle() -> None:
    def body(error: AWSError) -> Iterator[dict[str, Any]]:
        yield {"PayloadPart": {"Bytes": b"a"}}
        raise error

    for error in (AWSError("ModelStreamError", "broke", ErrorCode="X"), AWSError("Unmodelled", "broke")):
        got = events(
            "sagemaker-runtime", "InvokeEndpointWithResponseStream", {"Body": body(error)}, EventStreamJSONParser
        )
        read = iter(got)
        assert next(read) == {"PayloadPart": {"Bytes": b"a"}}
        with pytest.raises(EventStreamError, match=error.code("json")):
            next(read)


def test_s3_select() -> None:
    parts: list[dict[str, Any]] = [
        {"Records": {"Payload": b"1,2\n"}},
        {"Stats": {"Details": {"BytesScanned": 1, "BytesProcessed": 2, "BytesReturned": 3}}},
        {"End": {}},
    ]
    assert list(events("s3", "SelectObjectContent", {"Payload": parts}, EventStreamXMLParser)) == parts


def test_rpc_streams_begin_with_the_initial_response() -> None:
    parts = [{"SubscribeToShardEvent": {"Records": [], "ContinuationSequenceNumber": "1", "MillisBehindLatest": 0}}]
    parser = EventStreamCBORParser if models.protocol(models.service_model("kinesis")).endswith("cbor") else None
    got = events("kinesis", "SubscribeToShard", {"EventStream": parts}, parser or EventStreamJSONParser)
    assert got.get_initial_response().headers[":event-type"] == "initial-response"
    assert list(got) == parts


HEADERS = st.dictionaries(
    st.text("abc:-", min_size=1, max_size=20), st.one_of(st.booleans(), st.text(max_size=20), st.binary(max_size=20))
)


@settings(max_examples=50, database=None)
@given(sent=st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=4), cut=st.integers(1, 15))
def test_frames(sent: list[tuple[dict[str, Any], bytes]], cut: int) -> None:
    body = b"".join(eventstream.encode(headers, payload) for headers, payload in sent)
    assert [(message.headers, message.payload) for message in eventstream.messages(body)] == sent
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    assert [(message.headers, message.payload) for message in buffer] == sent
    if body:
        with pytest.raises(Malformed):
            list(eventstream.messages(body[:-cut]))


@settings(max_examples=50, database=None)
@given(at=st.integers(0, 60), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(at: int, bit: int) -> None:
    body = bytearray(eventstream.encode({":event-type": "x", "n": 1, "t": 1.5}, b"payload", {"t": "timestamp"}))
    body[at % len(body)] ^= 1 << bit
    with pytest.raises(Malformed):
        list(eventstream.messages(bytes(body)))


def test_events_that_come_in() -> None:
    operation = models.service_model("lexv2-runtime").operation_model("StartConversation")
    event = {":message-type": "event", ":event-type": "TextInputEvent", ":content-type": "application/json"}
    inner = eventstream.encode(event, b'{"text": "hello", "eventId": "1"}')
    signed = eventstream.encode({":chunk-signature": b"x" * 32, ":date": 1.0}, inner, {":date": "timestamp"})
    last = eventstream.encode({":chunk-signature": b"x" * 32, ":date": 1.0}, b"", {":date": "timestamp"})
    got = parse(operation, Request("POST", "/", body=signed + last), {})
    assert got["requestEventStream"] == [{"TextInputEvent": {"text": "hello", "eventId": "1"}}]
    with pytest.raises(Malformed, match="no event"):
        parse(operation, Request("POST", "/", body=eventstream.encode({":event-type": "Nope"}, b"")), {})
