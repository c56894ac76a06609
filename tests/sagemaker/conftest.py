"""What the tests of several kinds of jobs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Platform
from here import Here
from transforms import Transforms


@pytest.fixture(scope="session")
def transforms(platform: Platform) -> Transforms:
    return Transforms(platform)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path / "home")
    yield made
    made.close()
