"""Transform jobs by the front door: what becomes of files of every kind."""

import pytest

from conftest import Platform
from transforms import Transforms

ROWS = [f"{number % 7},{number % 2 * 3 + number % 5}" for number in range(100)]


@pytest.fixture(scope="module")
def transforms(platform: Platform) -> Transforms:
    return Transforms(platform)


def test_a_file_of_lines(transforms: Transforms) -> None:
    body = "\n".join(ROWS).encode() + b"\n"
    out = transforms.run({"a.csv": body, "sub/b.csv": b"1,2\n"})
    assert sorted(out) == ["a.csv.out", "sub/b.csv.out"]
    scores = [float(line) for line in out["a.csv.out"].decode().splitlines()]
    assert len(scores) == len(ROWS)
    assert len(set(scores)) > 1
    again = transforms.run({"a.csv": body}, BatchStrategy="SingleRecord")
    assert [float(line) for line in again["a.csv.out"].decode().splitlines()] == scores
