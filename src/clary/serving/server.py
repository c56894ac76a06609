"""HTTP/1.1 as clients speak it: callbacks only, nothing waits for anything here.

One connection carries one invocation at a time; what is sent ahead waits for its turn.
"""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from clary.errors import AWSError
from clary.serving import answers, streams
from clary.serving.answers import Head
from clary.serving.client import Client
from clary.serving.invocation import Invocation
from clary.serving.routing import Routed
from clary.wire.message import Request

if TYPE_CHECKING:
    from clary.serving.app import Plane

HEADER_LIMIT = 64 * 1024  # bytes of request line and headers; AWS's services refuse between 8 and 64 KiB
AHEAD = 8  # requests that a client may send before it has had an answer
UNREAD = 64 << 20  # bytes of answers that a client may leave unread


class _Names(dict[bytes, str]):
    """Names of headers as they were sent -> in lower case. Those that are not known yet are put in."""

    def __missing__(self, name: bytes) -> str:
        if len(self) >= 1024:
            self.clear()
        made = self[name] = name.decode("latin-1").lower()
        return made


_names = _Names()
_clock = time.perf_counter


class Connection(asyncio.Protocol, Client):
    """One client's. `inside`: on the unix socket, where the owner of the home asks and nothing is signed."""

    def __init__(self, plane: "Plane", *, inside: bool = False) -> None:
        self.plane = plane
        self.inside = inside
        self.invocation: Invocation | None = None  # the one that runs
        self.busy = False
        self.began = 0.0  # when the first byte of the request that is answered had come
        self._keep = True
        self._waiting: deque[tuple[Request, bool, bool, float]] = deque()
        self._headers: dict[bytes, bytes] = {}
        # The parser calls this with each name and value. No function of ours would be as quick; of a header that comes
        # twice, which no API here has, the last one counts.
        self.on_header = self._headers.__setitem__
        self._parser = httptools.HttpRequestParser(self)
        self._in_head = True
        self._head_bytes = 0
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        self.plane.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self.plane.connections.discard(self)
        self._waiting.clear()
        invocation, self.invocation = self.invocation, None
        if invocation is not None:
            invocation.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._hang_up()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEADER_LIMIT:
                self._hang_up()

    def _hang_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(answers.plain(400, b"", self.plane.ids(), keep=False))
            self.transport.close()

    def eof_received(self) -> bool:
        return False

    # What the parser finds, in this order.

    def on_message_begin(self) -> None:
        self._began = _clock()
        self._url = b""
        self._headers.clear()
        self._pieces: list[bytes] = []
        self._size = 0
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._said = {_names[name]: value.decode("latin-1") for name, value in self._headers.items()}
        if "expect" in self._said and int(self._said.get("content-length", "0")) <= self.plane.body_limit:
            self.transport.write(answers.CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= self.plane.body_limit:
            self._pieces.append(body)
        else:  # what is refused is read to its end, so that the client gets to read why
            self._pieces.clear()

    def on_message_complete(self) -> None:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        request = Request(method, path, query, self._said, body, "http", self.peer)
        too_large = self._size > self.plane.body_limit
        keep = self._parser.should_keep_alive()
        if self.busy:
            self._waiting.append((request, keep, too_large, self._began))
            if len(self._waiting) >= AHEAD:
                self.transport.pause_reading()
        else:
            self._take(request, keep, too_large, self._began)

    def _take(self, request: Request, keep: bool, too_large: bool, began: float) -> None:
        self.busy = True
        self.began = began
        self._keep = keep and not self.plane.stopping
        if too_large:
            # https://github.com/aws/sagemaker-python-sdk/issues/171
            said = b'{"message":"HTTP content length exceeded %d bytes."}' % self.plane.body_limit
            self.write(answers.plain(413, said, self.plane.ids(), keep=self._keep))
        else:
            self.plane.handle(self, request)

    def write(self, data: bytes) -> None:
        """A whole answer."""
        self.transport.write(data)
        self._next()

    def _next(self) -> None:
        self.invocation = None
        self.busy = False
        if not self._keep:
            self.transport.close()
        elif self._waiting:
            if len(self._waiting) == AHEAD:
                self.transport.resume_reading()
            self._take(*self._waiting.popleft())

    def say(self, status: int, body: bytes) -> None:
        """A whole answer that is JSON."""
        self.write(answers.plain(status, body, self.plane.ids(), keep=self._keep))

    def refused(self, error: AWSError, request_id: str) -> None:
        self.write(answers.refused(error, request_id, keep=self._keep))

    # What the invocation brings, as invocation.Client has it.

    def answer(self, invocation: Routed, head: Head, body: bytes) -> None:
        self.write(answers.good(head, invocation.id, body, keep=self._keep))

    def refuse(self, invocation: Routed, error: AWSError) -> None:
        self.refused(error, invocation.id)

    def begin(self, invocation: Routed, head: Head) -> None:
        self.transport.write(streams.begin(head, invocation.id, keep=self._keep))

    def part(self, _invocation: Routed, data: bytes) -> None:
        self.transport.write(streams.part(data))
        if self.transport.get_write_buffer_size() > UNREAD:
            self.transport.abort()

    def end(self, _invocation: Routed, error: AWSError | None) -> None:
        self.write(streams.end(error))
