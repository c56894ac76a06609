"""Sockets: each connection has a thread, and the end is waited for."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 25.0  # seconds for requests that run when the end is asked for; SageMaker kills after 30
_YIELD = 0.004  # seconds for which a process that has a connection leaves the next one to the others


def tcp(host: str, port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def unix(path: str) -> socket.socket:
    """A socket that the last server left is replaced."""
    if Path(path).exists():
        Path(path).unlink()
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(path)
    Path(path).chmod(0o666)  # a transform job's agent has another user; the folder above lets nobody else in
    return bound


class Server:
    """`shared`: other processes have one over the same bound sockets, and connections spread among them."""

    def __init__(self, application: Any, shared: bool) -> None:
        self._application = application
        self._shared = shared
        self._listeners: list[socket.socket] = []
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def listen(self, bound: socket.socket, talk: Callable[[Any, socket.socket], None]) -> None:
        """`talk` has a connection until its end."""
        bound.setblocking(False)
        bound.listen(1024)
        self._listeners.append(bound)
        threading.Thread(target=self._accept, args=(bound, talk), daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def wait(self) -> None:
        """Until stop(); then what has come in is answered, and nothing more is taken."""
        while not self._over.wait(3600):
            pass
        for listener in self._listeners:
            listener.close()
        with self._lock:
            there = dict(self._open)
        for connection in there:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # what has arrived can still be read
        deadline = time.monotonic() + PATIENCE
        for thread in there.values():
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _accept(self, bound: socket.socket, talk: Callable[[Any, socket.socket], None]) -> None:
        while not self._over.is_set():
            try:
                select.select([bound], [], [])
                if self._open and self._shared:
                    time.sleep(_YIELD * min(len(self._open), 8))
                connection, _ = bound.accept()
            except BlockingIOError:
                continue  # another process has it
            except (OSError, ValueError):
                if self._over.is_set() or bound.fileno() < 0:
                    return
                time.sleep(0.05)  # no file is left to open: the next may find one
                continue
            connection.setblocking(True)
            thread = threading.Thread(target=self._talk, args=(connection, talk), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _talk(self, connection: socket.socket, talk: Callable[[Any, socket.socket], None]) -> None:
        try:
            talk(self._application, connection)
        except OSError:
            pass  # whoever asked is gone
        except Exception:  # noqa: BLE001 - one connection's
            traceback.print_exc()
        finally:
            with self._lock:
                self._open.pop(connection, None)
            connection.close()
