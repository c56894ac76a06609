"""Work that is done again and again while a program runs."""

import threading
from collections.abc import Callable


class Repeated:
    """`work` every so many seconds, in a thread, until `close`, after which it is not at work."""

    def __init__(self, work: Callable[[], None], seconds: float) -> None:
        self._work, self._seconds = work, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._work()
