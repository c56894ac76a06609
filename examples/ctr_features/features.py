"""preprocess.py's features without scikit-learn, or anything but Python: what it writes is the same to the byte.

MurmurHash3 is Austin Appleby's: https://github.com/aappleby/smhasher/wiki/MurmurHash3. scikit-learn's FeatureHasher
takes the signed 32-bit one of "column=value": its absolute value says the place, its sign what is added there.
"""

import argparse
import csv
import functools
import glob
import math
import random
from collections.abc import Iterable
from typing import TextIO

BASE = "/opt/ml/processing"
WORD = 0xFFFFFFFF


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", type=int, default=1 << 18)
    parser.add_argument("--test-size", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--base", default=BASE)
    args = parser.parse_args()

    rows, clicked = read(sorted(glob.glob(f"{args.base}/input/clicks/*.csv")))
    order = permutation(args.seed, len(rows))
    test = math.ceil(args.test_size * len(rows))
    for name, part in (("train", order[test:]), ("test", order[:test])):
        with open(f"{args.base}/output/{name}/{name}.svm", "w") as file:
            stored = sum(write(file, clicked[n], transform(rows[n], args.features)) for n in part)
        print(f"{name}: {len(part)} rows, {stored / len(part):.1f} features in each")


def read(paths: Iterable[str]) -> tuple[list[list[str]], list[str]]:
    """Each row as "column=value", and whether it was clicked."""
    rows, clicked = [], []
    for path in paths:
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                clicked.append(row.pop("click"))
                del row["id"]
                row["hour"] = row["hour"][-2:]  # of the day
                rows.append([f"{column}={value}" for column, value in row.items()])
    return rows, clicked


def transform(row: list[str], features: int) -> dict[int, int]:
    """What FeatureHasher gives: two that meet in one place are added, and may leave a zero there."""
    found: dict[int, int] = {}
    for feature in row:
        hashed = murmur(feature)
        place = abs(hashed) % features
        found[place] = found.get(place, 0) + (1 if hashed >= 0 else -1)
    return found


def write(file: TextIO, label: str, row: dict[int, int]) -> int:
    """A line as dump_svmlight_file writes it."""
    file.write(f"{label} {' '.join(f'{place}:{row[place]}' for place in sorted(row))}\n")
    return len(row)


@functools.lru_cache(1 << 20)
def murmur(text: str) -> int:
    """MurmurHash3_x86_32, seed 0, signed."""
    data, hashed = text.encode(), 0
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        hashed ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        hashed = (hashed << 13 | hashed >> 19) & WORD
        hashed = (hashed * 5 + 0xE6546B64) & WORD
    hashed ^= _mixed(int.from_bytes(data[whole:], "little"))
    hashed ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        hashed = (hashed ^ hashed >> shift) * factor & WORD
    return hashed - (1 << 32) if hashed >> 31 else hashed


def _mixed(block: int) -> int:
    block = block * 0xCC9E2D51 & WORD
    block = (block << 15 | block >> 17) & WORD
    return block * 0x1B873593 & WORD


def permutation(seed: int, count: int) -> list[int]:
    """numpy.random.RandomState(seed).permutation(count), which train_test_split cuts: both NumPy and Python draw by the
    Mersenne Twister, but each makes its first state of the seed in another way.
    http://www.math.sci.hiroshima-u.ac.jp/m-mat/MT/MT2002/emt19937ar.html
    """
    state = [seed]
    for n in range(1, 624):
        state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + n) & WORD)
    numbers = random.Random()
    numbers.setstate((3, (*state, 624), None))
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = last + 1
        while other > last:
            other = numbers.getrandbits(32) & ((1 << last.bit_length()) - 1)
        order[last], order[other] = order[other], order[last]
    return order


if __name__ == "__main__":
    main()
