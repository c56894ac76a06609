"""The server's side of frames: all the requests that wait in a connection are answered together and sent at once."""

from __future__ import annotations

import socket
import time
import traceback
from typing import Any

from . import frames
from .messages import Answer

_READ = 1 << 18  # bytes at a time
_HEADS = 256  # heads of answers that are kept as bytes


def serve(application: Any, connection: socket.socket) -> None:
    """Until the other side ends."""
    talk = _Talk(application, connection)
    reader = frames.Reader()
    while True:
        data = connection.recv(_READ)
        if not data:
            return
        calls = []
        for number, kind, head, body in reader.feed(data):
            if kind == frames.WHOLE:
                calls.append((number, (head["method"], head["path"], head["headers"], body)))
            else:
                calls += talk.part(number, kind, head, body)
        if application.together:
            talk.answer(calls)
        else:
            for call in calls:
                talk.answer([call])


class _Talk:
    def __init__(self, application: Any, connection: socket.socket) -> None:
        self._application = application
        self._connection = connection
        self._heads: dict[tuple[int, str], bytes] = {}
        self._halves: dict[int, tuple[Any, list[bytes]]] = {}

    def part(self, number: int, kind: int, head: Any, body: bytes) -> list[Any]:
        """The call, when this was the last of its parts."""
        if kind == frames.BEGIN:
            self._halves[number] = (head, [body])
        elif number not in self._halves:
            return []  # cancelled
        elif kind == frames.PART:
            self._halves[number][1].append(body)
        else:
            begun, parts = self._halves.pop(number)
            if kind == frames.END:
                return [(number, (begun["method"], begun["path"], begun["headers"], b"".join(parts) + body))]
        return []

    def answer(self, calls: list[Any]) -> None:
        if not calls:
            return
        answers = self._application.answer([call for _, call in calls])
        pieces, streams = [], []
        for (number, _), answer in zip(calls, answers):
            if isinstance(answer.body, bytes):
                if answer.steps:
                    pieces.append(frames.steps(number, answer.steps))
                pieces.append(frames.pack(number, frames.WHOLE, self._head(answer), answer.body))
            else:
                streams.append((number, answer))
        if pieces:
            self._connection.sendall(b"".join(pieces))
        for number, answer in streams:
            self._stream(number, answer)

    def _stream(self, number: int, answer: Answer) -> None:
        """An answer that breaks off is cancelled: nobody may take it for whole."""
        send, began = self._connection.sendall, time.perf_counter()
        send(frames.pack(number, frames.BEGIN, self._head(answer)))
        try:
            for part in answer.body:
                send(frames.pack(number, frames.PART, b"", part))
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - whatever a script raises
            traceback.print_exc()
            send(frames.pack(number, frames.CANCEL))
        else:
            if answer.steps:
                *before, last = answer.steps
                send(frames.steps(number, [*before, last + time.perf_counter() - began]))
            send(frames.pack(number, frames.END))

    def _head(self, answer: Answer) -> bytes:
        if answer.headers:
            headers = {"content-type": answer.content_type, **{k.lower(): v for k, v in answer.headers.items()}}
            return frames.head(status=answer.status, headers=headers)
        key = (answer.status, answer.content_type)
        if key not in self._heads:
            if len(self._heads) >= _HEADS:
                self._heads.clear()
            self._heads[key] = frames.head(status=answer.status, headers={"content-type": answer.content_type})
        return self._heads[key]
