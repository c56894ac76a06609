"""What is kept of measurements, and how it grows coarse with age."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.services.cloudwatch import Metrics, Sample, statistic, summary
from clary.services.cloudwatch.metrics import DAY, HOUR, written

NUMBERS = st.floats(min_value=-1e9, max_value=1e9)


def sums(metrics: Metrics, start: float, end: float, period: int) -> list[float]:
    found = metrics.read("us-west-2", ("N", "m", written({"Host": "algo-1"})), (start, end), period)
    return [one.total for _, one in sorted(found.items())]


def rows(metrics: Metrics) -> int:
    (count,) = metrics._store.read().execute("SELECT count(*) FROM point").fetchone()
    return int(count)


def test_what_this_process_measures(metrics: Metrics, clock: Any) -> None:
    samples: list[Any] = [Sample("m", {"Host": "algo-1"}, float(n), "None", clock.now + n * 30) for n in range(4)]
    metrics.put("N", [*samples, ("m", {"Host": "algo-1"}, math.nan, "None", clock.now)])
    metrics.put("N", [])
    assert sums(metrics, clock.now, clock.now + 120, 60) == [1, 5]
    assert sums(metrics, clock.now, clock.now + 120, 3600) == [6]


def test_points_grow_coarse_and_go(metrics: Metrics, clock: Any) -> None:
    """As AWS keeps them: minutes 15 days, five minutes 63 days, hours 455 days."""
    start = clock.now
    metrics.put("N", [Sample("m", {"Host": "algo-1"}, 1.0, "None", start + 60 * n) for n in range(120)])
    metrics.tidy()
    assert (rows(metrics), sums(metrics, start, start + DAY, 60)) == (120, [1.0] * 120)
    clock.now = start + 15 * DAY + 3 * HOUR
    metrics.tidy()
    assert rows(metrics) == 24
    assert sums(metrics, start, start + DAY, 60) == []
    assert sums(metrics, start, start + DAY, 300) == [5.0] * 24
    clock.now = start + 63 * DAY + 3 * HOUR
    metrics.tidy()
    metrics.tidy()
    assert (rows(metrics), sums(metrics, start, start + DAY, HOUR)) == (2, [60.0, 60.0])
    clock.now = start + 455 * DAY + 3 * HOUR
    metrics.tidy()
    assert rows(metrics) == 0
    assert metrics._store.read().execute("SELECT count(*) FROM metric").fetchone()[0] == 0


@given(st.lists(st.tuples(NUMBERS, st.integers(1, 5)), min_size=1, max_size=600), st.integers(0, 599))
def test_summing_up_in_parts_is_summing_up_at_once(values: list[tuple[float, float]], cut: int) -> None:
    whole, left, right = summary.of(values), values[:cut], values[cut:]
    if left and right:
        joined = summary.of(left)
        joined.add(summary.of(right))
        assert (joined.count, joined.low, joined.high) == (whole.count, whole.low, whole.high)
        assert joined.total == pytest.approx(whole.total, abs=1e-3)
    assert summary.of_row(whole.columns()) == whole
    assert whole.spread is not None
    assert len(whole.spread) <= summary.EXACT
    assert sum(whole.spread.values()) == whole.count


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=2000))
def test_a_percentile_of_many_values_is_near(values: list[float]) -> None:
    found = summary.of((value, 1.0) for value in values)
    exact = sorted(values)[math.ceil(len(values) * 0.9) - 1]
    parsed = statistic.parse("p90")
    assert parsed is not None
    assert parsed(found) == pytest.approx(exact, rel=0.25 if len(values) > summary.EXACT else 1e-9)


@given(st.text(max_size=12) | st.from_regex(r"(p|tm|wm|TM|PR|TC|IQM)\(?[0-9.%:]{0,8}\)?", fullmatch=True))
def test_any_name_is_a_statistic_or_none(name: str) -> None:
    parsed = statistic.parse(name)
    if parsed is not None:
        found = parsed(summary.of([(1.0, 1.0), (2.0, 3.0)]))
        assert found is None or math.isfinite(found)
