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
from clary.serving.kept import Kept
from clary.serving.routing import Routed
from clary.wire.message import Request

if TYPE_CHECKING:
    from clary.serving.app import Plane

HEADER_LIMIT = 64 * 1024  # bytes of request line and headers; AWS's services refuse between 8 and 64 KiB
AHEAD = 8  # requests that a client may send before it has had an answer
IDLE = 120.0  # seconds for a request to come whole, without any request, and for a client to read something
_names = Kept[bytes, str](lambda name: name.decode("latin-1").lower())
_clock = time.perf_counter


class Connection(asyncio.Protocol, Client):
    """One client's. `inside`: on the unix socket, where the owner of the home asks and nothing is signed."""

    def __init__(self, plane: "Plane", *, inside: bool = False) -> None:
        self.plane = plane
        self.inside = inside
        self.invocation: Invocation | None = None  # the one that runs
        self.busy = False
        self.began = self._began = _clock()  # when the first byte of the request that is answered had come
        self._keep = True
        self._waiting: deque[tuple[Request, bool, bool, float]] = deque()
        self._headers: dict[bytes, bytes] = {}
        # The parser calls this with each name and value. No function of ours would be as quick; of a header that comes
        # twice, which no API here has, the last one counts.
        self.on_header = self._headers.__setitem__
        self._parser = httptools.HttpRequestParser(self)
        self._size = 0  # of the body
        self._begun = 0  # requests, by the bytes that came last
        self._open = True  # whether a request is still to come whole
        self._aside = 0  # bytes of it that are not body: the head, sizes of chunks, trailers
        self._taking = False
        self._unread = False  # whether the client leaves its answers unread
        self._left = 0  # bytes of them at the last look
        self._moved = 0.0  # when there were others, or none
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
        size, rest = self._size, data
        self._begun = 0
        while rest:
            try:
                self._parser.feed_data(rest)
                break
            except httptools.HttpParserUpgrade as upgrade:
                rest = self._without_upgrade() + rest[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError:
                self._hang_up()
                break
        if self._open and self._size == size and self._begun < 2:  # all of it is one request's
            self._aside += len(data)
            if self._aside > HEADER_LIMIT:
                self._hang_up()

    def _without_upgrade(self) -> bytes:
        """The head again, as of a client that has not offered another protocol: HTTP/1.1 it stays.
        https://www.rfc-editor.org/rfc/rfc9110#section-7.8-15
        """
        if b"upgrade" not in map(bytes.lower, self._headers):
            return b""  # CONNECT, which is answered
        close = b"connection: close\r\n" if "close" in self._said.get("connection", "").lower() else b""
        kept = [each for each in self._headers.items() if each[0].lower() not in {b"upgrade", b"connection"}]
        lines = b"".join(b"%b: %b\r\n" % each for each in kept)
        return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (self._parser.get_method(), self._url, close, lines)

    def _hang_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(answers.plain(400, b"", self.plane.ids(), keep=False))
            self.transport.close()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        """The client does not read: nor is it read from, nor what streams to it, or answers would fill the memory."""
        self._unread = True
        self.transport.pause_reading()
        if self.invocation is not None:
            self.invocation.pause()

    def resume_writing(self) -> None:
        self._unread = False
        if self.invocation is not None:
            self.invocation.resume()
        self._read_on()

    def _read_on(self) -> None:
        if not self._unread and len(self._waiting) < AHEAD and not self.transport.is_closing():
            self.transport.resume_reading()

    def look(self, now: float) -> None:
        """To be called now and then: ends a connection whose client has long read nothing, or sent nothing whole."""
        left = self.transport.get_write_buffer_size()
        if left == 0 or left != self._left:
            self._left, self._moved = left, now
        elif self._moved + IDLE < now:
            self.transport.abort()
        if not self.busy and self._began + IDLE < now:
            self.transport.close()

    # What the parser finds, in this order.

    def on_message_begin(self) -> None:
        self._began = _clock()
        self._url = b""
        self._headers.clear()
        self._pieces: list[bytes] = []
        self._size = 0
        self._begun += 1
        self._open = True
        self._aside = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        self._said = {_names[name]: value.decode("latin-1") for name, value in self._headers.items()}
        if "expect" in self._said:
            if int(self._said.get("content-length", "0")) <= self.plane.body_limit:
                self.transport.write(answers.CONTINUE)
            elif not self.busy:  # it waits for a word, and what it would send is not wanted
                self._keep = False
                self._too_large()

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= self.plane.body_limit:
            self._pieces.append(body)
        else:  # what is refused is read to its end, so that the client gets to read why
            self._pieces.clear()

    def on_message_complete(self) -> None:
        if "upgrade" in self._said and self._parser.should_upgrade():
            return  # its body is still to come
        self._open = False
        if self.transport.is_closing():
            return
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
            self._too_large()
        else:
            self.plane.handle(self, request)

    def _too_large(self) -> None:
        # https://github.com/aws/sagemaker-python-sdk/issues/171
        said = b'{"message":"HTTP content length exceeded %d bytes."}' % self.plane.body_limit
        self.write(answers.plain(413, said, self.plane.ids(), keep=self._keep))

    def write(self, data: bytes) -> None:
        """A whole answer."""
        self.transport.write(data)
        self._next()

    def _next(self) -> None:
        self.invocation = None
        self.busy = False
        if not self._keep:
            self.transport.close()
        elif self._waiting and not self._taking:
            self._taking = True  # one that is answered at once comes back here: thousands would be too deep a stack
            try:
                while self._waiting and not self.busy and not self.transport.is_closing():
                    self._take(*self._waiting.popleft())
            finally:
                self._taking = False
            self._read_on()

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
        if self._unread and self.invocation is not None:  # perhaps it has left another answer unread before
            self.invocation.pause()

    def end(self, _invocation: Routed, error: AWSError | None) -> None:
        self.write(streams.end(error))
