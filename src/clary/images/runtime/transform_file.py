"""One input file to its output: batches are sent several at a time, answers written in the order of the records."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from .transform_model import Model, Refused
from .transform_process import Bad, place
from .transform_split import BLOCK, BadInput, Batch, batches, blocks
from .transform_told import MIB, Told

AHEAD = 2  # batches on their way for each thread: one is answered while the next is read
UNLIMITED = 100 * MIB  # of what is processed, which cannot stream


class Failed(Exception):
    """The file cannot be transformed. `fault` is ClientError or AlgorithmError; records `at` to `last` are to blame, if
    `at` is not 0.
    """

    def __init__(self, fault: str, head: str, message: str, at: int = 0, last: int = 0) -> None:
        super().__init__(message)
        self.fault = fault
        self.head = head
        self.message = message
        self.at = at
        self.last = max(last, at)


class Transform:
    """`models` are as many as may be asked at once; a thread has one at a time."""

    def __init__(self, told: Told, models: list[Model], pool: ThreadPoolExecutor) -> None:
        self._told = told
        self._models = deque(models)
        self._room = AHEAD * len(models)
        self._pool = pool

    def run(self, source: Path, target: Path) -> None:
        """`target` is there when all of it is. Raises Failed, and OSError."""
        part = target.with_name(target.name + ".part")
        waiting: deque[Future[bytes]] = deque()
        try:
            with source.open("rb") as file, part.open("wb", buffering=MIB) as out:
                opened: Any = gzip.GzipFile(fileobj=file) if self._told.gzip else file
                if self._streams:
                    self._stream(opened, out)
                else:
                    self._batches(opened, out, waiting)
            part.replace(target)
        except (EOFError, zlib.error, OSError) as error:
            if not self._told.gzip or getattr(error, "errno", None):
                raise
            raise Failed("ClientError", "The file cannot be decompressed as Gzip", str(error)) from error
        except BadInput as error:
            raise Failed("ClientError", str(error), "", error.at) from error
        finally:
            for future in waiting:
                future.cancel()
            for future in waiting:
                if not future.cancelled():
                    future.exception()
            if part.exists():
                part.unlink()

    @property
    def _streams(self) -> bool:
        told = self._told
        return not told.limit and not told.processing.active and (told.split == "None" or not told.single)

    def _stream(self, file: BinaryIO, out: BinaryIO) -> None:
        first = file.read(BLOCK)
        if not first and self._told.split != "None":
            return  # it has no records
        ends = b""

        def write(part: bytes) -> None:
            nonlocal ends
            out.write(part)
            ends = part[-1:] or ends

        try:
            write(self._models[0].ask(itertools.chain([first], blocks(file)), write).body)
        except Refused as refused:
            raise _failed(refused, 0, 0) from refused
        self._end(out, ends)

    def _batches(self, file: BinaryIO, out: BinaryIO, waiting: deque[Future[bytes]]) -> None:
        told = self._told
        limit = told.limit or (UNLIMITED if told.processing.active else 0)
        for batch in batches(file, told.split, told.single, limit):
            if len(waiting) >= self._room:
                self._write(out, waiting.popleft().result())
            waiting.append(self._pool.submit(self._answer, batch))
        while waiting:
            self._write(out, waiting.popleft().result())

    def _write(self, out: BinaryIO, answer: bytes) -> None:
        out.write(answer)
        self._end(out, answer)

    def _end(self, out: BinaryIO, ends: bytes) -> None:
        if self._told.assemble == "Line" and ends and not ends.endswith(b"\n"):
            out.write(b"\n")

    def _answer(self, batch: Batch) -> bytes:
        model = self._models.popleft()
        processing = self._told.processing
        try:
            if not processing.active:
                return model.ask(batch.body).body
            given, records = processing.given(batch.body)
            if not given:
                return b""
            reply = model.ask(given)
            return processing.kept(records, reply.body, reply.content_type)
        except Bad as bad:
            raise Failed("ClientError", str(bad), "", batch.first + place(batch.body, bad.at)) from bad
        except Refused as refused:
            raise _failed(refused, *self._culprit(model, batch, refused)) from refused
        finally:
            self._models.append(model)

    def _culprit(self, model: Model, batch: Batch, refused: Refused) -> tuple[int, int]:
        """The first record that is refused, by halves; several, if each half is answered by itself, or none was."""
        if self._told.split == "None":
            return 0, 0  # half a document is none
        if not refused.status:
            return batch.first, batch.first + batch.count - 1
        pieces, joint = batch.pieces, b""
        if pieces is None:
            pieces, joint = batch.body.split(b"\n"), b"\n"
        low, high = 0, len(pieces)
        while high - low > 1:
            middle = (low + high) // 2
            if self._refused(model, joint.join(pieces[low:middle])):
                high = middle
            elif self._refused(model, joint.join(pieces[middle:high])):
                low = middle
            else:
                break
        return batch.first + low, batch.first + high - 1

    def _refused(self, model: Model, body: bytes) -> bool:
        try:
            given = self._told.processing.given(body)[0] if self._told.processing.active else body
            if given:
                model.ask(given)
        except Refused:
            return True
        return False


def _failed(refused: Refused, first: int, last: int) -> Failed:
    fault = "ClientError" if 400 <= refused.status < 500 else "AlgorithmError"
    return Failed(fault, refused.head, refused.message, first, last)
