"""How the agent asks a container: frames over its socket where it is ours, HTTP/1.1 over a kept connection else."""

from __future__ import annotations

import http.client
import itertools
import socket
import time
from typing import Any, Callable
from urllib.parse import urlsplit

from . import frames

_READ = 1 << 20
_REFUSED = (OSError, http.client.HTTPException, ValueError)

Sink = Callable[[bytes], object]


class Lost(Exception):
    """There was no answer: the connection ended, or the time was over."""


class Reply:
    """`body` is empty where the answer went into a sink."""

    __slots__ = ("body", "content_type", "status")

    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        self.status = status
        self.content_type = content_type
        self.body = body


class Client:
    """One container, one request at a time."""

    def __init__(self, path: str, url: str) -> None:
        self._talk: _Frames | _Web = _Frames(path) if path else _Web(url)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: Any, timeout: float, sink: Sink | None = None
    ) -> Reply:
        """`body` is bytes, or an iterator of bytes. A good answer goes into `sink`, as it comes, if there is one.
        Raises Lost.
        """
        try:
            return self._talk.ask(method, path, headers, body, timeout, sink)
        except _REFUSED as error:
            self._talk.close()
            raise Lost(f"{type(error).__name__}: {error}") from error


class _Kept:
    """A connection that is made when it is needed, and stays."""

    _connection: Any = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Frames(_Kept):
    def __init__(self, path: str) -> None:
        self._path = path
        self._reader = frames.Reader()
        self._numbers = itertools.count(1)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: Any, timeout: float, sink: Sink | None
    ) -> Reply:
        deadline = time.monotonic() + timeout
        connection = self._open(timeout)
        number = next(self._numbers)
        head = frames.head(method=method, path=path, headers=headers)
        if isinstance(body, bytes):
            connection.sendall(frames.pack(number, frames.WHOLE, head, body))
        else:
            connection.sendall(frames.pack(number, frames.BEGIN, head))
            for part in body:
                connection.sendall(frames.pack(number, frames.PART, b"", part))
            connection.sendall(frames.pack(number, frames.END))
        pieces: list[bytes] = []
        found: Any = None
        while True:
            for kind, told, part in self._told(connection, number, deadline):
                found = told if told is not None else found
                good = found is not None and found["status"] == http.client.OK
                (sink if sink is not None and good else pieces.append)(part)
                if kind in (frames.WHOLE, frames.END):
                    return Reply(found["status"], found["headers"].get("content-type", ""), b"".join(pieces))

    def _told(self, connection: socket.socket, number: int, deadline: float) -> list[tuple[int, Any, bytes]]:
        """Kind, head and body of the next messages of the answer."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left)
        data = connection.recv(_READ)
        if not data:
            raise ConnectionError("the container ended the connection")
        fed = self._reader.feed(data)
        told = [(kind, head, part) for found, kind, head, part in fed if found == number and kind != frames.STEPS]
        if any(kind == frames.CANCEL for kind, _, _ in told):
            raise ConnectionError("the container gave the request up")
        return told

    def _open(self, timeout: float) -> socket.socket:
        if self._connection is None:
            self._reader = frames.Reader()
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.settimeout(timeout)
            self._connection.connect(self._path)
        connection: socket.socket = self._connection
        connection.settimeout(timeout)
        return connection


class _Web(_Kept):
    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "", place.port

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: Any, timeout: float, sink: Sink | None
    ) -> Reply:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port)
        connection: http.client.HTTPConnection = self._connection
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        chunked = not isinstance(body, bytes)
        said = {**headers, "transfer-encoding": "chunked"} if chunked else headers
        connection.request(method, path, body=body, headers=said, encode_chunked=chunked)
        answer = connection.getresponse()
        pieces: list[bytes] = []
        take = sink if sink is not None and answer.status == http.client.OK else pieces.append
        for part in iter(lambda: answer.read(_READ), b""):
            take(part)
        return Reply(answer.status, answer.headers.get("content-type", ""), b"".join(pieces))
