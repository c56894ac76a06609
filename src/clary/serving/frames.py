"""A container of ours: frames over a unix socket, many requests at a time on each connection.

The format: images/runtime/frames.py.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import cast

from clary.compute.reach import reached
from clary.images.runtime import frames
from clary.serving.answers import Head
from clary.serving.container import Asked, Call, Headers, Opening
from clary.serving.kept import Kept

log = logging.getLogger(__name__)
PAUSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # seconds between attempts to connect; the last one for ever
LINKS = 64  # connections to one container at most: how many it wants is a number that users write
SPARE = 4  # connections of streams that are kept for the next ones
PIECE = 64 << 20  # bytes of one part of an answer
_LATER = {frames.PART, frames.END}
_clock = time.perf_counter


class _Reader(frames.Reader):
    """Heads are read as answers' heads; of a body that is longer than its call has use for, no more than that."""

    def __init__(self, variant: str, pending: dict[int, Call]) -> None:
        super().__init__()
        self._variant = variant
        self._pending = pending

    def _most(self, number: int, kind: int) -> int:
        if kind != frames.WHOLE:
            return PIECE
        call = self._pending.get(number)
        return call.limit if call else 0

    def _parsed(self, head: bytes) -> Head:
        told = json.loads(head)
        try:
            return Head(told["status"], told.get("headers") or {}, self._variant)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not the head of an answer") from error


class FramesContainer:
    def __init__(self, hostname: str, socket: str, links: int, variant: str, changed: Callable[[], None]) -> None:
        self.hostname = hostname
        self.usable = False
        self.changed = changed
        self.variant = variant
        self._socket = socket
        self._up: list[Link] = []
        self._alone: set[Link] = set()  # those of streams, which may be paused
        self._spare: set[Link] = set()  # of these, those that nobody uses now
        self._opening: Opening[Link] = Opening(self._lone, self.free, lambda: None)
        self._heads: Kept[Asked, bytes] = Kept(_head)
        self._closed = False
        loop = asyncio.get_running_loop()
        self._tasks = {loop.create_task(self._connect(0)) for _ in range(min(max(links, 1), LINKS))}

    def send(self, call: Call, path: str, headers: Headers, body: bytes, method: str = "POST") -> None:
        head = self._heads[path, headers, method]
        up = self._up
        if not up:  # it went down while this came from another container of its pipeline
            call.sent = _clock()
            call.lost()
            return
        if call.streams:
            self._stream(call, head, body)
            return
        link = up[0] if len(up) == 1 else min(up, key=_load)
        link.send(call, head, body)

    def _stream(self, call: Call, head: bytes, body: bytes) -> None:
        """By a connection of its own: what its client does not read, the container does not send."""
        if self._spare:
            self._spare.pop().send(call, head, body)
        else:
            call.sent = _clock()
            self._opening.begin(call, lambda link: link.send(call, head, body))

    def free(self, link: "Link") -> None:
        """It is alone, and has been used."""
        if self._closed or len(self._spare) >= SPARE:
            link.close()
        else:
            self._spare.add(link)

    def cancel(self, call: Call) -> None:
        if isinstance(call.handle, tuple):
            link, number = call.handle
            link.cancel(number)
        else:
            self._opening.cancel(call)

    def pause(self, call: Call) -> None:
        if isinstance(call.handle, tuple):
            link, number = call.handle
            link.pause(number)

    def resume(self, call: Call) -> None:
        if isinstance(call.handle, tuple):
            link, number = call.handle
            link.resume(number)

    def sweep(self, now: float) -> None:
        for link in (*self._up, *self._alone):
            link.sweep(now)
        for call in [*self._opening.calls.values()]:
            if call.sent + call.patience < now:
                self.cancel(call)
                call.late()

    def close(self) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for link in (*self._up, *self._alone):
            link.close()

    def up(self, link: "Link") -> None:
        if self._closed:
            link.close()
        if link.alone:
            self._alone.add(link)
            return
        self._up.append(link)
        if not self.usable:
            self.usable = True
            self.changed()

    def down(self, link: "Link") -> None:
        if link.alone:
            self._alone.discard(link)
            self._spare.discard(link)
            return
        self._up.remove(link)
        if not self._up:
            self.usable = False
            self.changed()
        if not self._closed:
            short = _clock() - link.since < 1  # one that is always closed at once is not to be tried without a pause
            self._tasks.add(asyncio.get_running_loop().create_task(self._connect(4 if short else 0)))

    async def _lone(self) -> "Link":
        return await self._open(alone=True)

    async def _open(self, *, alone: bool) -> "Link":
        with reached(self._socket) as path:
            loop = asyncio.get_running_loop()
            _, link = await loop.create_unix_connection(lambda: Link(self, alone=alone), path)
        return link

    async def _connect(self, tries: int) -> None:
        while not self._closed:
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
            try:
                await self._open(alone=False)
                break
            except OSError:
                continue
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)


def _head(asked: Asked) -> bytes:
    path, headers, method = asked
    return frames.head(method=method, path=path, headers=dict(headers))


def _load(link: "Link") -> int:
    return len(link.pending)


class Link(asyncio.Protocol):
    """One connection. `alone`: it has one call at a time, which streams."""

    def __init__(self, container: FramesContainer, *, alone: bool) -> None:
        self._container = container
        self.alone = alone
        self._paused = False
        self.pending: dict[int, Call] = {}
        self._begun: set[int] = set()  # those of which parts are coming
        self._reader = _Reader(container.variant, self.pending)
        self._number = 0
        self._closing = False

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
            self._begun.discard(number)
            if self.alone:  # it sends, and does not read: this it notices
                self._transport.abort()
                return
            self._transport.write(frames.pack(number, frames.CANCEL))
            self._end()

    def pause(self, number: int) -> None:
        if number in self.pending and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self, number: int) -> None:
        if number in self.pending and self._paused:
            self.pending[number].sent = _clock()
            self._go_on()

    def _go_on(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._transport.resume_reading()
        self._paused = False

    def sweep(self, now: float) -> None:
        if self._paused:
            return
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
            for number, kind, head, body in self._reader.feed(data):
                call = pending.get(number)
                if call is None:
                    continue  # cancelled
                if kind == frames.WHOLE and head is not None and number not in self._begun:
                    del pending[number]
                    call.answered(head, body)
                else:
                    self._part(call, number, kind, head, body)
        except ValueError as error:
            log.warning("%s does not speak as it should: %s", self._container.hostname, error)
            self._transport.abort()
            return
        if self._closing or self.alone:
            self._end()

    def _part(self, call: Call, number: int, kind: int, head: Head, body: bytes) -> None:
        """Raises ValueError for what cannot come now."""
        begun = number in self._begun
        if kind == frames.WHOLE or (kind == frames.BEGIN and (begun or head is None)) or (kind in _LATER and not begun):
            raise ValueError(f"a message of kind {kind} out of turn, or without a head")
        if len(body) > PIECE:
            raise ValueError(f"a part of more than {PIECE} bytes")
        call.sent = _clock()
        if kind == frames.STEPS:
            call.stepped(frames.lasted(body))
        elif kind == frames.BEGIN:
            self._begun.add(number)
            call.began(head)
        elif kind == frames.PART:
            call.part(body)
        else:  # an END; or a CANCEL: it will not come to the end
            del self.pending[number]
            self._begun.discard(number)
            if kind == frames.END:
                call.ended()
            else:
                call.lost()

    def _end(self) -> None:
        if self.pending:
            return
        if self._closing:
            self._transport.close()
        elif self.alone and not self._transport.is_closing():
            self._go_on()
            self._container.free(self)
