"""The answer of InvokeEndpointWithResponseStream: an event for each part, in chunks.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

import orjson

from clary.errors import AWSError
from clary.serving.answers import CLOSE, PASSED, Head, line
from clary.serving.answers import STATUS as STATUS_LINE
from clary.wire import eventstream

MOST = 1 << 20  # bytes of one event
_PART = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}


def begin(head: Head, request_id: str, *, keep: bool) -> bytes:
    lines = [
        STATUS_LINE[200],
        line("content-type", eventstream.CONTENT_TYPE),
        line("x-amzn-sagemaker-content-type", head.content_type),
        line("x-amzn-invoked-production-variant", head.variant),
        line("x-amzn-requestid", request_id),
        *(line(name, head.headers[name]) for name in PASSED if name in head.headers),
        b"" if keep else CLOSE,
        b"transfer-encoding: chunked\r\n\r\n",
    ]
    return b"".join(lines)


def part(data: bytes) -> bytes:
    return b"".join(_chunk(eventstream.encode(_PART, data[at : at + MOST])) for at in range(0, len(data), MOST))


def end(error: AWSError | None) -> bytes:
    if error is None:
        return b"0\r\n\r\n"
    headers = {
        ":message-type": "exception",
        ":exception-type": error.code("json"),
        ":content-type": "application/json",
    }
    return _chunk(eventstream.encode(headers, orjson.dumps({**error.members, "Message": error.message}))) + end(None)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
