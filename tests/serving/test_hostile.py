"""Clients and containers that mean harm, or speak badly: each harms itself alone."""

import contextlib
import os
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.images.runtime import frames
from clary.store.routes import Framed, Variant
from conftest import Platform
from endpoints import Endpoints
from serving.bed import TIMEOUT, Plane, refused
from serving.web import serving
from waiting import PATIENCE, until

ASK = b"POST /endpoints/%b/invocations HTTP/1.1\r\nHost: h\r\n%bContent-Length: %d\r\n\r\n%b"


def connect(plane: Plane, *, inside: bool = True) -> socket.socket:
    made = socket.socket(socket.AF_UNIX if inside else socket.AF_INET)
    made.settimeout(PATIENCE)
    made.connect(str(plane.home / "serving" / "inside.sock") if inside else ("127.0.0.1", plane.port))
    return made


def memory(plane: Plane) -> int:
    """Resident bytes of the data plane."""
    assert plane.process is not None
    pages = Path(f"/proc/{plane.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def read(connection: socket.socket, answers: int) -> bytes:
    got = b""
    while got.count(b"HTTP/1.1 ") < answers and (data := connection.recv(1 << 16)):
        got += data
    return got


def send(connection: socket.socket, data: bytes, times: int) -> None:
    for _ in range(times):
        connection.sendall(data)
        time.sleep(0.001)


# Clients


def test_thousands_of_requests_sent_ahead_are_each_answered(plane: Plane) -> None:
    plane.serve("ahead", plane.container())
    slow = b"x-amzn-sagemaker-custom-attributes: sleep=0.3\r\n"
    with connect(plane) as connection:
        connection.sendall(ASK % (b"ahead", slow, 0, b"") + b"GET / HTTP/1.1\r\n\r\n" * 3000)
        got = read(connection, 3001)
        assert got.count(b"HTTP/1.1 ") == 3001
        connection.sendall(ASK % (b"ahead", b"", 1, b"a"))
        assert b"echo:a" in connection.recv(1 << 16)


@pytest.mark.parametrize("inside", [True, False])
def test_what_never_ends_is_hung_up_on(plane: Plane, inside: bool) -> None:
    """Trailers count like a head: they are kept until the request is whole."""
    lines = b"".join(b"x%d: %b\r\n" % (number, b"y" * 1000) for number in range(64))
    begun = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    for data in (begun, b"POST / HTTP/1.1\r\n"):
        with connect(plane, inside=inside) as connection:
            connection.sendall(data)
            with pytest.raises(OSError, match=r"reset|pipe"):
                send(connection, lines, 1000)


def test_answers_that_are_not_read_end_the_reading(plane: Plane) -> None:
    before = memory(plane)
    with connect(plane, inside=False) as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            send(connection, b"GET / HTTP/1.1\r\n\r\n" * 4000, 1000)
        assert memory(plane) - before < 32 << 20
        connection.settimeout(PATIENCE)
        assert b"UnknownOperation" in connection.recv(1 << 16)


def test_an_offer_of_another_protocol_is_not_taken(plane: Plane) -> None:
    """Java's HttpClient makes it with each first request."""
    plane.serve("h2c", plane.container())
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    with connect(plane) as connection:
        connection.sendall((ASK % (b"h2c", offer, 1, b"a")) * 2)
        got = b""
        while got.count(b"echo:a") < 2:
            data = connection.recv(1 << 16)
            assert data, got
            got += data
        assert got.count(b"HTTP/1.1 200 OK") == got.count(b"HTTP/1.1 ") == 2


def test_who_asks_before_a_body_that_is_too_long_is_told(plane: Plane) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n"
    with connect(plane, inside=False) as connection:
        connection.sendall(head)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")
        assert connection.recv(1) == b""


# Containers


class Hostile:
    """A container of frames that answers each connection's bytes with what `answer` makes of them."""

    def __init__(self, path: Path, answer: Callable[[socket.socket, int], None]) -> None:
        self.path = path
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        reader = frames.Reader()
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                for number, kind, _, _ in reader.feed(data):
                    if kind == frames.WHOLE:
                        self._answer(connection, number)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def hostile() -> Iterator[Callable[[str, Any, Plane], None]]:
    """Makes an endpoint of one."""
    made: list[Hostile] = []

    def make(name: str, answer: Any, plane: Plane) -> None:
        made.append(Hostile(plane.folder / f"{name}.sock", answer))
        plane.serve(name, Framed("primary", socket=str(made[-1].path)))

    yield make
    for each in made:
        each.close()


GOOD = frames.head(status=200, headers={})
WRONG = {
    "no-head": lambda n: frames.pack(n, frames.WHOLE, b"", b"x"),
    "empty-begin": lambda n: frames.pack(n, frames.BEGIN),
    "end-only": lambda n: frames.pack(n, frames.END),
    "part-only": lambda n: frames.pack(n, frames.PART, b"", b"x"),
    "twice": lambda n: frames.pack(n, frames.BEGIN, GOOD) * 2,
    "both": lambda n: frames.pack(n, frames.BEGIN, GOOD) + frames.pack(n, frames.WHOLE, GOOD),
    "list": lambda n: frames.pack(n, frames.WHOLE, b"[200]"),
    "deep": lambda n: frames.pack(n, frames.WHOLE, b"[" * 60000),
    "status": lambda n: frames.pack(n, frames.WHOLE, b'{"status":"200"}'),
    "numbers": lambda n: frames.pack(n, frames.WHOLE, b'{"status":200,"headers":{"content-type":5}}'),
    "null": lambda n: frames.pack(n, frames.WHOLE, b'{"status":200,"headers":{"content-type":null}}'),
    "break": lambda n: frames.pack(n, frames.WHOLE, b'{"status":200,"headers":{"content-type":"a\\r\\nb: c"}}'),
    "beyond": lambda n: frames.pack(n, frames.WHOLE, b'{"status":200,"headers":{"content-type":"\\u1234"}}'),
    "short": lambda n: struct.pack("<IIBH", 3, n, 0, 0),
    "long": lambda n: struct.pack("<IIBH", 0xFFFFFFFF, n, 0, 0),
    "kind": lambda n: frames.pack(n, 77, GOOD),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_frames_that_are_none_are_an_error_of_their_own_endpoint(plane: Plane, hostile: Any, wrong: str) -> None:
    hostile(f"bad-{wrong}", lambda connection, number: connection.sendall(WRONG[wrong](number)), plane)
    plane.serve(f"good-{wrong}", plane.container())
    client = plane.client()
    assert refused(client.invoke_endpoint, EndpointName=f"bad-{wrong}", Body=b"1")[0] == "ModelError"
    assert client.invoke_endpoint(EndpointName=f"good-{wrong}", Body=b"1")["Body"].read() == b"echo:1"
    assert plane.state()["endpoints"][plane.arn(f"bad-{wrong}")]["running"] == 0


def test_an_answer_that_is_never_whole_is_not_kept(plane: Plane, hostile: Any) -> None:
    def answer(connection: socket.socket, number: int) -> None:
        length = 7 + len(GOOD) + (1 << 29)
        connection.sendall(struct.pack("<IIBH", length, number, frames.WHOLE, len(GOOD)) + GOOD)
        for _ in range(512):
            connection.sendall(bytes(1 << 20))
        connection.sendall(frames.pack(number + 1000, frames.WHOLE, GOOD, b"of nobody"))

    hostile("endless", answer, plane)
    before = memory(plane)
    client = plane.client()
    for _ in range(2):
        _, message, _ = refused(client.invoke_endpoint, EndpointName="endless", Body=b"1")
        assert "could not load the entire response body" in message
    assert memory(plane) - before < 100 << 20


def test_a_stream_that_is_captured_is_not_kept_as_a_whole(plane: Plane, hostile: Any) -> None:
    def answer(connection: socket.socket, number: int) -> None:
        connection.sendall(frames.pack(number, frames.BEGIN, GOOD))
        for _ in range(200):
            connection.sendall(frames.pack(number, frames.PART, b"", bytes(1 << 20)))
            time.sleep(0.005)  # what a client leaves unread is another matter
        connection.sendall(frames.pack(number, frames.END))

    hostile("river", answer, plane)
    config = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/p",
        "CaptureOptions": [{"CaptureMode": "Output"}],
    }
    plane.put(plane.route("river", Variant("AllTraffic", 1.0), capture=config))
    before = memory(plane)
    parts = plane.client().invoke_endpoint_with_response_stream(EndpointName="river", Body=b"1")["Body"]
    assert sum(len(event["PayloadPart"]["Bytes"]) for event in parts) == 200 << 20
    assert memory(plane) - before < 150 << 20


@pytest.mark.parametrize("ours", [True, False])
def test_of_a_stream_that_is_not_read_no_more_is_taken(impatient: Plane, hostile: Any, ours: bool) -> None:
    plane = impatient
    piece, pieces, sent = bytes(1 << 20), 200, 0

    def answer(connection: socket.socket, number: int) -> None:
        nonlocal sent
        connection.sendall(frames.pack(number, frames.BEGIN, GOOD))
        for _ in range(pieces):
            connection.sendall(frames.pack(number, frames.PART, b"", piece))
            sent += 1
        connection.sendall(frames.pack(number, frames.END))

    def answer_web(handler: Any, _body: bytes) -> None:
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (pieces * len(piece)))
        for _ in range(pieces):
            handler.wfile.write(piece)
            sent += 1

    name = f"dam-{ours}"
    with serving(answer_web) as server:
        if ours:
            hostile(name, answer, plane)
        else:
            plane.serve(name, server.container())
        before = memory(plane)
        parts = plane.client().invoke_endpoint_with_response_stream(EndpointName=name, Body=b"1")["Body"]
        until(lambda: sent)
        time.sleep(TIMEOUT + 1)  # it is not late: its client is
        assert sent < 40
        assert memory(plane) - before < 32 << 20
        if ours:
            assert refused(plane.client().invoke_endpoint, EndpointName=name, Body=b"1")[0] == "ModelError"
        assert sum(len(event["PayloadPart"]["Bytes"]) for event in parts) == pieces << 20
        assert memory(plane) - before < 64 << 20


