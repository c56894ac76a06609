"""What the gateway tells about its traffic: a line a request, and counters for Prometheus."""

import time
from bisect import bisect_left
from pathlib import Path

from clary.gateway.exchange import Exchange

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
FLUSH = 0.5  # seconds that a line may wait for its write


class AccessLog:
    """Lines of: time, request id, peer, caller, service:operation, status, bytes in, bytes out, milliseconds, path.

    Lines are gathered and written about twice a second, since a write for each would cost more than the request.
    """

    def __init__(self, path: Path | None) -> None:
        """None: no log."""
        self._file = path.open("a", encoding="utf-8") if path else None
        self._lines: list[str] = []
        self._second = (0, "")

    def write(self, exchange: Exchange, status: int, sent: int) -> None:
        if self._file is None:
            return
        request = exchange.request
        milliseconds = (time.perf_counter() - exchange.started) * 1000
        path = request.path.encode("unicode_escape").decode("ascii")
        caller = exchange.caller.arn or request.caller or "-"
        self._lines.append(
            f"{self._now()} {exchange.id} {request.peer or '-'} {caller} {exchange.label} "
            f"{status} {exchange.received} {sent} {milliseconds:.1f} {request.method} {path}\n"
        )

    def flush(self) -> None:
        if self._file is not None and self._lines:
            self._file.write("".join(self._lines))
            self._lines.clear()
            self._file.flush()

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()

    def _now(self) -> str:
        second = int(time.time())
        if second != self._second[0]:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)))
        return self._second[1]


class Metrics:
    """Counted in plain numbers by the event loop alone; `gateway/metrics.py` puts them into Prometheus's form when
    somebody asks. Its own counters take a lock for each step.
    """

    def __init__(self) -> None:
        self.running = 0
        self.requests: dict[tuple[str, int], int] = {}  # by label and status
        self.seconds: dict[str, list[float]] = {}  # by service: how many within each of SECONDS, and beyond; the sum
        self.received = self.sent = 0

    def count(self, exchange: Exchange, status: int, sent: int) -> None:
        key = (exchange.label, status)
        self.requests[key] = self.requests.get(key, 0) + 1
        seconds = time.perf_counter() - exchange.started
        row = self.seconds.get(exchange.name)
        if row is None:
            row = self.seconds[exchange.name] = [0.0] * (len(SECONDS) + 2)
        row[bisect_left(SECONDS, seconds)] += 1
        row[-1] += seconds
        self.received += exchange.received
        self.sent += sent
