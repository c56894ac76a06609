"""One container of a replica, as whoever sends a request to it sees it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from clary.serving.answers import Head

Headers = tuple[tuple[str, str], ...]  # names in lower case
Asked = tuple[str, Headers, str]  # path, headers and method: the same in many requests
L = TypeVar("L")


class Call(Protocol):
    """One request to a container. After `send`, one of these is called: `answered`; or `began`, `part` any number of
    times and `ended`; or, at any moment before the end, `lost` or `late`. Nothing is called after `cancel`.
    """

    sent: float  # when, or when it was last heard of; by time.perf_counter
    patience: float  # seconds until it is `late`, since `sent`
    limit: int  # bytes of a body; of one that is longer, what has come so far is enough
    streams: bool  # whether it wants the answer in parts as they come
    handle: object  # the container's own

    def answered(self, head: Head, body: bytes) -> None: ...
    def stepped(self, lasted: list[float]) -> None:
        """Just before the end of a fused pipeline's answer: the seconds of each model that has answered well."""

    def began(self, head: Head) -> None: ...
    def part(self, data: bytes) -> None: ...
    def ended(self) -> None: ...
    def lost(self) -> None:
        """The connection has died."""

    def late(self) -> None:
        """There was no answer within the time limit."""


class Container(Protocol):
    """Opened by its constructor, closed by `close`. `changed` is called whenever `usable` changes."""

    hostname: str
    usable: bool
    changed: Callable[[], None]

    def send(self, call: Call, path: str, headers: Headers, body: bytes, method: str = "POST") -> None: ...

    def cancel(self, call: Call) -> None: ...

    def pause(self, call: Call) -> None:
        """Of a call that streams: nothing more is read, and it is not late, until `resume`. It may be over."""

    def resume(self, call: Call) -> None: ...

    def sweep(self, now: float) -> None:
        """Gives up all calls that have been silent for too long."""

    def close(self) -> None:
        """Takes no more calls; what runs is answered before the connections close."""


class Opening(Generic[L]):
    """Calls whose connection is only just being made."""

    def __init__(
        self, connect: Callable[[], Awaitable[L]], free: Callable[[L], None], down: Callable[[], None]
    ) -> None:
        """`free` gets a connection that nobody waits for any more; `down` is called when there is none to be had."""
        self._connect = connect
        self._free = free
        self._down = down
        self.calls: dict[object, Call] = {}

    def begin(self, call: Call, use: Callable[[L], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._open(use))
        self.calls[task] = call
        call.handle = task

    def cancel(self, call: Call) -> None:
        self.calls.pop(call.handle, None)

    async def _open(self, use: Callable[[L], None]) -> None:
        try:
            link = await self._connect()
        except OSError:
            link = None
        call = self.calls.pop(asyncio.current_task(), None)
        if call is None:  # cancelled meanwhile
            if link is not None:
                self._free(link)
        elif link is None:
            self._down()
            call.lost()
        else:
            use(link)
