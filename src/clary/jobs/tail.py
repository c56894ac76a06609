"""What instances say, from their log files into the journal: each line once, whatever happens to us in between."""

import os
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
    ) -> None:
        """`heard` gets the lines after the journal has them."""
        self._journal, self._stream, self._file, self._heard = journal, stream, file, heard
        self._base = attempt * ATTEMPT
        origin = journal.origin(*stream)
        self._offset = max(0, origin - self._base)

    def ship(self, *, last: bool = False) -> None:
        """What is there now; `last`: all of it, also a line without an end, since nothing will follow."""
        try:
            if not self._behind():
                return
            with self._file.open("rb") as source:
                for _ in count() if last else range(AT_ONCE):
                    if not self._piece(source, last=last):
                        break
        except FileNotFoundError:
            return  # nothing was said yet

    def _behind(self) -> bool:
        return os.stat(self._file).st_size > self._offset  # noqa: PTH116 - ten times a second for every instance

    def _piece(self, source: BinaryIO, *, last: bool) -> bool:
        """Whether there may be more."""
        source.seek(self._offset)
        data = source.read(CHUNK)
        whole = len(data) < CHUNK  # a line that the chunk cuts goes on behind it
        lines, taken = cut(data, last=last and whole)
        if lines:
            at = int(time.time() * 1000)
            self._offset += taken
            self._journal.append(*self._stream, [(at, line) for line in lines], self._base + self._offset)
            self._heard(lines)
        return not whole


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
