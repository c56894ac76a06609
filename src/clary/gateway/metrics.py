"""What /metrics answers: the gateway's counters and its process, in Prometheus's form.

https://prometheus.io/docs/practices/naming/. Imported when first asked for: prometheus_client takes longer to import
than all of gateway/.
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from clary.gateway.access import SECONDS, Metrics


def text(counted: Metrics) -> bytes:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Counted(counted))
    return generate_latest(registry)


class _Counted(Collector):
    def __init__(self, counted: Metrics) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        counted = self._counted
        requests = CounterMetricFamily(
            "clary_requests", "Requests answered.", labels=["service", "operation", "status"]
        )
        for (label, status), number in list(counted.requests.items()):
            service, _, operation = label.partition(":")
            requests.add_metric([service, operation, str(status)], number)
        took = HistogramMetricFamily(
            "clary_request_seconds", "Time to the last byte of the answer.", labels=["service"]
        )
        for name, row in list(counted.seconds.items()):
            edges = [*map(str, SECONDS), "+Inf"]
            took.add_metric([name or "-"], list(zip(edges, accumulate(row[:-1]), strict=True)), row[-1])
        yield requests
        yield took
        yield CounterMetricFamily("clary_received_bytes", "Bytes of request bodies.", counted.received)
        yield CounterMetricFamily("clary_sent_bytes", "Bytes of answers' bodies.", counted.sent)
        yield GaugeMetricFamily("clary_requests_running", "Requests being answered.", counted.running)
