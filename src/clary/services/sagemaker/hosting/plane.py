"""The data plane as the main process sees it: another process, which answers at a socket in the home."""

import http.client
import json
import os
import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from clary.errors import ClaryError

TIMEOUT = 10.0  # seconds, for what it answers from memory
GLANCE = 0.02  # seconds between two attempts to reach it


class PlaneGone(ClaryError):
    """The data plane does not answer; it is started again by itself."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:  # by way of its folder's handle: of a home that lies deep the path would be too long by itself
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)


class Plane:
    def __init__(self, home: Path) -> None:
        self._path = home / "serving" / "inside.sock"

    def state(self) -> dict[str, Any] | None:
        """{"replicas": {id: {"running": n, ...}}, "endpoints": {ARN: {"invoked": seconds since the epoch, ...}}}; None
        if it is gone.
        """
        try:
            return self._json("GET", "/.clary/state")
        except PlaneGone:
            return None

    def metrics(self) -> dict[str, Any]:
        """{"samples": {namespace: [[name, dimensions, values, counts, unit, seconds since the epoch], ...]}, "regions":
        {namespace: [the region of each sample]}}, which it then forgets.
        """
        return self._json("POST", "/.clary/metrics")

    def refresh(self) -> None:
        """Returns once it knows what the routing table has now; also if there is none, since the next reads it."""
        try:
            self._json("POST", "/.clary/refresh")
        except PlaneGone:
            return

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = TIMEOUT,
        patience: float = 0.0,
    ) -> http.client.HTTPResponse:
        """The answer, whose body is still to be read. `patience`: how many seconds to wait for a data plane that is
        only just being started. Raises PlaneGone.
        """
        connection = _Connection(self._path, timeout)
        try:
            _connect(connection, patience)
            connection.request(method, path, body, {**(headers or {}), "connection": "close"})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise PlaneGone(f"{PlaneGone.__doc__} ({error})") from error

    def _json(self, method: str, path: str) -> dict[str, Any]:
        answer = self.send(method, path)
        try:
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise PlaneGone(f"{PlaneGone.__doc__} ({error})") from error
        finally:
            answer.close()
        if answer.status != HTTPStatus.OK:
            raise PlaneGone(f"The data plane answers {answer.status} to {path}")
        found: dict[str, Any] = json.loads(said or b"{}")
        return found


def _connect(connection: _Connection, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.connect()
        except OSError:
            connection.close()
            if time.monotonic() >= deadline:
                raise
            time.sleep(GLANCE)
        else:
            return
