"""The values of a tensor as bytes: Java's order, the highest byte first, texts after their length in bytes.

As bundle-ml's ArraySerializer.scala, but that its writer cuts off the upper byte of what isn't Latin-1; its reader
reads UTF-8, which is written here.
"""

from __future__ import annotations

import struct
from typing import Any, Iterable, Iterator

from .errors import BundleError

_LETTERS = {"boolean": "?", "byte": "b", "short": "h", "int": "i", "long": "q", "float": "f", "double": "d"}


def packed(base: str, values: Any) -> bytes:
    """Raises BundleError for a number that the type has no room for."""
    try:
        if base in _LETTERS:
            return struct.pack(f">{len(values)}{_LETTERS[base]}", *values)
    except struct.error as error:
        raise BundleError(f"a tensor of type {base}: {error}") from None
    if base not in ("string", "byte_string"):
        raise BundleError(f"a tensor of type {base}")
    return joined(value.encode("utf-8") if base == "string" else value for value in values)


def unpacked(base: str, content: bytes) -> list[Any]:
    if base in _LETTERS:
        letter = _LETTERS[base]
        return list(struct.unpack(f">{len(content) // struct.calcsize('>' + letter)}{letter}", content))
    if base not in ("string", "byte_string"):
        raise BundleError(f"a tensor of type {base}")
    return [one.decode("utf-8") if base == "string" else one for one in parts(content, "a tensor")]


def joined(each: Iterable[bytes]) -> bytes:
    """Each follows its length, 4 bytes, the highest first."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in each)


def parts(content: bytes, what: str) -> Iterator[bytes]:
    """What was `joined`. Raises BundleError, which tells what it is."""
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        one = content[at + 4 : at + 4 + size]
        if len(one) < size:
            raise BundleError(f"{what} ends in the middle of a part")
        yield one
        at += 4 + size
