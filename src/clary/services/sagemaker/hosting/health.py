"""Whether a replica's containers answer: GET /ping, until each has answered 200 once.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html#your-algorithms-inference-algo-ping-requests
"""

import re
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from clary.compute.reach import inside, reached
from clary.images.runtime import frames
from clary.store.routes import Framed, Replica, Web

ANSWER = 2.0  # seconds that a container has to answer
LONGEST = 1 << 20  # bytes of such an answer
STATUS = re.compile(rb"HTTP/1\.\d (\d{3})\b")
FIRST, MOST, PART = 0.01, 0.5, 0.1  # seconds between two questions: a part of the time since the first


class Health:
    """Asks in a thread for each replica. `tell` is called when there is news."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._asked: dict[int, threading.Event] = {}  # set: nobody wants to know any more
        self._found: dict[int, str] = {}
        self._lock = threading.Lock()

    def ask(self, replica: Replica, seconds: float) -> None:
        """Begins to ask a replica that is not being asked yet; it has so many seconds."""
        with self._lock:
            if replica.id in self._asked:
                return
            over = self._asked[replica.id] = threading.Event()
        threading.Thread(
            target=self._run, args=(replica, seconds, over), name=f"health-{replica.id}", daemon=True
        ).start()

    def found(self, number: int) -> str | None:
        """None as long as it is not known; "" if it is healthy; else what is wrong."""
        with self._lock:
            return self._found.get(number)

    def forget(self, number: int) -> None:
        with self._lock:
            self._found.pop(number, None)
            over = self._asked.pop(number, None)
        if over is not None:
            over.set()

    def close(self) -> None:
        for number in list(self._asked):
            self.forget(number)

    def _run(self, replica: Replica, seconds: float, over: threading.Event) -> None:
        began, said = time.monotonic(), ""
        for container in replica.containers:
            while (said := ping(container)) and (lasts := time.monotonic() - began) < seconds:
                if over.wait(min(MOST, max(FIRST, PART * lasts))):
                    return
        with self._lock:
            if not over.is_set():
                self._found[replica.id] = said
        self._tell()


def ping(container: Framed | Web) -> str:
    """What is wrong; nothing if it is well."""
    try:
        status = _by_socket(container.socket) if isinstance(container, Framed) else _by_web(container)
    except (OSError, ValueError, TypeError) as error:
        return f"{container.hostname} does not answer /ping ({error})"
    return "" if status == HTTPStatus.OK else f"{container.hostname} answers /ping with {status}"


def _by_web(container: Web) -> int:
    """No more is read than the status line; what comes after it is nobody's."""
    place, said = urlsplit(container.url), bytearray()

    def status(data: bytes) -> int | None:
        said.extend(data)
        line, ended, _ = said.partition(b"\r\n")
        if not ended:
            return None
        if not (found := STATUS.match(line)):
            raise ValueError("its answer is not HTTP/1.1")
        return int(found[1])

    with inside(container.door, place.hostname or "", place.port or 80, ANSWER) as connection:
        connection.sendall(f"GET /ping HTTP/1.1\r\nhost: {place.netloc}\r\nconnection: close\r\n\r\n".encode())
        return _answer(connection, status)


def _by_socket(path: str) -> int:
    """Our own servers are asked where the data plane asks them: without a network, there is no other way to them."""
    reader = frames.Reader()

    def status(data: bytes) -> int | None:
        heads = (head for _number, _kind, head, _body in reader.feed(data) if isinstance(head, dict))
        return next((int(head.get("status", 0)) for head in heads), None)

    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER)
        with reached(path) as place:
            connection.connect(place)
        connection.sendall(frames.pack(1, frames.WHOLE, frames.head(method="GET", path="/ping", headers={})))
        return _answer(connection, status)


def _answer(connection: socket.socket, status: Callable[[bytes], int | None]) -> int:
    """Reads until `status` knows, but no longer than an answer may take in all, whatever its pieces take."""
    deadline, left = time.monotonic() + ANSWER, LONGEST
    while left > 0 and (wait := deadline - time.monotonic()) > 0:
        connection.settimeout(wait)
        if not (data := connection.recv(1 << 16)):
            raise OSError("it closed the connection")
        if (found := status(data)) is not None:
            return found
        left -= len(data)
    raise TimeoutError("timed out")
