"""A container of ours: frames over a unix socket, many requests at a time on each connection.

The format: images/runtime/frames.py.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any, cast

from clary.images.runtime import frames
from clary.serving.answers import Head
from clary.serving.container import Call, Headers

log = logging.getLogger(__name__)
PAUSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # seconds between attempts to connect; the last one for ever
KEPT = 1024  # heads in memory; beyond that it begins anew
_clock = time.perf_counter


class _Reader(frames.Reader):
    """Heads are read as answers' heads."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self._variant = variant

    def _head(self, data: bytes) -> Any:
        if not data:
            return None
        known = self._heads.get(data)
        if known is None:
            if len(self._heads) >= KEPT:
                self._heads.clear()
            told = json.loads(data)
            try:
                known = self._heads[data] = Head(told["status"], told.get("headers") or {}, self._variant)
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError("not the head of an answer") from error
        return known


class FramesContainer:
    def __init__(self, hostname: str, socket: str, links: int, variant: str, changed: Callable[[], None]) -> None:
        self.hostname = hostname
        self.usable = False
        self.changed = changed
        self.variant = variant
        self._socket = socket
        self._up: list[Link] = []
        self._heads: dict[tuple[str, Headers, str], bytes] = {}
        self._closed = False
        loop = asyncio.get_running_loop()
        self._tasks = {loop.create_task(self._connect(0)) for _ in range(max(links, 1))}

    def send(self, call: Call, path: str, headers: Headers, body: bytes, method: str = "POST") -> None:
        key = (path, headers, method)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= KEPT:
                self._heads.clear()
            head = self._heads[key] = frames.head(method=method, path=path, headers=dict(headers))
        up = self._up
        link = up[0] if len(up) == 1 else min(up, key=_load)
        link.send(call, head, body)

    def cancel(self, call: Call) -> None:
        link, number = cast("tuple[Link, int]", call.handle)
        link.cancel(number)

    def sweep(self, now: float) -> None:
        for link in self._up:
            link.sweep(now)

    def close(self) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for link in self._up:
            link.close()

    def up(self, link: "Link") -> None:
        if self._closed:
            link.close()
        self._up.append(link)
        if not self.usable:
            self.usable = True
            self.changed()

    def down(self, link: "Link") -> None:
        self._up.remove(link)
        if not self._up:
            self.usable = False
            self.changed()
        if not self._closed:
            short = _clock() - link.since < 1  # one that is always closed at once is not to be tried without a pause
            self._tasks.add(asyncio.get_running_loop().create_task(self._connect(4 if short else 0)))

    async def _connect(self, tries: int) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
            try:
                await loop.create_unix_connection(lambda: Link(self), self._socket)
                break
            except OSError:
                continue
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)


def _load(link: "Link") -> int:
    return len(link.pending)


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, container: FramesContainer) -> None:
        self._container = container
        self._reader = _Reader(container.variant)
        self._number = 0
        self._closing = False
        self.pending: dict[int, Call] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.since = _clock()
        self._container.up(self)

    def connection_lost(self, _error: Exception | None) -> None:
        calls = list(self.pending.values())
        self.pending.clear()
        self._container.down(self)
        for call in calls:
            call.lost()

    def send(self, call: Call, head: bytes, body: bytes) -> None:
        number = self._number = (self._number + 1) & 0xFFFFFFFF
        call.handle = (self, number)
        call.sent = _clock()
        self.pending[number] = call
        self._transport.write(frames.pack(number, frames.WHOLE, head, body))  # uvloop joins those of one turn

    def cancel(self, number: int) -> None:
        if self.pending.pop(number, None) is not None:
            self._transport.write(frames.pack(number, frames.CANCEL))
            self._end()

    def sweep(self, now: float) -> None:
        for number, call in list(self.pending.items()):
            if call.sent + call.patience < now:
                self.cancel(number)
                call.late()

    def close(self) -> None:
        """Once nothing runs any more."""
        self._closing = True
        self._end()

    def data_received(self, data: bytes) -> None:
        pending = self.pending
        try:
            found = self._reader.feed(data)
        except ValueError as error:
            log.warning("%s does not speak as it should: %s", self._container.hostname, error)
            self._transport.abort()
            return
        for number, kind, head, body in found:
            call = pending.get(number)
            if call is None:
                continue  # cancelled
            if kind == frames.WHOLE:
                del pending[number]
                call.answered(head, body)
            else:
                self._part(call, number, kind, head, body)
        if self._closing:
            self._end()

    def _part(self, call: Call, number: int, kind: int, head: Head, body: bytes) -> None:
        call.sent = _clock()
        if kind == frames.BEGIN:
            call.began(head)
        elif kind == frames.PART:
            call.part(body)
        else:  # an END; or a CANCEL: it will not come to the end
            del self.pending[number]
            if kind == frames.END:
                call.ended()
            else:
                call.lost()

    def _end(self) -> None:
        if self._closing and not self.pending:
            self._transport.close()
