"""Listings: keys in the order of their UTF-8 bytes, rolled up at a delimiter.

A common prefix is passed by a seek to what comes behind it, not by reading the keys in it, so that a page costs what it
returns. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
Seek = Callable[[str], Iterable[R]]  # rows from this key on, in order

LAST = 0x10FFFF
SURROGATES = (0xD7FF, 0xE000)  # what stands around them: they are no characters


def behind(prefix: str) -> str | None:
    """The least string above all that begin with `prefix`; None where there is none. Python compares strings by code
    point, which is the order of their UTF-8 bytes.
    """
    while prefix:
        last = ord(prefix[-1])
        if last < LAST:
            following = SURROGATES[1] if last == SURROGATES[0] else last + 1
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    items: list[R]
    prefixes: list[str]
    truncated: bool
    last: str  # the last of items and prefixes, which the next page begins behind


def page(
    seek: Seek[R],
    key_of: Callable[[R], str],
    *,
    prefix: str = "",
    delimiter: str = "",
    start: str = "",
    most: int,
) -> Page[R]:
    """What begins with `prefix` and is not below `start`, up to `most` items and common prefixes together."""
    items: list[R] = []
    prefixes: list[str] = []
    last = ""
    if most == 0:
        return Page(items, prefixes, False, last)
    position: str | None = max(start, prefix)
    rows: Iterable[R]
    while position is not None:
        rows = ()  # lets the statement behind the last look go, so that it serves the next
        rows = seek(position)
        position = None
        for row in rows:
            key = key_of(row)
            if not key.startswith(prefix):
                break
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if len(items) + len(prefixes) == most:
                return Page(items, prefixes, True, last)
            if cut < 0:
                items.append(row)
                last = key
                continue
            last = key[: cut + len(delimiter)]
            prefixes.append(last)
            position = behind(last)
            break
    return Page(items, prefixes, False, last)
