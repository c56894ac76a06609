"""HTTP/1.1 on sockets: uvicorn's protocol with what a front door of AWS needs beside it.

CONNECT goes to the transparent proxy, headers have a limit, and a file leaves by sendfile.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADER_LIMIT = 64 * 1024  # bytes of request line and headers; AWS's services refuse between 8 and 64 KiB
AHEAD = 1 << 20  # bytes of a body that may wait to be taken, before the client has to
PIECE = 1 << 20  # bytes that one sendfile call may move while it holds the event loop

# What becomes of a connection whose first bytes ask for a proxy: the protocol to go on with, or None for plain HTTP.
Proxy = Callable[[asyncio.Transport, bytes, Callable[[], asyncio.Protocol]], asyncio.Protocol | None]


class Protocol(HttpToolsProtocol):
    """One connection. `proxy` is set by `Server`; None until then."""

    proxy: Proxy | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._again = lambda: type(self)(*arguments, **named)
        self._fresh = True
        self._inside = False  # a message has begun and not ended
        self._header_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self._fresh:
            self._fresh = False
            proxy = type(self).proxy
            if proxy is not None and (successor := proxy(self.transport, data, self._again)) is not None:
                self.connections.discard(self)
                self.transport.set_protocol(successor)
                return
        if not self._inside and b" /webhdfs/" in data[:16]:
            data = _ascii(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        self._inside = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._inside = False
        super().on_message_complete()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_LIMIT:
            raise ValueError("Request header section too large")  # httptools makes it a parser error: answer 400, close

    def _unsupported_upgrade_warning(self) -> None:
        """An offer that we don't take up, as HTTP lets us: nothing to warn of."""

    def on_headers_complete(self) -> None:
        extensions: dict[str, Any] = {}
        cast("dict[str, Any]", self.scope)["extensions"] = extensions
        super().on_headers_complete()
        exchange = Exchange(self, self.cycle)  # the task that answers has not begun yet
        extensions["clary.receive"] = exchange.receive
        extensions["clary.respond"] = exchange.respond
        if not self.transport.get_extra_info("sslcontext"):
            extensions["clary.sendfile"] = exchange.send_file

    def on_body(self, body: bytes) -> None:
        """As uvicorn's, but pieces are kept as they come rather than copied together, and more of them."""
        cycle: Any = self.cycle
        if cycle.response_complete:
            return
        cycle.pieces.append(body)
        cycle.waiting += len(body)
        if cycle.waiting > AHEAD:
            self.flow.pause_reading()
        cycle.message_event.set()


def _ascii(data: bytes) -> bytes:
    """Java's clients send what is not ASCII in a path as it is, which no parser takes."""
    line, end, rest = data.partition(b"\r\n")
    if line.isascii():
        return data
    return b"".join(b"%c" % byte if byte < 128 else b"%%%02X" % byte for byte in line) + end + rest


class Unsendable(Exception):
    """Nothing of an answer can be sent: a header would end early or is not Latin-1, or its file is gone or cut."""


def encoded(headers: dict[str, str]) -> bytes:
    """The lines of headers. Raises Unsendable."""
    head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if head.count("\n") != len(headers) or head.count("\r") != len(headers) or "\0" in head:
        raise Unsendable(f"a header has a line break in it: {headers!r}")
    try:
        return head.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Unsendable(str(error)) from error


class Exchange:
    """What ASGI has no message for, of one request on a connection that may have sent further ones already."""

    def __init__(self, protocol: Protocol, cycle: Any) -> None:
        self._protocol = protocol
        self._cycle = cycle
        cycle.pieces = []
        cycle.waiting = 0

    async def receive(self) -> tuple[list[bytes], bool] | None:
        """The pieces of the body that have come, and whether there are more; None if the client is gone."""
        cycle, protocol = self._cycle, self._protocol
        if cycle.waiting_for_100_continue and not protocol.transport.is_closing():
            protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        if not cycle.disconnected:
            protocol.flow.resume_reading()
            if not cycle.pieces and cycle.more_body:
                await cycle.message_event.wait()
            cycle.message_event.clear()
        if cycle.disconnected:
            return None
        pieces, cycle.pieces, cycle.waiting = cycle.pieces, [], 0
        return pieces, cycle.more_body

    def respond(self, status: int, headers: dict[str, str], body: bytes) -> bool:
        """A whole answer in one write: what uvicorn makes of two ASGI messages, for a third of the time.

        Names in lower case; `headers` has the content-length, unless the status excludes one. False, and nothing is
        sent, if the client does not read just now: then the answer must wait by way of ASGI. Raises ValueError for a
        header that would end early.
        """
        cycle, protocol = self._cycle, self._protocol
        if protocol.flow.write_paused:
            return False
        if cycle.disconnected:
            return True
        head = encoded(headers)
        if headers.get("connection") == "close":
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            head += b"connection: close\r\n"
        default = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
        pieces = (STATUS_LINE[status], default, head, b"\r\n", body)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        protocol.transport.write(b"".join(pieces))
        cycle.message_event.set()
        if not cycle.keep_alive:
            protocol.transport.close()
        cycle.on_response()
        return True

    async def send_file(self, file: int, offset: int, count: int) -> bool:
        """Sends `count` bytes of an open file from `offset`, between the ASGI messages of start and last body. False
        if they did not all leave, because the client is gone or the file is short: then there is no last message.
        """
        cycle, protocol = self._cycle, self._protocol
        protocol.transport.set_write_buffer_limits(high=0)
        await protocol.flow.drain()  # the headers are out: what follows goes past the transport, straight to the socket
        protocol.transport.set_write_buffer_limits()
        out = os.dup(protocol.transport.get_extra_info("socket").fileno())
        try:
            while count and not cycle.disconnected:
                try:
                    sent = os.sendfile(out, file, offset, min(count, PIECE))
                except BlockingIOError:
                    await self._writable(out)
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    break
                if not sent:
                    break  # the file is shorter than its row says
                offset, count = offset + sent, count - sent
                cycle.expected_content_length -= sent
        finally:
            os.close(out)
        if count:
            protocol.transport.close()
            cycle.response_complete = True
        return not count

    async def _writable(self, out: int) -> None:
        ready = asyncio.Event()
        loop = self._protocol.loop
        loop.add_writer(out, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(out)


class Server(uvicorn.Server):
    """Serves `app` on an already bound socket until SIGINT or SIGTERM, then ends what runs and returns."""

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        proxy: Proxy,
        ready: Callable[[], None],
        beside: Coroutine[Any, Any, None],
    ) -> None:
        """`ready` is called when requests can come; `beside` runs until the server ends."""
        settings = uvicorn.Config(
            app,
            http=cast("Any", type("ProxyingProtocol", (Protocol,), {"proxy": staticmethod(proxy)})),
            ws="none",
            loop="uvloop",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # or any local client could claim another's address, which policies ask for
            backlog=1024,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
        super().__init__(settings)
        self._listener = listener
        self._ready = ready
        self._beside = beside

    def serve_forever(self) -> None:
        self.run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._task = asyncio.get_running_loop().create_task(self._beside)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._task.cancel()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised again afterwards: being told to stop is no failure."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
