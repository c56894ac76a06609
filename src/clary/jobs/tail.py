"""What instances say, from their log files into the journal: each line once, whatever happens to us in between."""

import os
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import BinaryIO

from clary.jobs.recipe import Journal

CHUNK = 1 << 20  # bytes read at once
AT_ONCE = 8  # chunks, after which it is another instance's turn
LONGEST = 256 << 10  # bytes of a line, as of a log event:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
ATTEMPT = 1 << 48  # a new attempt has a new file, so a place is the attempt's number and the offset


class Tail:
    """One instance's log file. `ship` is called by one thread at a time."""

    def __init__(
        self,
        journal: Journal,
        stream: tuple[str, str],
        file: Path,
        attempt: int,
        heard: Callable[[list[str]], None],
        note: Path | None = None,
    ) -> None:
        """`heard` gets the lines after the journal has them: all of them, and after a crash of ours the last ones
        perhaps again. How far it has heard is in the file `note`, or in one beside the log.
        """
        self._journal, self._stream, self._file, self._heard = journal, stream, file, heard
        self._base = attempt * ATTEMPT
        self._offset = self._reached()
        self._note = note or file.with_name(f"{file.name}.heard")
        self._told = min(self._offset, self._noted())

    def ship(self, *, last: bool = False) -> None:
        """What is there now; `last`: all of it, also a line without an end, since nothing will follow."""
        try:
            if not self._behind():
                return
            with self._file.open("rb") as source:
                while self._told < self._offset:
                    self._again(source)
                for _ in count() if last else range(AT_ONCE):
                    if not self._piece(source, last=last):
                        break
        except FileNotFoundError:
            return  # nothing was said yet

    def _reached(self) -> int:
        """How far the journal has it."""
        return max(0, self._journal.origin(*self._stream) - self._base)

    def _behind(self) -> bool:
        size = os.stat(self._file).st_size  # noqa: PTH116 - ten times a second for every instance
        return size > self._offset or self._told < self._offset

    def _again(self, source: BinaryIO) -> None:
        """What the journal has, but nobody heard: we died in between."""
        source.seek(self._told)
        data = source.read(min(CHUNK, self._offset - self._told))
        lines, taken = cut(data, last=self._told + len(data) == self._offset)
        self._tell(lines, self._told + taken)

    def _tell(self, lines: list[str], until: int) -> None:
        self._heard(lines)
        self._told = until
        handle = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(handle, until.to_bytes(8), 0)  # in place, so that it is never half there
        finally:
            os.close(handle)

    def _noted(self) -> int:
        try:
            return int.from_bytes(self._note.read_bytes())
        except FileNotFoundError:
            return 0

    def _piece(self, source: BinaryIO, *, last: bool) -> bool:
        """Whether there may be more."""
        source.seek(self._offset)
        data = source.read(CHUNK)
        whole = len(data) < CHUNK  # a line that the chunk cuts goes on behind it
        lines, taken = cut(data, last=last and whole)
        if lines:
            at = int(time.time() * 1000)
            end = self._offset + taken
            try:
                self._journal.append(*self._stream, [(at, line) for line in lines], self._base + end)
            except OSError:
                self._offset = self._reached()
                raise
            self._offset = end
            self._tell(lines, self._offset)
        return not whole


class Tails:
    """Those of an attempt, none of them before `follow`."""

    def __init__(self) -> None:
        self._all: list[Tail] = []
        self._shipping = threading.Lock()

    def follow(self, tails: list[Tail]) -> None:
        with self._shipping:
            self._all = tails

    def ship(self, *, last: bool = False) -> None:
        with self._shipping:
            for tail in self._all:
                tail.ship(last=last)


def cut(data: bytes, *, last: bool) -> tuple[list[str], int]:
    """The whole lines at the start of `data`, and how many bytes they take. Longer ones than LONGEST come in pieces."""
    lines: list[str] = []
    taken = 0
    while taken < len(data):
        end = data.find(b"\n", taken, taken + LONGEST + 1)
        if end >= 0:
            line, following = data[taken:end].removesuffix(b"\r"), end + 1
        elif len(data) - taken >= LONGEST:
            line, following = data[taken : taken + LONGEST], taken + LONGEST
        elif last:
            line, following = data[taken:], len(data)
        else:
            break
        lines.append(line.decode("utf-8", "replace"))
        taken = following
    return lines, taken
