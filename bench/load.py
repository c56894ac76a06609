"""Requests on kept sockets, signed before the clock starts, from one light process: so that the server is what is
measured and not the client.
"""

import re
import selectors
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.servers import Server

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass
class Measured:
    """What a load saw: seconds of each request in the order they ended, and of the whole."""

    took: list[float] = field(default_factory=list)
    whole: float = 0.0
    cpu: float = 0.0  # seconds of the server's

    @property
    def rate(self) -> float:
        return len(self.took) / self.whole

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        if len(self.took) == 1:
            return self.took[0] * 1000
        return statistics.quantiles(self.took, n=1000, method="inclusive")[round(share * 1000) - 1] * 1000


def presigned(server: Server, method: str, paths: Sequence[str], body: bytes = b"") -> list[bytes]:
    """S3 requests as they go over the wire, each signed in its query."""
    parts = urlsplit(server.url)
    signer = S3SigV4QueryAuth(_credentials(server), "s3", server.region, expires=3600)
    found = []
    for path in paths:
        request = AWSRequest(method, f"{server.url}{path}")
        signer.add_auth(request)
        target = request.url.removeprefix(f"{parts.scheme}://{parts.netloc}")
        length = f"Content-Length: {len(body)}\r\n" if method == "PUT" else ""
        found.append(f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{length}\r\n".encode() + body)
    return found


def signed(server: Server, service: str, headers: dict[str, str], body: bytes, count: int) -> list[bytes]:
    """`count` POSTs of one operation as they go over the wire. Each has its own signature, as with a real client: an
    invocation id is among what is signed.
    """
    netloc = urlsplit(server.url).netloc
    signer = SigV4Auth(_credentials(server), service, server.region)
    found = []
    for number in range(count):
        own = {**headers, "amz-sdk-invocation-id": f"{number:032x}"}
        request = AWSRequest("POST", f"{server.url}/", headers=own, data=body)
        signer.add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        head = f"POST / HTTP/1.1\r\nHost: {netloc}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        found.append(head.encode() + body)
    return found


def drive(server: Server, requests: Sequence[bytes], connections: int, seconds: float = 120) -> Measured:
    """Sends each request once, `connections` at a time, each connection its next when the last is answered. Stops
    sending after `seconds`. Raises RuntimeError at the first answer that is no success.
    """
    parts = urlsplit(server.url)
    address = (parts.hostname, parts.port)
    measured = Measured()
    waiting = iter(requests)
    pending: dict[int, tuple[float, bytearray]] = {}
    clock = time.perf_counter
    with selectors.DefaultSelector() as ready:
        cpu, began = server.cpu(), clock()

        def send(connection: socket.socket) -> None:
            request = next(waiting, None) if clock() - began < seconds else None
            if request is None:
                ready.unregister(connection)
                connection.close()
                return
            pending[connection.fileno()] = clock(), bytearray()
            connection.sendall(request)

        def connect() -> None:
            connection = socket.create_connection(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(connection, selectors.EVENT_READ)
            send(connection)

        for _ in range(connections):
            connect()
        while ready.get_map():
            for key, _ in ready.select(timeout=60) or _stalled(server):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                sent, answer = pending[key.fd]
                data = connection.recv(262_144)
                answer += data
                if data and not _whole(answer):
                    continue
                if not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
                    raise RuntimeError(f"{server.name} answered {bytes(answer[:600])!r}")
                measured.took.append(clock() - sent)
                if not data or CLOSE.search(answer):  # a server that keeps no connections: that is its speed
                    ready.unregister(connection)
                    connection.close()
                    connect()
                else:
                    send(connection)
        measured.whole, measured.cpu = clock() - began, server.cpu() - cpu
    return measured


def _whole(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    if found := LENGTH.search(answer, 0, end):
        return len(answer) >= end + 4 + int(found[1])
    if CHUNKED.search(answer, 0, end):
        return answer.endswith(b"0\r\n\r\n")
    return answer.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304"))


def _stalled(server: Server) -> list[tuple[selectors.SelectorKey, int]]:
    raise RuntimeError(f"{server.name} hasn't answered for a minute")


def _credentials(server: Server) -> Credentials:
    return Credentials(server.access_key, server.secret_key, server.token)
