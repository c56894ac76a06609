"""A stream of log lines in a file that only grows, with a sparse index beside it.

`<number>.log` is a row of frames: one `append` is one frame, or several of which all but the last say that more
follows. A frame has its checksum, so that what a crash cut off is known, and removed, when the stream is next opened.
`<number>.idx` has a record for each block, a run of whole frames of about 64 KiB: where it lies and between which times
its lines are. It is written after the frames, and what it lacks is read from them.

A line's place is (milliseconds since the epoch, number in the order of arrival): lines are read in the order of
places, which stay the same whatever comes later, also when it comes with an earlier time.
"""

import os
import struct
import threading
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from clary.errors import ClaryError

BLOCK = 64 << 10
ENDLESS = (1 << 62, 0)  # after every place
_FRAME = struct.Struct("<IIQQQI")  # crc of all that follows, bytes of entries, origin, ingested, first number, count
_ENTRY = struct.Struct("<qI")  # time, bytes of the text
_INDEX = struct.Struct("<QQQQqqQQI")  # a Block's members, then their crc
_MORE = 1 << 31  # in `count`: the next frame is of the same append

Place = tuple[int, int]


class Damaged(ClaryError):
    """A file of log lines is not as it was written."""


class Line(NamedTuple):
    at: int  # milliseconds since the epoch, as `ingested`
    number: int
    ingested: int
    text: str


class Block(NamedTuple):
    offset: int
    size: int
    first: int  # the number of its first line
    held: int  # how many lines
    low: int  # the earliest time in it
    high: int
    origin: int  # as of its end
    ingested: int  # the last of its times of arrival

    @property
    def end(self) -> int:
        return self.offset + self.size

    def over(self, count: int, low: int, high: int) -> tuple[int, int]:
        """The times between which its lines are with `count` more of them."""
        if not count:
            return self.low, self.high
        return (min(self.low, low), max(self.high, high)) if self.held else (low, high)