def test_a_stream_whose_client_goes_ends_at_its_container_too(plane: Plane, hostile: Any) -> None:
    ended = threading.Event()

    def answer(connection: socket.socket, number: int) -> None:
        try:
            connection.sendall(frames.pack(number, frames.BEGIN, GOOD))
            while True:
                connection.sendall(frames.pack(number, frames.PART, b"", bytes(1 << 20)))
        finally:
            ended.set()

    hostile("gone", answer, plane)
    client = plane.client()
    parts = client.invoke_endpoint_with_response_stream(EndpointName="gone", Body=b"1")["Body"]
    parts.close()
    assert ended.wait(PATIENCE)
    until(lambda: plane.running("gone") == 0)


def test_a_container_cannot_lead_to_the_socket_of_another(impatient: Plane) -> None:
    plane = impatient
    secret = plane.container("secret")
    plane.serve("secret", secret)
    link = plane.folder / "link.sock"
    link.symlink_to(secret.socket)
    plane.serve("lead", Framed("primary", socket=str(link)))
    assert plane.client().invoke_endpoint(EndpointName="secret", Body=b"1")["Body"].read() == b"secret:1"
    assert refused(plane.client().invoke_endpoint, EndpointName="lead", Body=b"1")[0] == "ServiceUnavailable"


