"""Click logs in the shape of the Avazu competition: 24 columns, few values that are everywhere, many that are rare.
It is all made up; the same seed makes the same rows.

python clicks.py ROWS FILE
"""

import bisect
import csv
import functools
import hashlib
import itertools
import math
import random
import sys
from collections.abc import Iterator, Sequence

# https://www.kaggle.com/c/avazu-ctr-prediction/data
COLUMNS = (
    "id", "click", "hour", "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain",
    "app_category", "device_id", "device_ip", "device_model", "device_type", "device_conn_type",
    *(f"C{n}" for n in range(14, 22)),
)  # fmt: skip
DAYS = range(141021, 141031)  # YYMMDD
BY_DAY = (3, 2, 2, 2, 4, 5, 6, 6, 7, 8, 8, 8, 8, 8, 7, 7, 7, 6, 5, 4, 4, 4, 3, 3)  # how busy each hour is
FEW = {  # the columns of few values, and how often each comes, in percent
    "C1": {"1005": 91.8, "1002": 5.5, "1010": 2.2, "1012": 0.3, "1007": 0.1, "1001": 0.05, "1008": 0.05},
    "banner_pos": {"0": 72.0, "1": 27.8, "7": 0.1, "2": 0.05, "4": 0.03, "5": 0.02},
    "device_type": {"1": 92.3, "0": 5.5, "4": 1.9, "5": 0.3},
    "device_conn_type": {"0": 86.3, "2": 8.2, "3": 5.3, "5": 0.2},
    "C15": {"320": 93.2, "300": 5.8, "216": 0.7, "728": 0.2, "120": 0.1},
    "C16": {"50": 94.3, "250": 4.5, "36": 0.7, "480": 0.3, "90": 0.2},
    "C18": {"0": 41.9, "3": 33.8, "2": 17.0, "1": 7.3},
}
MANY = {  # columns of many values, and how many; the n-th of them comes about 1/n times as often as the first
    "site": 2500, "app": 4000, "device_id": 300_000, "device_ip": 800_000, "device_model": 6000, "C14": 2400,
    "C19": 66, "C20": 170, "C21": 60,
}  # fmt: skip
CATEGORIES, DOMAINS = 24, 400  # of sites and of apps
IN_SITE, COMMON_DEVICE, NO_C20 = 0.64, 0.83, 0.47  # the share of rows
EFFECTS = {  # the columns that a click depends on, and how much
    "hour": 0.1, "banner_pos": 0.2, "site_id": 0.5, "site_category": 0.2, "app_id": 0.5, "device_model": 0.2,
    "device_conn_type": 0.2, "C14": 0.4, "C16": 0.3, "C17": 0.2, "C21": 0.2,
}  # fmt: skip
LEVEL = -1.2  # so that about 17 in 100 are clicked
AT_ONCE = 10_000  # rows


def rows(count: int, seed: int = 0) -> Iterator[list[str]]:
    """In the order of time, each as COLUMNS; without the line of their names."""
    numbers = random.Random(f"clicks {seed}")
    hours = [f"{day}{hour:02}" for day in DAYS for hour in range(24)]
    busy = list(itertools.accumulate(BY_DAY * len(DAYS)))
    for first in range(0, count, AT_ONCE):
        many = min(AT_ONCE, count - first)
        when = sorted(numbers.random() * many + first for _ in range(many))
        drawn = {
            "hour": [hours[bisect.bisect(busy, each / count * busy[-1])] for each in when],
            **_drawn(numbers, many),
        }
        chances = _chances(drawn, many)
        drawn["click"] = ["1" if numbers.random() < chance else "0" for chance in chances]
        drawn["id"] = [str(numbers.getrandbits(64)) for _ in range(many)]
        yield from map(list, zip(*(drawn[column] for column in COLUMNS), strict=True))


def write(path: str, count: int, seed: int = 0) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows(count, seed))


def _drawn(numbers: random.Random, many: int) -> dict[str, list[str]]:
    """By column; all but the time, the id and whether it was clicked."""
    found = {}
    for column, shares in FEW.items():
        found[column] = numbers.choices(list(shares), list(shares.values()), k=many)
    for column in ("device_model", "C14", "C19", "C21", "device_ip"):
        found[column] = [_name(column, n) for n in _ranks(numbers, column, many)]
    found["C17"] = [str(1000 + int(creative) % 450) for creative in found["C14"]]  # a creative is of one campaign
    devices = [_name("device_id", n) for n in _ranks(numbers, "device_id", many)]
    found["device_id"] = _or(numbers, COMMON_DEVICE, _name("device_id", -1), devices)
    found["C20"] = _or(numbers, NO_C20, "-1", [_name("C20", n) for n in _ranks(numbers, "C20", many)])
    within = [numbers.random() < IN_SITE for _ in range(many)]
    for kind, inside in (("site", within), ("app", [not each for each in within])):
        ranks = [n if here else -1 for n, here in zip(_ranks(numbers, kind, many), inside, strict=True)]
        found[f"{kind}_id"] = [_name(f"{kind}_id", n) for n in ranks]
        found[f"{kind}_domain"] = [_name(f"{kind}_domain", n % DOMAINS if n >= 0 else -1) for n in ranks]
        found[f"{kind}_category"] = [_name(f"{kind}_category", n * 7 % CATEGORIES if n >= 0 else -1) for n in ranks]
    return found


def _chances(drawn: dict[str, list[str]], many: int) -> list[float]:
    sums = [LEVEL] * many
    for column, weight in EFFECTS.items():
        sums = [total + weight * _effect(column, value) for total, value in zip(sums, drawn[column], strict=True)]
    return [1 / (1 + math.exp(-total)) for total in sums]


@functools.cache
def _effect(column: str, value: str) -> float:
    return random.Random(f"{column}={value[-2:] if column == 'hour' else value}").gauss(0, 1)


@functools.lru_cache(1 << 20)
def _name(column: str, n: int) -> str:
    """The n-th value of a column; -1: the one that stands where there is no site, no app, no known device."""
    if column == "C14":
        return str(15_000 + n * 7)
    if column in {"C19", "C20", "C21"}:
        return str({"C19": 35, "C20": 100_000, "C21": 1}[column] + n * (3 if column == "C21" else 1))
    return hashlib.blake2b(f"{column} {n}".encode(), digest_size=4).hexdigest()


def _ranks(numbers: random.Random, column: str, many: int) -> list[int]:
    """By Zipf's law, nearly: the logarithm of the rank is even."""
    size = math.log(MANY[column] + 1)
    return [int(math.exp(numbers.random() * size)) - 1 for _ in range(many)]


def _or(numbers: random.Random, share: float, one: str, others: Sequence[str]) -> list[str]:
    return [one if numbers.random() < share else other for other in others]


if __name__ == "__main__":
    write(sys.argv[2], int(sys.argv[1]))
