"""What the gateway tells about its traffic: a line a request, and counters for Prometheus."""

import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

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
        self._lines.append(
            f"{self._now()} {exchange.id} {request.peer or '-'} {exchange.caller.arn or '-'} {exchange.label} "
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
    """https://prometheus.io/docs/practices/naming/"""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "clary_requests", "Requests answered.", ["service", "operation", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "clary_request_seconds", "Time to the last byte of the answer.", ["service"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.received = Counter("clary_received_bytes", "Bytes of request bodies.", registry=self.registry)
        self.sent = Counter("clary_sent_bytes", "Bytes of answers' bodies.", registry=self.registry)
        self.running = 0
        gauge = Gauge("clary_requests_running", "Requests being answered.", registry=self.registry)
        gauge.set_function(lambda: self.running)
        self._children: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def count(self, exchange: Exchange, status: int, sent: int) -> None:
        label = exchange.label
        child = self._children.get((label, status))
        if child is None:
            service, _, operation = label.partition(":")
            child = self._children[label, status] = self.requests.labels(service, operation, str(status))
        timer = self._timers.get(exchange.name)
        if timer is None:
            timer = self._timers[exchange.name] = self.seconds.labels(exchange.name or "-")
        child.inc()
        timer.observe(time.perf_counter() - exchange.started)
        if exchange.received:
            self.received.inc(exchange.received)
        if sent:
            self.sent.inc(sent)

    def text(self) -> bytes:
        return generate_latest(self.registry)
