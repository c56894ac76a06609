"""What is made of the same few things again and again: made once, and kept."""

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
MOST = 1024  # in memory; beyond that it begins anew


class Kept(dict[K, V]):
    """`kept[key]` is what `make(key)` has given. A dict's own look-up: no function of ours would be as quick."""

    def __init__(self, make: Callable[[K], V], most: int = MOST) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, key: K) -> V:
        made = self._make(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = made
        return made
