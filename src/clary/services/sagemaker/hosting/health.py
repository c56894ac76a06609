"""Whether a replica's containers answer: GET /ping, until each has answered 200 once.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html#your-algorithms-inference-algo-ping-requests
"""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from clary.compute.reach import reached
from clary.images.runtime import frames
from clary.store.routes import Container, Replica

ANSWER = 2.0  # seconds that a container has to answer
LONGEST = 1 << 20  # bytes of such an answer
FIRST, MOST = 0.01, 0.5  # seconds between two questions: more from one to the next


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
        deadline, pause, said = time.monotonic() + seconds, FIRST, ""
        for container in replica.containers:
            while (said := ping(container)) and time.monotonic() < deadline:
                if over.wait(pause):
                    return
                pause = min(MOST, pause * 1.5)
        with self._lock:
            if not over.is_set():
                self._found[replica.id] = said
        self._tell()


def ping(container: Container) -> str:
    """What is wrong; nothing if it is well."""
    try:
        status = _by_socket(container.socket) if container.socket else _by_web(container.url)
    except (OSError, ValueError, TypeError, http.client.HTTPException) as error:
        return f"{container.hostname} does not answer /ping ({error})"
    return "" if status == HTTPStatus.OK else f"{container.hostname} answers /ping with {status}"


def _by_web(url: str) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=ANSWER)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status
    finally:
        connection.close()


def _by_socket(path: str) -> int:
    """Our own servers are asked where the data plane asks them: without a network, there is no other way to them."""
    reader, deadline = frames.Reader(), time.monotonic() + ANSWER
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER)
        with reached(path) as place:
            connection.connect(place)
        connection.sendall(frames.pack(1, frames.WHOLE, frames.head(method="GET", path="/ping", headers={})))
        left = LONGEST
        while (data := connection.recv(1 << 16)) and time.monotonic() < deadline and left > 0:
            left -= len(data)
            for _number, _kind, head, _body in reader.feed(data):
                if not isinstance(head, dict):
                    raise TypeError("an answer without a head")
                return int(head.get("status", 0))
    raise OSError("its socket was closed, or an answer is not whole")
