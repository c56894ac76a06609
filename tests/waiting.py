"""Waiting for what happens by itself. No test has a time of its own for that: on a busy machine a program may not be
given a processor for seconds, and nothing is learned from it. How quick Clary is, `bench/` measures.
"""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 280.0  # seconds within which anything has happened: only who waits in vain waits that long
LIMIT = 900.0  # seconds for a program to end that computes meanwhile; pytest ends a test after 1,200
PAUSES = 0.02, 0.25  # seconds between two looks, at first and at most: to look costs a processor's time, too

T = TypeVar("T")


def until(
    look: Callable[[], T], told: Callable[[], object] = lambda: "", *, absent: tuple[type[Exception], ...] = ()
) -> T:
    """What `look` gives, once that is true. An error of `absent` says that it isn't there yet; `told` what to say of a
    wait in vain.
    """
    deadline = time.monotonic() + PATIENCE
    pause, longest = PAUSES
    while True:
        try:
            if found := look():
                return found
        except absent:
            pass
        assert time.monotonic() < deadline, told() or "it did not happen"
        time.sleep(pause)
        pause = min(longest, pause * 1.2)