class Stream:
    """Opened at its first use; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """`path` is without its ending."""
        self._data, self._index = f"{path}.log", f"{path}.idx"
        self._lock = threading.RLock()
        self._base = 0  # the offset of the file's first byte: not 0 once `trim` has shortened it
        self._blocks: list[Block] | None = None
        self._sealed = 0  # how many blocks the index file has
        self._ordered = True  # no block begins before the one before it ends

    def append(self, lines: list[tuple[int, str]], origin: int, now: int) -> None:
        """All of it, with `origin` (0: as it was), or, with OSError, nothing."""
        with self._lock:
            blocks = self._load()
            last = blocks[-1] if blocks else Block(0, 0, 0, 0, 0, 0, 0, 0)
            frames, added = _frames(lines, origin or last.origin, now, last)
            self._write(last.end, frames)
            for block in added:
                self._take(block)
            self._seal()

    def blocks(self) -> list[Block]:
        """In the order of arrival; the last one still grows."""
        with self._lock:
            return list(self._load())

    @property
    def origin(self) -> int:
        blocks = self.blocks()
        return blocks[-1].origin if blocks else 0

    def read(self, low: Place = (0, 0), high: Place = ENDLESS, *, backwards: bool = False) -> Iterator[Line]:
        """The lines from `low` up to, not including, `high`, in order, or from the last one back."""
        with self._lock:
            blocks, ordered = list(self._load()), self._ordered
        if ordered:
            begin = bisect_left(blocks, low, key=lambda block: (block.high, block.first + block.held))
            blocks = blocks[begin : bisect_right(blocks, high, key=lambda block: (block.low, block.first))]
        else:
            blocks = [block for block in blocks if block.high >= low[0] and block.low <= high[0]]
        blocks = [block for block in blocks if block.held]
        found = self._backwards(blocks) if backwards else self._forwards(blocks)
        for part in found:
            begin, end = bisect_left(part, low), bisect_left(part, high)
            yield from reversed(part[begin:end]) if backwards else part[begin:end]

    def trim(self, before: int) -> None:
        """Forgets the first blocks, as long as their lines are all older than `before`; the last one, which has the
        origin, stays. Nothing happens while that is less than half of the file.
        """
        with self._lock:
            blocks = self._load()
            old = list(takewhile(lambda block: block.high < before, blocks[:-1]))
            if not old or 2 * (old[-1].end - self._base) < blocks[-1].end - self._base:
                return
            new = Path(f"{self._data}.new")
            out = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                for block in blocks[len(old) :]:
                    _write_all(out, self._bytes(block))
            except BaseException:
                new.unlink()  # a full disk needs the room
                raise
            finally:
                os.close(out)
            Path(self._index).unlink(missing_ok=True)  # without it, the frames say it all
            new.replace(self._data)
            self._blocks, self._sealed, self._base = blocks[len(old) :], 0, old[-1].end
            self._seal()

    def remove(self) -> None:
        with self._lock:
            for path in (self._data, self._index):
                Path(path).unlink(missing_ok=True)
            self._blocks, self._sealed, self._base, self._ordered = [], 0, 0, True

    def _forwards(self, blocks: list[Block]) -> Iterator[list[Line]]:
        waiting: list[Line] = []
        for block in sorted(blocks, key=lambda block: (block.low, block.first)):
            cut = bisect_left(waiting, (block.low,))
            if cut:
                yield waiting[:cut]
            waiting = sorted(waiting[cut:] + self._lines(block))
        yield waiting

    def _backwards(self, blocks: list[Block]) -> Iterator[list[Line]]:
        waiting: list[Line] = []
        for block in sorted(blocks, key=lambda block: (block.high, block.first), reverse=True):
            cut = bisect_left(waiting, (block.high + 1,))
            if waiting[cut:]:
                yield waiting[cut:]
            waiting = sorted(self._lines(block) + waiting[:cut])
        yield waiting

    def _lines(self, block: Block) -> list[Line]:
        content, at = self._bytes(block), 0
        found: list[Line] = []
        while at < len(content):
            size = _checked(content, at)
            if not size:
                raise Damaged(f"{self._data}: the lines at byte {block.offset + at} are not as they were written")
            _, _, _, ingested, number, count = _FRAME.unpack_from(content, at)
            entry, at = at + _FRAME.size, at + size
            for number in range(number, number + (count & ~_MORE)):  # noqa: B020 - counts on from the first
                when, length = _ENTRY.unpack_from(content, entry)
                entry += _ENTRY.size
                found.append(Line(when, number, ingested, content[entry : entry + length].decode()))
                entry += length
        return found

    def _bytes(self, block: Block) -> bytes:
        with self._lock:
            if block.offset < self._base or self._blocks == []:
                return b""  # trimmed or removed since the reader began
            file, offset = os.open(self._data, os.O_RDONLY | os.O_CLOEXEC), block.offset - self._base
        try:
            content = os.pread(file, block.size, offset)
        finally:
            os.close(file)
        if len(content) < block.size:
            raise Damaged(f"{self._data} is shorter than its index says")
        return content

    def _write(self, end: int, frames: bytes) -> None:
        file = os.open(self._data, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.lseek(file, end - self._base, os.SEEK_SET)
            write_whole(file, end - self._base, frames)
        finally:
            os.close(file)

    def _take(self, block: Block) -> None:
        """A frame as a block: the last block grows by it, or it begins the next."""
        assert self._blocks is not None
        last = self._blocks[-1] if self._blocks else None
        if last is not None and (last.size < BLOCK or not block.held):
            low, high = last.over(block.held, block.low, block.high)
            count = last.held + block.held
            block = Block(last.offset, last.size + block.size, last.first, count, low, high, *block[6:])
            self._blocks[-1] = block
        else:
            self._blocks.append(block)
        if len(self._blocks) > 1 and block.low < self._blocks[-2].high:
            self._ordered = False

    def _seal(self) -> None:
        """All blocks but the last are as they will stay: into the index with them; if the disk is full, as more comes.
        The lines are kept either way, so whoever appended them must not be told otherwise.
        """
        assert self._blocks is not None
        ready = self._blocks[self._sealed : -1]
        if not ready:
            return
        packed = b"".join(_packed(block, self._base) for block in ready)
        with suppress(OSError):
            file = os.open(self._index, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.lseek(file, self._sealed * _INDEX.size, os.SEEK_SET)
                _write_all(file, packed)
            finally:
                os.close(file)
            self._sealed += len(ready)

    def _load(self) -> list[Block]:
        """From the index, then from the frames behind what it knows; what is torn at the end is cut off."""
        if self._blocks is not None:
            return self._blocks
        self._blocks = []
        data = Path(self._data)
        size = data.stat().st_size if data.exists() else 0
        for block in _indexed(Path(self._index), size):
            if self._blocks and block.low < self._blocks[-1].high:
                self._ordered = False
            self._blocks.append(block)
        self._sealed = len(self._blocks)
        end = self._blocks[-1].end if self._blocks else 0
        sealed = bool(self._blocks)
        for group in _scan(data, end, size):
            for block in group:
                if sealed:  # what the index has ended stays ended
                    self._blocks.append(block)
                    sealed = False
                    self._ordered = self._ordered and block.low >= self._blocks[-2].high
                else:
                    self._take(block)
            end = group[-1].end
        if end < size:
            os.truncate(data, end)
        return self._blocks


def _frames(lines: list[tuple[int, str]], origin: int, now: int, last: Block) -> tuple[bytes, list[Block]]:
    """The bytes of one append, and each of its frames as a block."""
    out: list[bytes] = []
    blocks: list[Block] = []
    number, offset = last.first + last.held, last.end
    entries: list[bytes] = []
    size = begin = 0
    for at, (when, text) in enumerate(lines, start=1):
        encoded = text.encode(errors="replace")
        entries += (_ENTRY.pack(when, len(encoded)), encoded)
        size += _ENTRY.size + len(encoded)
        if size >= BLOCK and at < len(lines):
            frame = _frame(entries, last.origin, now, number, (at - begin) | _MORE)
            times = [when for when, _ in lines[begin:at]]
            blocks.append(Block(offset, len(frame), number, at - begin, min(times), max(times), last.origin, now))
            out.append(frame)
            number, offset, entries, size, begin = number + at - begin, offset + len(frame), [], 0, at
    count = len(lines) - begin
    frame = _frame(entries, origin, now, number, count)
    times = [when for when, _ in lines[begin:]] or [0]
    blocks.append(Block(offset, len(frame), number, count, min(times), max(times), origin, now))
    return b"".join([*out, frame]), blocks


def _frame(entries: list[bytes], origin: int, now: int, number: int, count: int) -> bytes:
    body = b"".join(entries)
    head = _FRAME.pack(0, len(body), origin, now, number, count)[4:]
    return struct.pack("<I", zlib.crc32(body, zlib.crc32(head))) + head + body


def _checked(content: bytes, at: int) -> int:
    """The length of the frame that begins there; 0 if no whole one does."""
    if at + _FRAME.size > len(content):
        return 0
    crc, size, *_ = _FRAME.unpack_from(content, at)
    end = at + _FRAME.size + size
    view = memoryview(content)
    return end - at if end <= len(content) and zlib.crc32(view[at + 4 : end]) == crc else 0


def _scan(path: Path, begin: int, end: int) -> Iterator[list[Block]]:
    """The whole appends in a part of a file, each as its frames."""
    if begin >= end:
        return
    with path.open("rb") as file:
        file.seek(begin)
        content = file.read(end - begin)
    at, group = 0, list[Block]()
    while size := _checked(content, at):
        _, _, origin, now, number, count = _FRAME.unpack_from(content, at)
        entry, times = at + _FRAME.size, list[int]()
        for _ in range(count & ~_MORE):
            when, length = _ENTRY.unpack_from(content, entry)
            times.append(when)
            entry += _ENTRY.size + length
        group.append(
            Block(begin + at, size, number, len(times), min(times, default=0), max(times, default=0), origin, now)
        )
        at += size
        if not count & _MORE:
            yield group
            group = []


def _packed(block: Block, base: int) -> bytes:
    record = _INDEX.pack(block.offset - base, *block[1:], 0)[:-4]
    return record + struct.pack("<I", zlib.crc32(record))


def _indexed(path: Path, size: int) -> Iterator[Block]:
    """The blocks of an index file, as long as they are whole and lie within `size` bytes of data."""
    content = path.read_bytes() if path.exists() else b""
    end = 0
    for at in range(0, len(content) - _INDEX.size + 1, _INDEX.size):
        *members, crc = _INDEX.unpack_from(content, at)
        block = Block(*members)
        if zlib.crc32(content[at : at + _INDEX.size - 4]) != crc or block.offset != end or block.end > size:
            return
        end = block.end
        yield block


def write_whole(file: int, end: int, content: bytes) -> None:
    """At the file's end, which is at `end`: all of it or, with OSError, nothing."""
    try:
        _write_all(file, content)
    except BaseException:
        os.ftruncate(file, end)
        raise


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
