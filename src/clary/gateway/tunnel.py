"""Two connections joined, byte for byte."""

import asyncio
from typing import cast

import httptools


class Pipe(asyncio.Protocol):
    """One end of a tunnel: what arrives here is sent on at the other end, no faster than that takes it.

    The end of one direction is passed on and leaves the other open; when both have ended, or either connection breaks,
    so does the tunnel. One that says nothing for `idle` seconds is closed.
    """

    def __init__(self, idle: float) -> None:
        self._idle = idle
        self.transport: asyncio.Transport | None = None
        self.other: Pipe | None = None
        self.ended = False
        self._timer: asyncio.TimerHandle | None = None
        self.heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def join(self, other: "Pipe") -> None:
        """Both ends must be connected; what follows of their bytes flows."""
        for end, opposite in ((self, other), (other, self)):
            end.other = opposite
        self.heard = asyncio.get_running_loop().time()
        self._timer = asyncio.get_running_loop().call_later(self._idle, self._check_idle)

    def data_received(self, data: bytes) -> None:
        if (out := self._out()) is not None and not out.is_closing():
            self.heard = asyncio.get_running_loop().time()
            out.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        out = self._out()
        if out is None or self.other is None or self.other.ended:
            return False
        if out.can_write_eof():
            out.write_eof()
            return True
        return False

    def pause_writing(self) -> None:
        if (source := self._out()) is not None and not source.is_closing():
            source.pause_reading()

    def resume_writing(self) -> None:
        if (source := self._out()) is not None and not source.is_closing():
            source.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if (out := self._out()) is not None:
            if exc is None:
                out.close()
            else:
                out.abort()

    def _out(self) -> asyncio.Transport | None:
        return self.other.transport if self.other is not None else None

    def _check_idle(self) -> None:
        assert self.other is not None
        assert self.transport is not None
        loop = asyncio.get_running_loop()
        heard = max(self.heard, self.other.heard)
        if loop.time() - heard >= self._idle:
            self.transport.abort()
        else:
            self._timer = loop.call_at(heard + self._idle, self._check_idle)


class SingleRequest(Pipe):
    """The client's end where it may send one request and no more: the next one could be meant for another host."""

    def __init__(self, idle: float) -> None:
        super().__init__(idle)
        self._parser = httptools.HttpRequestParser(self)
        self._begun = False

    def on_message_begin(self) -> None:
        if self._begun:
            raise ValueError("a second request")
        self._begun = True

    def passes(self, data: bytes) -> bool:
        """Whether `data` is well-formed and still of the first request."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        return True

    def data_received(self, data: bytes) -> None:
        if self.passes(data):
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()


class Held(asyncio.Protocol):
    """Keeps what arrives while the next protocol is being made, and then hands it over."""

    def __init__(self) -> None:
        self._events: list[tuple[str, tuple[bytes] | tuple[Exception | None] | tuple[()]]] = []

    def data_received(self, data: bytes) -> None:
        self._events.append(("data_received", (data,)))

    def eof_received(self) -> bool:
        self._events.append(("eof_received", ()))
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._events.append(("connection_lost", (exc,)))

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        for event, arguments in self._events:
            getattr(protocol, event)(*arguments)
