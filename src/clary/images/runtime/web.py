"""The server's side of HTTP/1.1: kept connections, bodies by length or in chunks, answers whole or in chunks.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from .messages import Answer, Refused

MOST_HEAD = 1 << 16  # bytes of a request's line and headers
MOST_BODY = 1 << 30
_READ = 1 << 18
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class _Ended(Exception):
    """The other side has no more."""


def serve(application: Any, connection: socket.socket) -> None:
    """Answers until the connection ends, or either side wants it to."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = _Input(connection)
    while True:
        try:
            method, path, headers, kept = _head(reader)
            body = _body(reader, headers, application.largest or MOST_BODY)
        except _Ended:
            return
        except Refused as refused:
            _send(connection, Answer(refused.message.encode(), "text/plain", refused.status), False, True)
            _leave(connection)
            return
        answer = application.answer([(method, path, headers, body)])[0]
        _send(connection, answer, kept, method != "HEAD")
        if not kept:
            _leave(connection)
            return


def _leave(connection: socket.socket) -> None:
    """What is still being sent is taken, up to a point: closed upon it, the answer would be lost (RFC 9112, 9.6)."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(2)
        left = 1 << 26
        while left > 0:
            data = connection.recv(_READ)
            if not data:
                return
            left -= len(data)


class _Input:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = bytearray()

    def until(self, end: bytes, most: int, status: int) -> bytes:
        """What stands before `end`, which is taken too."""
        start = 0
        while True:
            at = self._rest.find(end, start)
            if at >= 0:
                found = bytes(self._rest[:at])
                del self._rest[: at + len(end)]
                return found
            if len(self._rest) > most:
                raise Refused(status, _PHRASES[status])
            start = max(len(self._rest) - len(end) + 1, 0)
            self._more()

    def exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        found = bytes(self._rest[:size])
        del self._rest[:size]
        return found

    def _more(self) -> None:
        data = self.connection.recv(_READ)
        if not data:
            raise _Ended
        self._rest += data


def _head(reader: _Input) -> tuple[str, str, dict[str, str], bool]:
    """Method, path, headers by lower-case name, and whether the connection is kept."""
    lines = reader.until(b"\r\n\r\n", MOST_HEAD, 431).decode("latin-1").lstrip("\r\n").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400, "The first line is no request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Refused(400, "A header is not of the form name: value")
        name, value = name.lower(), value.strip()
        headers[name] = headers[name] + "," + value if name in headers else value
    said = headers.get("connection", "").lower()
    kept = "close" not in said and (words[2] == "HTTP/1.1" or "keep-alive" in said)
    return words[0], words[1], headers, kept


def _body(reader: _Input, headers: dict[str, str], most: int) -> bytes:
    coding = headers.get("transfer-encoding", "").lower()
    told = headers.get("content-length", "0")
    if (coding and coding != "chunked") or (coding and "content-length" in headers):
        raise Refused(400, "The body's length is told in a way that is not understood")
    if not coding:
        if not (told.isascii() and told.isdigit()):
            raise Refused(400, "Content-Length is no number")
        if int(told) > most:
            raise Refused(413, _PHRASES[413])
    if headers.get("expect", "").lower() == "100-continue":
        reader.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return b"".join(_chunks(reader, most)) if coding else reader.exactly(int(told))


def _chunks(reader: _Input, most: int) -> Iterator[bytes]:
    total = 0
    while True:
        told = reader.until(b"\r\n", 4096, 400).partition(b";")[0].strip()
        try:
            size = int(told, 16)
        except ValueError:
            raise Refused(400, "A chunk's size is no number") from None
        total += size
        if size < 0 or total > most:
            raise Refused(413, _PHRASES[413])
        if size == 0:
            while reader.until(b"\r\n", MOST_HEAD, 431):
                pass  # trailers say nothing to a model
            return
        yield reader.exactly(size)
        if reader.exactly(2) != b"\r\n":
            raise Refused(400, "A chunk does not end where it says")


def _send(connection: socket.socket, answer: Answer, kept: bool, with_body: bool) -> None:
    lines = ["HTTP/1.1 {} {}".format(answer.status, _PHRASES.get(answer.status, "Unknown"))]
    if answer.content_type:
        lines.append("Content-Type: " + answer.content_type)
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if not kept:
        lines.append("Connection: close")
    whole = isinstance(answer.body, bytes)
    if answer.status != 204:  # which has no body: RFC 9112, 6.3
        lines.append(f"Content-Length: {len(answer.body)}" if whole else "Transfer-Encoding: chunked")
    lines = [" ".join(line.splitlines()) for line in lines]  # a script's header cannot end the head
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    if whole:
        connection.sendall(head + answer.body if with_body else head)
        return
    connection.sendall(head)
    for part in answer.body:
        if part:
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
    connection.sendall(b"0\r\n\r\n")
