"""When schedules are due, against the examples of AWS's page and against datetime."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.errors import Invalid
from clary.services.application_autoscaling import schedule

NOW = datetime(2026, 2, 27, 12, 30, tzinfo=UTC).timestamp()  # a Friday


def times(text: str, count: int = 1, zone: str = "UTC", after: float = NOW) -> list[str]:
    """The next ones, in UTC."""
    due = schedule.parse(text, zone)
    found: list[str] = []
    while len(found) < count and (moment := due(after, NOW)) is not None:
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        after = moment
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at(2026-03-01T00:00:01)", ["2026-03-01T00:00:01"]),
        ("at(2026-01-01T00:00:00)", []),
        ("rate(5 minutes)", ["2026-02-27T12:35:00", "2026-02-27T12:40:00"]),
        ("rate(1 day)", ["2026-02-28T12:30:00", "2026-03-01T12:30:00"]),
        ("cron(15 10 * * ? *)", ["2026-02-28T10:15:00", "2026-03-01T10:15:00"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-02-27T18:00:00", "2026-03-02T18:00:00"]),
        ("cron(0/30 12 ? * 6 *)", ["2026-03-06T12:00:00", "2026-03-06T12:30:00"]),
        ("cron(0 8 1 * ? *)", ["2026-03-01T08:00:00", "2026-04-01T08:00:00"]),
        ("cron(0 0 L * ? *)", ["2026-02-28T00:00:00", "2026-03-31T00:00:00"]),
        ("cron(0 0 LW * ? *)", ["2026-03-31T00:00:00", "2026-04-30T00:00:00"]),
        ("cron(0 0 1W * ? *)", ["2026-03-02T00:00:00", "2026-04-01T00:00:00"]),
        ("cron(0 0 ? * 6L *)", ["2026-03-27T00:00:00", "2026-04-24T00:00:00"]),
        ("cron(0 0 ? * TUE#2 *)", ["2026-03-10T00:00:00", "2026-04-14T00:00:00"]),
        ("cron(0 0 29 FEB ? *)", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("cron(0 0 1 1 ? 2027)", ["2027-01-01T00:00:00"]),
    ],
)
def test_when(text: str, expected: list[str]) -> None:
    assert times(text, 2) == expected


def test_where_the_clocks_change() -> None:
    """At half past two in New York, on the day when there is no such time, and on the one when there are two."""
    spring = datetime(2026, 3, 7, 12, tzinfo=UTC).timestamp()
    assert times("cron(30 2 * * ? *)", 1, "America/New_York", spring) == ["2026-03-09T06:30:00"]
    assert times("at(2026-07-01T09:00:00)", 1, "Europe/Berlin") == ["2026-07-01T07:00:00"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "5 minutes", "at(now)", "at(2026-13-01T00:00:00)", "rate(0 minutes)", "rate(5 weeks)", "cron(* * * *)"),
        *("cron(0 0 * * * *)", "cron(0 0 ? * ? *)", "cron(60 0 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 32 * ? *)"),
        *("cron(5-1 0 * * ? *)", "cron(*/0 0 * * ? *)", "cron(0 0 ? * TUE#6 *)", "cron(0 0 40W * ? *)"),
        "cron(0 0 XW * ? *)",
        *("cron(0 0 ? * FOO *)", "cron(0 0 * 13 ? *)", "cron(0 0 * * ? 1900)", "cron(0 0 ? * #2 *)"),
    ],
)  # fmt: skip
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(Invalid):
        schedule.parse(text)


def test_what_is_no_timezone() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(Invalid):
            schedule.parse("rate(1 hour)", name)


@given(st.text(alphabet="0123456789*/-,?LW#MONFRI ", max_size=30))
def test_nothing_else_comes_of_any_text(text: str) -> None:
    try:
        due = schedule.parse(f"cron({text})")
    except Invalid:
        return
    moment = due(NOW, NOW)
    assert moment is None or moment > NOW


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    after=st.floats(NOW, NOW + 400 * 86400, allow_nan=False),
)
def test_every_day_at_one_time(minute: int, hour: int, after: float) -> None:
    moment = schedule.parse(f"cron({minute} {hour} * * ? *)")(after, NOW)
    assert moment is not None
    assert 0 < moment - after <= 86400
    found = datetime.fromtimestamp(moment, UTC)
    assert (found.hour, found.minute, found.second) == (hour, minute, 0)
