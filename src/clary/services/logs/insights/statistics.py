"""stats count(*), avg(x) as y by bin(5m), z: one row for each group of lines."""

import math
from collections.abc import Callable, Iterator

from clary.services.logs.insights.expression import Ask, Reader, malformed
from clary.services.logs.insights.values import Row, Value, compare, number

Aggregate = tuple[Ask | None, Callable[[], "Counter"]]


class Counter:
    """Takes values one by one, and has the statistic at the end."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, value: Value, row: Row) -> None:  # noqa: ARG002 - others ask for the row's time
        self.count += value is not None

    def result(self) -> Value:
        return self.count


class Sum(Counter):
    """Of the numbers, and of their squares; `what` is taken from these."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.total = self.mean = self.squares = 0.0

    def add(self, value: Value, row: Row) -> None:  # noqa: ARG002 - likewise
        if (found := number(value)) is not None:
            self.count += 1
            self.total += found
            step = found - self.mean  # Welford: https://doi.org/10.1080/00401706.1962.10490022
            self.mean += step / self.count
            self.squares += step * (found - self.mean)

    def result(self) -> Value:
        if not self.count:
            return None
        if self.what == "stddev":
            return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0
        return self.total / self.count if self.what == "avg" else self.total


class Extreme(Counter):
    """The first or last in the order of values, or of their lines' times."""

    def __init__(self, way: int, *, of_times: bool = False) -> None:
        super().__init__()
        self.way, self.of_times = way, of_times
        self.best: tuple[Value, Value] | None = None

    def add(self, value: Value, row: Row) -> None:
        if value is None:
            return
        key = row["@timestamp"] if self.of_times else value
        if self.best is None or compare(key, self.best[0]) * self.way > 0:
            self.best = (key, value)

    def result(self) -> Value:
        return self.best[1] if self.best else None


class Distinct(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[Value] = set()

    def add(self, value: Value, row: Row) -> None:  # noqa: ARG002 - likewise
        if value is not None:
            self.seen.add(value)

    def result(self) -> Value:
        return len(self.seen)


class Percentile(Counter):
    """The value below which so many percent are: between two, the nearer part of both."""

    def __init__(self, percent: float) -> None:
        super().__init__()
        self.percent = percent
        self.held: list[float] = []

    def add(self, value: Value, row: Row) -> None:  # noqa: ARG002 - likewise
        if (found := number(value)) is not None:
            self.held.append(found)

    def result(self) -> Value:
        if not self.held:
            return None
        ordered = sorted(self.held)
        at = (len(ordered) - 1) * self.percent / 100
        low = ordered[math.floor(at)]
        return low + (ordered[math.ceil(at)] - low) * (at - math.floor(at))


FUNCTIONS: dict[str, Callable[[], Counter]] = {
    "count": Counter,
    "count_distinct": Distinct,
    "sum": lambda: Sum("sum"),
    "avg": lambda: Sum("avg"),
    "stddev": lambda: Sum("stddev"),
    "min": lambda: Extreme(-1),
    "max": lambda: Extreme(1),
    "sortsfirst": lambda: Extreme(-1),
    "sortslast": lambda: Extreme(1),
    "earliest": lambda: Extreme(-1, of_times=True),
    "latest": lambda: Extreme(1, of_times=True),
    "median": lambda: Percentile(50),
    "pct": lambda: Percentile(50),
}


def statistics(reader: Reader) -> tuple[list[str], Callable[[Iterator[Row]], Iterator[Row]]]:
    """The columns that a stats command gives, and its stage. Raises MalformedQueryException."""
    asked: list[tuple[str, Aggregate]] = []
    while True:
        mark = reader.mark()
        found = _aggregate(reader)
        text = reader.since(mark)
        asked.append((reader.take() if reader.taken("as") else text, found))
        if not reader.taken(","):
            break
    keys: list[tuple[str, Ask]] = []
    if reader.taken("by"):
        while True:
            mark = reader.mark()
            ask = reader.expression()
            text = reader.since(mark)
            keys.append((reader.take() if reader.taken("as") else text.strip("`"), ask))
            if not reader.taken(","):
                break
    return [name for name, _ in (*keys, *asked)], lambda rows: _grouped(rows, asked, keys)


def _aggregate(reader: Reader) -> Aggregate:
    name = reader.take().lower()
    if name not in FUNCTIONS:
        raise malformed(f"invalid statistic {name}; there are {', '.join(sorted(FUNCTIONS))}")
    reader.expect("(")
    make = FUNCTIONS[name]
    if name == "count" and reader.word in {")", "*"}:
        reader.taken("*")
        reader.expect(")")
        return None, make
    ask = reader.expression()
    if name == "pct":
        reader.expect(",")
        percent = number(reader.take())
        if percent is None or not 0 <= percent <= 100:
            raise malformed("pct takes a percentage from 0 to 100")
        reader.expect(")")
        return ask, lambda: Percentile(percent)
    reader.expect(")")
    return ask, make


def _grouped(rows: Iterator[Row], asked: list[tuple[str, Aggregate]], keys: list[tuple[str, Ask]]) -> Iterator[Row]:
    groups: dict[tuple[Value, ...], list[Counter]] = {}
    if not keys:
        groups[()] = [make() for _, (_, make) in asked]
    for row in rows:
        key = tuple(ask(row) for _, ask in keys)
        if (counters := groups.get(key)) is None:
            counters = groups[key] = [make() for _, (_, make) in asked]
        for counter, (_, (ask, _)) in zip(counters, asked, strict=True):
            counter.add(1 if ask is None else ask(row), row)
    for key, counters in groups.items():
        yield Row(
            {
                **dict(zip((name for name, _ in keys), key, strict=True)),
                **dict(zip((name for name, _ in asked), (counter.result() for counter in counters), strict=True)),
            }
        )
