"""When a schedule is due: at(2026-01-02T03:04:05), rate(5 minutes), cron(15 10 ? * MON-FRI *).

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clary.errors import Invalid

UNITS: Final = {"minute": 60, "hour": 3600, "day": 86400}
MONTHS: Final = tuple(name.upper() for name in calendar.month_abbr[1:])
DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # 1 to 7
YEARS: Final = (1970, 2199)
FAR: Final = 366 * 8  # days ahead that a date is looked for: a 29th of February is never further off
FORM = re.compile(r"(at|rate|cron)\(([^()]*)\)")
ENTRY = re.compile(r"(?P<from>\*|[A-Z0-9]+)(?:-(?P<to>[A-Z0-9]+))?(?:/(?P<step>[0-9]+))?")


def zone(name: str) -> ZoneInfo:
    """Raises Invalid."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"The timezone {name} is not known.") from error


def parse(text: str, timezone: str = "UTC") -> Callable[[float, float], float | None]:
    """The function that tells when it is due: (after, begun) in seconds since the epoch -> the first time after
    `after`, or None if there is none; a rate counts from `begun`. Raises Invalid.
    """
    found = FORM.fullmatch(text.strip())
    where = zone(timezone)
    if found is None:
        raise Invalid(f"The schedule {text} is none of at(...), rate(...) and cron(...).")
    kind, inner = found.groups()
    if kind == "at":
        return _at(text, inner, where)
    if kind == "rate":
        return _rate(text, inner)
    return _cron(text, inner, where)


def _at(text: str, inner: str, where: ZoneInfo) -> Callable[[float, float], float | None]:
    try:
        moment = datetime.strptime(inner.strip(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=where).timestamp()
    except (ValueError, OverflowError) as error:
        raise Invalid(f"The schedule {text} is no time of the form at(yyyy-mm-ddThh:mm:ss).") from error
    return lambda after, _begun: moment if moment > after else None


def _rate(text: str, inner: str) -> Callable[[float, float], float | None]:
    found = re.fullmatch(r"\s*([1-9][0-9]{0,5})\s+(minute|hour|day)s?\s*", inner)
    if found is None:
        raise Invalid(
            f"The schedule {text} is not of the form rate(value minute | minutes | hour | hours | day | days)."
        )
    step = int(found[1]) * UNITS[found[2]]
    return lambda after, begun: begun + (max(0, (after - begun) // step) + 1) * step if after >= begun else begun


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of a month: numbers, L, 15W, LW; or by the week: numbers, 6L, 6#3."""

    monthly: tuple[str, ...]  # empty: any
    weekly: tuple[str, ...]

    def has(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        if self.monthly:
            return any(self._of_month(entry, day, last) for entry in self.monthly)
        return not self.weekly or any(self._of_week(entry, day, last) for entry in self.weekly)

    def _of_month(self, entry: str, day: date, last: int) -> bool:
        if entry == "L":
            return day.day == last
        if entry.endswith("W"):
            wanted = last if entry == "LW" else int(entry[:-1])
            return wanted <= last and day == _workday(date(day.year, day.month, wanted), last)
        return day.day in _numbers(entry, 1, 31, ())

    def _of_week(self, entry: str, day: date, last: int) -> bool:
        number = day.isoweekday() % 7 + 1
        if entry == "L":
            return number == len(DAYS)
        if entry.endswith("L"):
            return number in _numbers(entry[:-1], 1, 7, DAYS) and day.day > last - 7
        if "#" in entry:
            which, _, nth = entry.partition("#")
            return number in _numbers(which, 1, 7, DAYS) and (day.day - 1) // 7 + 1 == int(nth)
        return number in _numbers(entry, 1, 7, DAYS)


def _workday(day: date, last: int) -> date:
    """The nearest from Monday to Friday in the same month."""
    if day.isoweekday() == 6:
        return day - timedelta(1) if day.day > 1 else day + timedelta(2)
    if day.isoweekday() == 7:
        return day + timedelta(1) if day.day < last else day - timedelta(2)
    return day


def _cron(text: str, inner: str, where: ZoneInfo) -> Callable[[float, float], float | None]:
    fields = inner.upper().split()
    if len(fields) != 6:
        raise Invalid(
            f"The schedule {text} has not the six fields minutes, hours, day of month, month, day of week, year."
        )
    try:
        minutes, hours = _list(fields[0], 0, 59, ()), _list(fields[1], 0, 23, ())
        months, years = _list(fields[3], 1, 12, MONTHS), _list(fields[5], *YEARS, ())
        days = _days(fields[2], fields[4])
    except ValueError as error:
        raise Invalid(f"The schedule {text} cannot be read: {error}.") from error

    def due(after: float, _begun: float) -> float | None:
        today = datetime.fromtimestamp(after, where).date()
        for day in (today + timedelta(ahead) for ahead in range(FAR)):
            if day.year not in years or day.month not in months or not days.has(day):
                continue
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=where)
                    moment = local.timestamp()
                    # A time that the clocks leave out comes back as another, and is left out too.
                    if moment > after and datetime.fromtimestamp(moment, UTC).astimezone(where) == local:
                        return moment
        return None

    return due


def _days(monthly: str, weekly: str) -> _Days:
    if (monthly == "?") is (weekly == "?"):
        raise ValueError("one of day of month and day of week must be ?, and not both")
    found = _Days(
        () if monthly in ("?", "*") else tuple(monthly.split(",")),
        () if weekly in ("?", "*") else tuple(weekly.split(",")),
    )
    for entry in found.monthly:
        if entry.endswith("W") and entry != "LW" and int(entry[:-1]) not in range(1, 32):
            raise ValueError(f"{entry} is no day")
    for entry in found.weekly:
        if "#" in entry and entry.partition("#")[2] not in ("1", "2", "3", "4", "5"):
            raise ValueError(f"{entry}: a month has no such day of the week")
    for year, month in ((2024, 1), (2024, 2)):  # each entry is read, so that what cannot be is told now
        for entry in found.monthly:
            found._of_month(entry, date(year, month, 1), 29)  # noqa: SLF001 - its own file
        for entry in found.weekly:
            found._of_week(entry, date(year, month, 1), 29)  # noqa: SLF001 - its own file
    return found


def _list(text: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    return frozenset(number for entry in text.split(",") for number in _numbers(entry, low, high, names))


def _numbers(entry: str, low: int, high: int, names: tuple[str, ...]) -> range:
    """Those of one entry: 5, 1-5, MON-FRI, */10, 5/15. Raises ValueError."""
    found = ENTRY.fullmatch(entry)
    if found is None:
        raise ValueError(f"{entry} is neither number nor range")

    def number(word: str) -> int:
        value = names.index(word) + 1 if word in names else int(word)
        if not low <= value <= high:
            raise ValueError(f"{word} is not from {low} to {high}")
        return value

    step = int(found["step"] or 1)
    if step < 1:
        raise ValueError(f"{entry} does not move")
    if found["from"] == "*":
        if found["to"]:
            raise ValueError(f"{entry} is neither number nor range")
        return range(low, high + 1, step)
    first = number(found["from"])
    last = number(found["to"]) if found["to"] else high if found["step"] else first
    if last < first:
        raise ValueError(f"{entry} ends before it begins")
    return range(first, last + 1, step)