def test_a_home_may_lie_deep() -> None:
    """A path of a unix socket has at most 107 bytes. Main and the data plane speak by one in the home, and each of them
    with replicas.
    """
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    (folder / ("d" * 110)).mkdir()
    platform = Platform(folder / ("d" * 110) / "home").start()
    try:
        name = Endpoints(platform).serving()
        runtime = platform.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=b"1,2")
        assert 0 <= float(answer["Body"].read()) <= 1
    finally:
        platform.stop()
        shutil.rmtree(folder)


def test_a_socket_may_lie_deep(plane: Plane) -> None:
    container = plane.container()
    deep = plane.folder / ("d" * 120)
    deep.mkdir()
    Path(container.socket).rename(deep / "0.sock")
    plane.serve("deep", Framed("primary", socket=str(deep / "0.sock")))
    assert plane.client().invoke_endpoint(EndpointName="deep", Body=b"1")["Body"].read() == b"echo:1"


def test_the_second_container_of_a_pipeline_may_be_away(impatient: Plane) -> None:
    plane = impatient
    first, second = plane.container("one", "one"), plane.container("two", "two")
    (replica,) = plane.serve("half", first, second, mode="Serial")
    client, go = plane.client(), plane.folder / "go"
    assert client.invoke_endpoint(EndpointName="half", Body=b"1")["Body"].read() == b"two:one:1"

    def kill() -> None:
        until(lambda: plane.state()["replicas"][str(replica.id)]["running"])
        plane.containers[second.socket].kill()
        plane.containers[second.socket].wait()
        plane.state()  # the data plane has heard of it
        go.touch()

    meanwhile = threading.Thread(target=kill)
    meanwhile.start()
    told = refused(client.invoke_endpoint, EndpointName="half", Body=b"1", CustomAttributes=f"until={go}")
    meanwhile.join()
    assert told[0] == "ServiceUnavailable"
    assert plane.running("half") == 0


@pytest.mark.parametrize(
    "endless", [b"x: y\r\n" * 100, b"HTTP/1.1 100 Continue\r\n\r\n" * 100, b"\r\nx: " + b"y" * 999]
)
def test_a_head_without_an_end_is_given_up(plane: Plane, endless: bytes) -> None:
    def answer(handler: Any, _body: bytes) -> None:
        with contextlib.suppress(OSError):
            if endless.startswith(b"x"):
                handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            elif endless.startswith(b"\r"):
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0")
            while True:
                handler.wfile.write(endless)

    with serving(answer) as server:
        plane.serve("head", server.container())
        before = memory(plane)
        told = refused(plane.client().invoke_endpoint, EndpointName="head", Body=b"1")
        assert "ended before it had answered" in told[1]  # and not: in time
        assert memory(plane) - before < 50 << 20
