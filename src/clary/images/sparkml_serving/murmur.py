"""MurmurHash3, 32 bits, as Spark has it. https://github.com/aappleby/smhasher/wiki/MurmurHash3"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF


def hashed(data: bytes, seed: int, version: int = 2) -> int:
    """As a signed number of 32 bits.

    Version 2 is the algorithm's own (hashUnsafeBytes2). Version 1, of Spark 2 (hashUnsafeBytes), takes each of the last
    bytes for a block of its own, with its sign.
    """
    whole = len(data) & ~3
    h = seed
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        h = _mix(h, block)
    tail = data[whole:]
    if version == 1:
        for byte in tail:
            h = _mix(h, byte - 256 & _MASK if byte > 127 else byte)
    elif tail:
        h ^= _scrambled(int.from_bytes(tail, "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & _MASK
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def _scrambled(block: int) -> int:
    block = block * 0xCC9E2D51 & _MASK
    block = (block << 15 | block >> 17) & _MASK
    return block * 0x1B873593 & _MASK


def _mix(h: int, block: int) -> int:
    h ^= _scrambled(block)
    h = (h << 13 | h >> 19) & _MASK
    return h * 5 + 0xE6546B64 & _MASK
