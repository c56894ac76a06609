"""Messages between the data plane and a model's server, many at a time over one socket: HTTP without its text.

    u32 length of what follows, u32 id, u8 kind, u16 length of the head, head, body        (little endian)

The head is JSON: {"method", "path", "headers"} of a request, {"status", "headers"} of an answer, names of headers in
lower case. The same head is the same bytes, so whoever reads keeps what it has parsed. A message is WHOLE, or BEGIN
with the head, any number of PARTs, and END. Answers may come in any order; CANCEL says that nobody waits any more.
Just before the last message of a pipeline's answer there is one of STEPS: without a head, its body a u32 for each model
that has answered well, how long that took, in microseconds.

Runs on both sides, so on every Python that an image has (3.7 and newer), with the standard library alone.
"""

from __future__ import annotations

import json
import struct
from typing import Any

WHOLE, BEGIN, PART, END, CANCEL, STEPS = range(6)
MOST = 1 << 30  # bytes of one message
_HEAD = struct.Struct("<IIBH")
_FIXED = _HEAD.size - 4  # what the length counts beside head and body
_LONGEST = (1 << 32) - 1  # microseconds: more than an hour
_KEPT = 1024  # heads in memory; beyond that it begins anew


def pack(number: int, kind: int, head: bytes = b"", body: bytes = b"") -> bytes:
    """One message as bytes."""
    return _HEAD.pack(_FIXED + len(head) + len(body), number, kind, len(head)) + head + body


def head(**members: Any) -> bytes:
    """A head as bytes: head(status=200, headers={"content-type": "text/csv"})."""
    return json.dumps(members, separators=(",", ":"), sort_keys=True).encode()


def steps(number: int, lasted: list[float]) -> bytes:
    """A message of STEPS, of seconds."""
    body = struct.pack(f"<{len(lasted)}I", *(min(int(each * 1e6), _LONGEST) for each in lasted))
    return pack(number, STEPS, b"", body)


def lasted(body: bytes) -> list[float]:
    """What `steps` was given. Raises ValueError for what is no such body."""
    if len(body) % 4:
        raise ValueError("not a body of STEPS")
    return [each / 1e6 for (each,) in struct.iter_unpack("<I", body)]


class Reader:
    """Takes bytes as they come, and gives the messages that are whole."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skip = 0  # bytes that are still to come of a message that was cut
        self._heads: dict[bytes, Any] = {}

    def feed(self, data: bytes) -> list[tuple[int, int, Any, bytes]]:
        """(id, kind, the parsed head or None, body) each. The head is shared: not to be changed. Raises ValueError for
        what is no message.
        """
        rest = self._rest
        rest += data
        if self._skip:
            gone = min(self._skip, len(rest))
            del rest[:gone]
            self._skip -= gone
        found, at, size = [], 0, len(rest)
        while size - at >= _HEAD.size:
            length, number, kind, width = _HEAD.unpack_from(rest, at)
            if length < _FIXED + width or length > MOST or kind > STEPS:
                raise ValueError("not a frame")
            end, start = at + 4 + length, at + _HEAD.size
            body = start + width
            if end > size and size - body <= self._most(number, kind):
                break
            if end > size:
                self._skip = end - size
                end = size
            found.append((number, kind, self._head(bytes(rest[start:body])), bytes(rest[body:end])))
            at = end
        if at:
            del rest[:at]
        return found

    def _most(self, _number: int, _kind: int) -> int:
        """How many bytes of a body are wanted. Of one that is longer the end is not given, nor kept."""
        return MOST

    def _head(self, data: bytes) -> Any:
        if not data:
            return None
        known = self._heads.get(data)
        if known is None:
            if len(self._heads) >= _KEPT:
                self._heads.clear()
            known = self._heads[data] = self._parsed(data)
        return known

    def _parsed(self, head: bytes) -> Any:
        """Raises ValueError."""
        return json.loads(head.decode())
