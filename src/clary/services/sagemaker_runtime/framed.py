"""A model server of ours asked by its socket, from file to file: by frames (images/runtime/frames.py), of which
none is held as a whole.
"""

import json
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from clary.images.runtime import frames

PIECE = 1 << 20
_HEAD = struct.Struct("<IIBH")
_FIXED = _HEAD.size - 4  # what the length counts beside head and body


def ask(
    connection: socket.socket, headers: Mapping[str, str], source: BinaryIO, into: Path, deadline: float, most: int
) -> tuple[int, str]:
    """Status and content type of the answer; its body is in `into`, up to a little more than `most`. Raises OSError for
    a connection that breaks off, TimeoutError; and ValueError, TypeError or LookupError for what is no answer.
    """
    _send(
        connection,
        frames.pack(1, frames.BEGIN, frames.head(method="POST", path="/invocations", headers=headers)),
        deadline,
    )
    while piece := source.read(PIECE):
        _send(connection, frames.pack(1, frames.PART, b"", piece), deadline)
    _send(connection, frames.pack(1, frames.END), deadline)
    told: dict[str, object] = {}
    with into.open("wb") as file:
        while True:
            length, _, kind, width = _HEAD.unpack(b"".join(_take(connection, _HEAD.size, deadline)))
            if length < _FIXED + width or kind == frames.CANCEL:
                raise ValueError("the answer breaks off, or is none")
            if head := b"".join(_take(connection, width, deadline)):
                told = json.loads(head)
            for piece in _take(connection, length - _FIXED - width, deadline):
                file.write(b"" if kind == frames.STEPS else piece)
                if file.tell() > most:
                    break
            if kind in {frames.WHOLE, frames.END} or file.tell() > most:
                break
    status, said = told["status"], told.get("headers")
    if not isinstance(status, int) or not isinstance(said, dict):
        raise TypeError("the answer has no status")
    return status, str(said.get("content-type", ""))


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    _wait(connection, deadline)
    connection.sendall(data)


def _take(connection: socket.socket, size: int, deadline: float) -> Iterator[bytes]:
    """So many bytes, as they come."""
    while size:
        _wait(connection, deadline)
        data = connection.recv(min(size, PIECE))
        if not data:
            raise ConnectionResetError("its socket was closed")
        size -= len(data)
        yield data


def _wait(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
