"""The values of a tensor as bytes: Java's order, the highest byte first, texts after their length in bytes.

As bundle-ml's ArraySerializer.scala, but that its writer cuts off the upper byte of what isn't Latin-1; its reader
reads UTF-8, which is written here.
"""

from __future__ import annotations

import struct
from typing import Any

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
    out = bytearray()
    for value in values:
        content = value.encode("utf-8") if base == "string" else value
        out += len(content).to_bytes(4, "big") + content
    return bytes(out)


def unpacked(base: str, content: bytes) -> list[Any]:
    if base in _LETTERS:
        letter = _LETTERS[base]
        return list(struct.unpack(f">{len(content) // struct.calcsize('>' + letter)}{letter}", content))
    if base not in ("string", "byte_string"):
        raise BundleError(f"a tensor of type {base}")
    values = []
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        one = content[at + 4 : at + 4 + size]
        if len(one) < size:
            raise BundleError("a tensor ends in the middle of a text")
        values.append(one.decode("utf-8") if base == "string" else one)
        at += 4 + size
    return values
