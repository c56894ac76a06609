"""What the instances of an attempt use, measured again and again."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from clary.compute.driver import Usage


class Meter:
    def __init__(
        self, usage: Callable[[], list[Usage]], told: Callable[[list[Usage], float], None], every: float
    ) -> None:
        """`told` gets what was used since the last time, and in how many seconds; it may upload, and take long."""
        self._usage, self._told, self._every = usage, told, every
        self._last: tuple[float, list[Usage]] | None = None  # when, and what until then
        self._measured = False
        self._measuring = threading.Lock()

    @property
    def due(self) -> bool:
        """Whether the last time is long enough ago, or there was none."""
        if self._measuring.locked():
            return False
        return self._last is None or not self._measured or time.monotonic() - self._last[0] >= self._every

    def measure(self) -> None:
        with self._measuring:
            now, usage = time.monotonic(), self._usage()
            if self._last is not None:
                then, before = self._last
                spent = [replace(new, cpu=max(0.0, new.cpu - old.cpu)) for new, old in zip(usage, before, strict=True)]
                self._told(spent, now - then)
                self._measured = True
            self._last = now, usage
