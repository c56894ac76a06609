"""Bodies on their way in and out: the only place where the synchronous core and the sockets meet."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from clary.errors import TooLarge
from clary.gateway.http import Unsendable, encoded
from clary.wire.message import FileSlice, Request, Response, Sink

Receive = Callable[[], Awaitable[tuple[list[bytes], bool] | None]]  # http.Exchange.receive
Send = Callable[[dict[str, Any]], Awaitable[None]]

PIECE = 1 << 20  # bytes handed to a sink at once: enough for hashes to run without the interpreter lock
_BODILESS = (204, 304)
SMALL = 1 << 16  # a file up to this size is read and sent in one go; a larger one leaves by sendfile


class Gone(Exception):
    """The client closed the connection before its request was whole."""


async def whole(request: Request, receive: Receive, limit: int) -> bytes:
    """The request's body in memory. Raises TooLarge or Gone."""
    if _length(request) > limit:
        raise TooLarge
    kept: list[bytes] = []
    size = 0
    more = True
    while more:
        pieces, more = await _next(receive)
        kept += pieces
        size += sum(map(len, pieces))
        if size > limit:
            raise TooLarge
    return kept[0] if len(kept) == 1 else b"".join(kept)


async def _next(receive: Receive) -> tuple[list[bytes], bool]:
    received = await receive()
    if received is None:
        raise Gone
    return received


def _length(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def pump(receive: Receive, sink: Sink, pool: Executor) -> tuple[list[bytes], int]:
    """Feeds the body to the sink, in the pool, while more of it arrives; returns the last pieces, not yet written, and
    the size of the whole. On any failure the sink is aborted.
    """
    loop = asyncio.get_running_loop()
    writing: asyncio.Future[None] | None = None
    waiting: list[bytes] = []
    size = written = 0
    more = True
    try:
        while more:
            pieces, more = await _next(receive)
            waiting += pieces
            size += sum(map(len, pieces))
            if more and size - written >= PIECE:
                if writing is not None:
                    await writing
                writing = loop.run_in_executor(pool, sink.write, waiting)
                waiting, written = [], size
        if writing is not None:
            await writing
    except BaseException:
        if writing is not None:
            await asyncio.wait([writing])
        await loop.run_in_executor(pool, sink.abort)
        raise
    return waiting, size


async def send(response: Response, scope: dict[str, Any], send: Send, pool: Executor) -> None:
    """Sends the whole answer. A file is opened first, so that nobody can take it away meanwhile."""
    body = response.body
    if isinstance(body, FileSlice):
        await _send_file(response, body, scope, send, pool)
    elif isinstance(body, bytes):
        await _send_bytes(response, body, scope, send)
    else:
        await _start(response, send)
        await _stream(body, send, pool)


async def _send_bytes(response: Response, body: bytes, scope: dict[str, Any], send: Send) -> None:
    if response.status not in _BODILESS:
        response.headers.setdefault("content-length", str(len(body)))
    if scope["method"] == "HEAD":
        body = b""
    respond = scope["extensions"]["clary.respond"]
    if not respond(response.status, response.headers, body):
        await _start(response, send)
        await send({"type": "http.response.body", "body": body})


async def _send_file(response: Response, part: FileSlice, scope: dict[str, Any], send: Send, pool: Executor) -> None:
    try:
        file = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Unsendable(str(error)) from error
    try:
        if os.fstat(file).st_size < part.offset + part.length:
            raise Unsendable(f"{part.path} is shorter than its row says")
        if part.length <= SMALL:
            await _send_bytes(response, os.pread(file, part.length, part.offset), scope, send)
            return
        response.headers.setdefault("content-length", str(part.length))
        await _start(response, send)
        send_file = scope["extensions"].get("clary.sendfile")
        if send_file is not None:
            if await send_file(file, part.offset, part.length):
                await send({"type": "http.response.body", "body": b""})
        else:
            await _stream(_pieces(file, part), send, pool)
    finally:
        os.close(file)


async def _start(response: Response, send: Send) -> None:
    encoded(response.headers)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _stream(body: Iterator[bytes], send: Send, pool: Executor) -> None:
    loop = asyncio.get_running_loop()
    end = object()
    while (piece := await loop.run_in_executor(pool, next, body, end)) is not end:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _pieces(file: int, part: FileSlice) -> Iterator[bytes]:
    offset, end = part.offset, part.offset + part.length
    while offset < end and (piece := os.pread(file, min(PIECE, end - offset), offset)):
        offset += len(piece)
        yield piece
