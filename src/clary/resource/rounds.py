"""Work that a thread of its own does again and again, as long as Clary runs."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)
AGAIN = 1.0  # seconds after a round that failed


class Rounds:
    """`work` says in how many seconds it is due again, if nobody wakes it before. Begins with `start`. Who does nothing
    else is one.
    """

    def __init__(self, name: str, work: Callable[[], float]) -> None:
        self._work = work
        self._woken, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def rest(self, seconds: float) -> None:
        """For whoever works on behalf of a round: until then, or until it closes."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Returns when the round that goes on is over."""
        self._closing.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                pause = self._work()
            except Exception:
                log.exception("%s: a round failed; the next may not", self._thread.name)
                pause = AGAIN
            self._woken.wait(pause)
            self._woken.clear()
