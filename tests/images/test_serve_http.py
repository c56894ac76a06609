"""The model server's own HTTP/1.1, however the bytes are cut, and whatever they are."""

import contextlib
import socket
import threading
from typing import Any

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.images.runtime import web
from clary.images.runtime.messages import Answer

BODIES = st.binary(max_size=80)
REQUESTS = st.lists(st.tuples(BODIES, st.booleans(), st.lists(st.integers(1, 30), max_size=4)), min_size=1, max_size=4)


class Echo:
    """Answers with what it is asked, whole or in parts."""

    largest: int | None = None

    def answer(self, calls: list[Any]) -> list[Answer]:
        method, path, headers, body = calls[0]
        if headers.get("x-parts"):
            return [Answer((body[n : n + 7] for n in range(0, len(body), 7)), "text/csv")]
        return [Answer(body, headers.get("content-type", "none"), headers={"x-asked": f"{method} {path}"})]


class Answers:
    """What httptools, which the plane reads with, makes of the answers."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        self.parser = httptools.HttpResponseParser(self)
        self._body = b""

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.statuses.append(self.parser.get_status_code())
        self.bodies.append(self._body)


def talk(pieces: list[bytes], largest: int | None = None) -> bytes:
    """All that comes back until the server ends the connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    listener.close()
    echo = Echo()
    echo.largest = largest

    def serve() -> None:
        with theirs:
            web.serve(echo, theirs)

    thread = threading.Thread(target=serve)
    thread.start()
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found = b""
    with ours:
        with contextlib.suppress(OSError):  # it may have heard enough
            for piece in pieces:
                ours.sendall(piece)
            ours.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while data := ours.recv(1 << 16):
                found += data
    thread.join()
    return found


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return pieces


@settings(max_examples=60)
@given(REQUESTS, st.lists(st.integers(1, 60), min_size=1))
def test_requests_are_answered_however_they_are_cut(
    asked: list[tuple[bytes, bool, list[int]]], cuts: list[int]
) -> None:
    data = b""
    for body, in_parts, chunks in asked:
        data += b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + (b"X-Parts: 1\r\n" if in_parts else b"")
        if chunks:
            data += b"Transfer-Encoding: chunked\r\n\r\n"
            data += b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in cut(body, chunks))
            data += b"0\r\nTrailer: x\r\n\r\n"
        else:
            data += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    answers = Answers()
    answers.parser.feed_data(talk(cut(data, cuts)))
    assert answers.bodies == [body for body, _, _ in asked]
    assert set(answers.statuses) == {200}


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_no_bytes_break_it(junk: bytes) -> None:
    found = talk([junk, b"\r\n\r\n"])
    assert found == b"" or found.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2"))


def test_what_is_wrong_is_said_and_ends_the_connection() -> None:
    line = b"POST / HTTP/1.1\r\n"
    wrong = [
        (b"nonsense\r\n\r\n", b"400"),
        (line + b"no header\r\n\r\n", b"400"),
        (line + b"Content-Length: five\r\n\r\n", b"400"),
        (line + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (line + b"Transfer-Encoding: gzip\r\n\r\n", b"400"),
        (line + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        (line + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc", b"400"),
        (line + b"Content-Length: 11\r\n\r\n", b"413"),
        (line + b"Transfer-Encoding: chunked\r\n\r\nff\r\n", b"413"),
        (line + b"A: " + b"b" * (1 << 17), b"431"),
    ]
    for data, status in wrong:
        found = talk([data], largest=10)
        assert found.startswith(b"HTTP/1.1 " + status), (data[:60], found)
        assert b"Connection: close" in found


def test_connections_are_kept_as_asked() -> None:
    ask = b"POST /invocations HTTP/1.%d\r\nContent-Type: a/b\r\nContent-Length: 1\r\n%b\r\nx"
    twice = talk([ask % (1, b"")] * 2)
    assert twice.count(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nx-asked: POST /invocations") == 2
    assert talk([ask % (1, b"Connection: close\r\n")] * 2).count(b"HTTP/1.1 200") == 1
    assert talk([ask % (0, b"")] * 2).count(b"HTTP/1.1 200") == 1
    assert talk([ask % (1, b"Expect: 100-continue\r\n")]).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert talk([b"HEAD /x HTTP/1.1\r\n\r\n"]).endswith(b"\r\n\r\n")
