"""What CloudWatch is told of each variant: counted as it happens, handed over by the minute.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation
"""

import time
from collections import defaultdict

Sample = tuple[str, dict[str, str], list[float], list[int], str, float]
MICROSECONDS = "Microseconds"
UNITS = {
    "LoadedModelCount": "None",
    "ModelCacheHit": "None",
    "MidStreamErrors": "None",
    "ConcurrentRequestsPerModel": "Count",
}  # of all others that are added: microseconds


def rounded(seconds: float) -> int:
    """Microseconds in three digits: so a minute has few different values, and each is right to a half percent."""
    value = max(int(seconds * 1_000_000), 0)
    if value < 1000:
        return value
    step = 10
    while value >= step * 1000:
        step *= 10
    return value // step * step


class Meter:
    """One variant, or one container of it."""

    __slots__ = (
        "_before",
        "_dimensions",
        "_minute",
        "_others",
        "clients",
        "errors",
        "instances",
        "models",
        "overhead",
        "region",
    )

    def __init__(self, region: str, **dimensions: str) -> None:
        self.region = region
        self._dimensions = dimensions
        self._minute = int(time.time()) // 60 * 60
        self._before: list[Sample] = []
        self._begin()

    def _begin(self) -> None:
        self.instances: dict[int, int] = defaultdict(int)  # how many there were -> invocations
        self.clients = self.errors = 0  # 4XX and 5XX
        self.models: dict[int, int] = defaultdict(int)  # latency -> how often
        self.overhead: dict[int, int] = defaultdict(int)
        self._others: dict[str, dict[float, int]] = {}

    def done(self, status: int, model: float, total: float, instances: int) -> None:
        """One invocation; times in seconds. `status` is the container's, or 0 if it had none."""
        self.instances[instances] += 1
        self.models[rounded(model)] += 1
        self.overhead[rounded(total - model)] += 1
        if not 200 <= status < 300:
            if 400 <= status < 500:
                self.clients += 1
            else:
                self.errors += 1

    def add(self, name: str, value: float) -> None:
        counts = self._others.setdefault(name, {})
        counts[value] = counts.get(value, 0) + 1

    def tick(self, now: float) -> None:
        """`now` is the time of day: whether a new minute has begun."""
        minute = int(now) // 60 * 60
        if minute != self._minute:
            self._before += self._samples()
            self._minute = minute
            self._begin()

    def take(self) -> list[Sample]:
        """What there is, which is then forgotten."""
        taken = self._before + self._samples()
        self._before = []
        self._begin()
        return taken

    def _samples(self) -> list[Sample]:
        at, told = float(self._minute), self._dimensions
        all_, found = sum(self.instances.values()), []
        if all_:
            bad = {"Invocation4XXErrors": self.clients, "Invocation5XXErrors": self.errors}
            bad["InvocationModelErrors"] = self.clients + self.errors
            found = [_sample("Invocations", told, {1: all_}, "None", at)]
            share = {1 / number: times for number, times in self.instances.items()}
            found.append(_sample("InvocationsPerInstance", told, share, "None", at))
            found += [_sample(name, told, {1: n, 0: all_ - n}, "None", at) for name, n in bad.items()]
            found.append(_sample("ModelLatency", told, self.models, MICROSECONDS, at))
            found.append(_sample("OverheadLatency", told, self.overhead, MICROSECONDS, at))
        return found + [
            _sample(name, told, counts, UNITS.get(name, MICROSECONDS), at) for name, counts in self._others.items()
        ]


def _sample(
    name: str, told: dict[str, str], counts: "dict[int, int] | dict[float, int]", unit: str, at: float
) -> Sample:
    kept = {value: times for value, times in counts.items() if times}
    return name, told, [float(value) for value in kept], list(kept.values()), unit, at
