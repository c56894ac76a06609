"""A container that speaks HTTP/1.1, one request at a time on each of its kept connections."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import httptools

from clary.compute.reach import inside
from clary.serving.answers import Head, line
from clary.serving.container import Asked, Call, Headers, Opening
from clary.serving.kept import Kept

PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)  # seconds between attempts to connect; the last one for ever
ENTER = 5.0  # seconds to come into a container's network, and to connect there
HEADER_LIMIT = 64 * 1024  # bytes of an answer that come in a row and are no body
_clock = time.perf_counter


class WebContainer:
    def __init__(self, hostname: str, url: str, variant: str, changed: Callable[[], None], door: str = "") -> None:
        """`url`: http://host:port, in the network that the door leads to, if there is one."""
        self.hostname = hostname
        self.usable = True
        self.changed = changed
        self.variant = variant
        self._door = door
        host, _, port = url.removeprefix("http://").rstrip("/").rpartition(":")
        self._address = host.strip("[]"), int(port)
        self._host = line("host", f"{host}:{port}")
        self.idle: list[Link] = []
        self._busy: set[Link] = set()
        self._opening: Opening[Link] = Opening(self._connect, self.free, self._down)
        self._probing: asyncio.Task[None] | None = None
        self._heads: Kept[Asked, bytes] = Kept(self._head)
        self._closed = False

    def send(self, call: Call, path: str, headers: Headers, body: bytes, method: str = "POST") -> None:
        head = self._heads[path, headers, method]
        self.send_raw(call, b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))

    def _head(self, asked: Asked) -> bytes:
        path, headers, method = asked
        lines = b"".join(line(name, value) for name, value in headers)
        return b"%b %b HTTP/1.1\r\n%b%b" % (method.encode(), path.encode(), self._host, lines)

    def send_raw(self, call: Call, data: bytes) -> None:
        """A whole request as it is to be sent."""
        call.sent = _clock()
        if self.idle:
            self._ask(self.idle.pop(), call, data)
        else:
            self.fresh(call, data)

    def fresh(self, call: Call, data: bytes) -> None:
        """By a connection that is made for it."""
        self._opening.begin(call, lambda link: self._ask(link, call, data))

    def _ask(self, link: "Link", call: Call, data: bytes) -> None:
        call.handle = link
        self._busy.add(link)
        link.ask(call, data)

    async def _connect(self) -> "Link":
        loop = asyncio.get_running_loop()
        if not self._door:
            _, link = await loop.create_connection(lambda: Link(self), *self._address)
            return link
        connected = await asyncio.to_thread(inside, self._door, *self._address, ENTER)
        _, link = await loop.create_connection(lambda: Link(self), sock=connected)
        return link

    def _down(self) -> None:
        """It takes no connections: until it does, no more calls."""
        if self.usable:
            self.usable = False
            self.changed()
        if self._probing is None and not self._closed:
            self._probing = asyncio.get_running_loop().create_task(self._probe())

    async def _probe(self) -> None:
        tries = 0
        while not self._closed:
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
            try:
                link = await self._connect()
            except OSError:
                continue
            self.free(link)
            self.usable = True
            self._probing = None
            self.changed()
            return

    def cancel(self, call: Call) -> None:
        if isinstance(call.handle, Link):
            call.handle.abort()
        else:
            self._opening.cancel(call)

    def pause(self, call: Call) -> None:
        if isinstance(call.handle, Link):
            call.handle.pause(call)

    def resume(self, call: Call) -> None:
        if isinstance(call.handle, Link):
            call.handle.resume(call)

    def sweep(self, now: float) -> None:
        asked = [link.call for link in self._busy if link.call is not None and not link.paused]
        for call in [*asked, *self._opening.calls.values()]:
            if call.sent + call.patience < now:
                self.cancel(call)
                call.late()

    def free(self, link: "Link") -> None:
        """It has answered and can be asked again."""
        self._busy.discard(link)
        if self._closed or not link.keeps:
            link.abort()
        else:
            self.idle.append(link)

    def gone(self, link: "Link") -> None:
        self._busy.discard(link)
        if link in self.idle:
            self.idle.remove(link)

    def close(self) -> None:
        self._closed = True
        if self._probing is not None:
            self._probing.cancel()
        for link in list(self.idle):
            link.abort()


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, container: WebContainer) -> None:
        self._container = container
        self.call: Call | None = None
        self.keeps = True
        self.paused = False
        self._used = 0  # answers so far
        self._aside = 0  # bytes since the last ones of a body
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, call: Call, data: bytes) -> None:
        self.call = call
        self._data = data
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._size = 0
        self._head: Head | None = None
        self._heard = False
        self._aside = 0
        call.sent = _clock()
        self._transport.write(data)

    def pause(self, call: Call) -> None:
        if self.call is call and not self.paused:
            self.paused = True
            self._transport.pause_reading()

    def resume(self, call: Call) -> None:
        if self.call is call and self.paused:
            call.sent = _clock()
            self._go_on()

    def _go_on(self) -> None:
        if self.paused and not self._transport.is_closing():
            self._transport.resume_reading()
        self.paused = False

    def abort(self) -> None:
        self.call = None
        self._container.gone(self)
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.call is None:
            self.abort()  # it speaks without being asked
            return
        self._heard = True
        self._aside += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError):
            self._fail()
            self._transport.abort()
        if self._aside > HEADER_LIMIT:
            self._fail()
            self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._container.gone(self)
        call = self.call
        if call is None:
            return
        if self._used and not self._heard:  # closed by the other side before it had read the request: no failure
            self.call = None
            self._container.fresh(call, self._data)
        elif self._head is not None and not {"content-length", "transfer-encoding"} & self._headers.keys():
            self.on_message_complete()  # an answer that lasts until the connection ends
        else:
            self._fail()

    def _fail(self) -> None:
        call, self.call = self.call, None
        self._container.gone(self)
        if call is not None:
            call.lost()

    def on_message_begin(self) -> None:
        if self.call is None:
            self.abort()  # it says more than it was asked

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = {}
            return
        self._head = Head(status, self._headers, self._container.variant)
        assert self.call is not None
        if self.call.streams and status < 300:
            self.call.began(self._head)

    def on_body(self, body: bytes) -> None:
        self._aside = 0
        if self.call is None:
            return
        if self.call.streams and self._head is not None and self._head.status < 300:
            self.call.sent = _clock()
            self.call.part(body)
            return
        self._pieces.append(body)
        self._size += len(body)
        if self._size > self.call.limit and self._head is not None:
            self.keeps = False
            self._end(self._head, self.call)

    def on_message_complete(self) -> None:
        call, head = self.call, self._head
        if head is None or call is None:
            return  # 100 Continue; or whoever asked is gone
        self.keeps = self._parser.should_keep_alive() and not self._transport.is_closing()
        self._end(head, call)

    def _end(self, head: Head, call: Call) -> None:
        self.call = None
        self._go_on()
        self._used += 1
        body = b"".join(self._pieces)
        self._pieces, self._data, self._aside = [], b"", 0
        self._container.free(self)
        if call.streams and head.status < 300:
            call.ended()
        else:
            call.answered(head, body)
