"""The content of a request body that the client has compressed, as SDKs do for large PutMetricData calls.

https://smithy.io/2.0/spec/behavior-traits.html#requestcompression-trait
"""

import zlib

from clary.errors import Malformed, TooLarge
from clary.wire.message import Request

LIMIT = 256 << 20  # bytes that a compressed body may grow to


def is_compressed(request: Request) -> bool:
    return request.headers.get("content-encoding", "").rpartition(",")[2].strip().lower() == "gzip"


def content(request: Request) -> bytes:
    """The body, decompressed if it says that it is gzip. Raises errors.Malformed and TooLarge."""
    if not is_compressed(request) or not request.body:
        return request.body
    stream = zlib.decompressobj(31)
    try:
        plain = stream.decompress(request.body, LIMIT)
    except zlib.error as error:
        raise Malformed("The body is not gzip, as its Content-Encoding says") from error
    if stream.unconsumed_tail:
        raise TooLarge
    if not stream.eof:
        raise Malformed("The gzip body is cut off")
    return plain
