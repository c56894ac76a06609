"""Small real HTTP servers for the data plane's tests: a container that is not ours, and main's side of what it asks."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clary.store.routes import Web

CUSTOM = "x-amzn-sagemaker-custom-attributes"


class Server(ThreadingHTTPServer):
    """What it was asked, and how it answers: `answer(handler, body)` may write what it likes to handler.wfile."""

    daemon_threads = True

    def __init__(self, answer: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.open: list[Any] = []

    @property
    def port(self) -> int:
        return self.server_address[1]

    def container(self, hostname: str = "primary") -> Web:
        return Web(hostname, url=f"http://127.0.0.1:{self.port}")

    def get_request(self) -> Any:
        self.connections += 1
        found = super().get_request()
        self.open.append(found[0])
        return found

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        self.server.answer(self, body)

    do_POST = do_DELETE = do_GET = _do  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Not to the test's output."""


def say(handler: Any, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"content-length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def serving(answer: Any) -> Iterator[Server]:
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for connection in server.open:
            with contextlib.suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)


def as_told(handler: Any, body: bytes) -> None:
    """A container that does what the custom attributes say: close, until-close, chunked, cut, garbage, reset, hang,
    status=N.
    """
    wish, _, value = handler.headers.get(CUSTOM, "").partition("=")
    if wish == "garbage":
        handler.wfile.write(b"\x00\x01\x02 what?\r\n\r\n")
        handler.close_connection = True
    elif wish == "reset":
        handler.close_connection = True
    elif wish == "hang":
        handler.rfile.read(1)  # until the client goes away
    elif wish == "until-close":
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n" + body)
        handler.close_connection = True
    elif wish == "chunked":
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for part in (b"one;", b"two;", b"three"):
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            handler.wfile.flush()
            time.sleep(0.05)
        handler.wfile.write(b"0\r\n\r\n")
    elif wish == "cut":
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"4\r\none;\r\n")
        handler.wfile.flush()
        handler.close_connection = True
    else:
        say(handler, int(value) if wish == "status" else 200, b"web:" + body, content_type="text/plain")
        handler.close_connection = wish == "close"


def announce(home: Any, server: Server) -> None:
    """Makes `server` the main process of this home, as far as the data plane knows."""
    (home / "run.json").write_text(json.dumps({"pid": 1, "host": "127.0.0.1", "port": server.port}))
