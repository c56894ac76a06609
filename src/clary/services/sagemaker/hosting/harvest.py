"""What the data plane has gathered is taken from it, every `pause` seconds: measurements, and captured requests."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from clary.services.cloudwatch.metrics import Metrics
from clary.services.sagemaker.hosting import meter
from clary.services.sagemaker.hosting.capture import Captured
from clary.services.sagemaker.hosting.plane import Plane, PlaneGone

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Harvest:
    """Begins with `start`. What comes after `close` waits for the next start, or is the data plane's to keep."""

    plane: Plane
    metrics: Metrics
    captured: Captured
    pause: float
    _taken: meter.Taken = field(default_factory=dict)
    _closing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="harvest", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The data plane still runs, and is asked once more."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
            self._measure()

    def _run(self) -> None:
        while not self._closing.wait(self.pause):
            self._measure()
            _logged(self.captured.carry)

    def _measure(self) -> None:
        def work() -> None:
            with suppress(PlaneGone):  # then nothing is counted either
                meter.take(self.plane, self._taken)
            meter.put(self._taken, self.metrics)

        _logged(work)


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        log.exception("what the data plane has gathered could not be taken; it is tried again")
