"""The model server: loads, listens, answers, and ends when it is told to.

A thread for each connection: it takes all the requests that wait in it, has them answered together, and sends the
answers at once.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import frames, web
from .application import Application
from .messages import Answer
from .told import Told

PATIENCE = 25.0  # seconds for requests that run when the end is asked for; SageMaker kills after 30
_READ = 1 << 18  # bytes at a time
_SMALL = 1 << 16  # bytes of a body that are joined with its head


def serve(image: str) -> int:
    """Until SIGTERM or SIGINT. The exit code: 1 when there is no model to serve."""
    told = Told(image)
    try:
        application = _load(told)
    except Exception as error:  # noqa: BLE001 - whatever it is, the log says it
        traceback.print_exc()
        print(f"The model cannot be loaded: {error}", file=sys.stderr, flush=True)
        return 1
    server = Server(application)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    if told.socket:
        server.listen(_unix(told.socket), _frames)
    server.listen(_tcp(told.host, told.port), web.serve)
    print("The model server is ready.", flush=True)
    server.wait()
    application.close()
    return 0


def _load(told: Told) -> Application:
    entry = told.entries[0]
    module = importlib.import_module(f"..{entry.image}.serving", __package__)
    return Application(module.load(entry.folder, entry.environ), told.workers, None)


def _tcp(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def _unix(path: str) -> socket.socket:
    """A socket that the last server left is replaced."""
    if Path(path).exists():
        Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    return listener


class Server:
    def __init__(self, application: Any) -> None:
        self._application = application
        self._listeners: list[socket.socket] = []
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()

    def listen(self, listener: socket.socket, talk: Callable[[Any, socket.socket], None]) -> None:
        """`talk` has a connection until its end."""
        listener.listen(1024)
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, talk), daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def wait(self) -> None:
        """Until stop(); then what has come in is answered, and nothing more is taken."""
        while not self._over.wait(3600):
            pass
        for listener in self._listeners:
            listener.close()
        with self._lock:
            for connection in self._open:
                _shut(connection)
            threads = list(self._threads)
        deadline = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _accept(self, listener: socket.socket, talk: Callable[[Any, socket.socket], None]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if self._over.is_set() or listener.fileno() < 0:
                    return
                time.sleep(0.05)  # no file is left to open: the next may find one
                continue
            thread = threading.Thread(target=self._talk, args=(connection, talk), daemon=True)
            with self._lock:
                self._open.add(connection)
                self._threads.add(thread)
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
                self._open.discard(connection)
                self._threads.discard(threading.current_thread())
            connection.close()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # what has arrived can still be read


def _frames(application: Any, connection: socket.socket) -> None:
    """Frames in, frames out, until the other side ends."""
    reader = frames.Reader()
    heads: dict[tuple[int, str], bytes] = {}
    halves: dict[int, tuple[Any, list[bytes]]] = {}
    while True:
        data = connection.recv(_READ)
        if not data:
            return
        numbers, calls = [], []
        for number, kind, head, body in reader.feed(data):
            if kind == frames.WHOLE:
                numbers.append(number)
                calls.append((head["method"], head["path"], head["headers"], body))
            elif kind == frames.BEGIN:
                halves[number] = (head, [body])
            elif kind == frames.PART:
                halves[number][1].append(body)
            elif kind == frames.END:
                begun, parts = halves.pop(number)
                numbers.append(number)
                calls.append((begun["method"], begun["path"], begun["headers"], b"".join(parts) + body))
            else:
                halves.pop(number, None)
        if calls:
            answers = application.answer(calls)
            _send(connection, heads, list(zip(numbers, answers)))  # noqa: B905 - strict is 3.10's


def _send(connection: socket.socket, heads: dict[tuple[int, str], bytes], answers: list[tuple[int, Answer]]) -> None:
    pieces, streams = [], []
    for number, answer in answers:
        if isinstance(answer.body, bytes):
            pieces.append(frames.pack(number, frames.WHOLE, _head(answer, heads), answer.body))
        else:
            streams.append((number, answer))
    if pieces:
        connection.sendall(b"".join(pieces))
    for number, answer in streams:
        connection.sendall(frames.pack(number, frames.BEGIN, _head(answer, heads)))
        for part in answer.body:
            connection.sendall(frames.pack(number, frames.PART, b"", part))
        connection.sendall(frames.pack(number, frames.END))


def _head(answer: Answer, heads: dict[tuple[int, str], bytes]) -> bytes:
    if answer.headers:
        return frames.head(status=answer.status, headers={"content-type": answer.content_type, **answer.headers})
    key = (answer.status, answer.content_type)
    if key not in heads:
        if len(heads) > 256:
            heads.clear()
        heads[key] = frames.head(status=answer.status, headers={"content-type": answer.content_type})
    return heads[key]
