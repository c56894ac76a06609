"""What the gateway tells about its traffic: a line a request, and counters for Prometheus."""

import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

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


class Metrics(Collector):
    """https://prometheus.io/docs/practices/naming/

    Counted in plain numbers by the event loop alone, and put into Prometheus's form when somebody asks: its own
    counters take a lock for each step.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(self)
        self.running = 0
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, list[float]] = {}  # by service: how many within each of SECONDS, and beyond; the sum
        self._received = self._sent = 0

    def count(self, exchange: Exchange, status: int, sent: int) -> None:
        key = (exchange.label, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        seconds = time.perf_counter() - exchange.started
        row = self._seconds.get(exchange.name)
        if row is None:
            row = self._seconds[exchange.name] = [0.0] * (len(SECONDS) + 2)
        row[bisect_left(SECONDS, seconds)] += 1
        row[-1] += seconds
        self._received += exchange.received
        self._sent += sent

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "clary_requests", "Requests answered.", labels=["service", "operation", "status"]
        )
        for (label, status), number in list(self._requests.items()):
            service, _, operation = label.partition(":")
            requests.add_metric([service, operation, str(status)], number)
        took = HistogramMetricFamily(
            "clary_request_seconds", "Time to the last byte of the answer.", labels=["service"]
        )
        for name, row in list(self._seconds.items()):
            edges = [*map(str, SECONDS), "+Inf"]
            took.add_metric([name or "-"], list(zip(edges, accumulate(row[:-1]), strict=True)), row[-1])
        yield requests
        yield took
        yield CounterMetricFamily("clary_received_bytes", "Bytes of request bodies.", self._received)
        yield CounterMetricFamily("clary_sent_bytes", "Bytes of answers' bodies.", self._sent)
        yield GaugeMetricFamily("clary_requests_running", "Requests being answered.", self.running)

    def text(self) -> bytes:
        return generate_latest(self.registry)
