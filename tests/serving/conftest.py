"""The data plane of a home that has been up once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Platform
from serving.bed import TIMEOUT, Plane


@pytest.fixture(scope="session")
def served_home() -> Iterator[Platform]:
    """A home that has been up once, and has no main process now."""
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    platform = Platform(folder / "home", CLARY_SERVING_PORT="0").start()
    platform.stop()
    yield platform
    shutil.rmtree(folder)


@pytest.fixture
def plane(served_home: Platform) -> Iterator[Plane]:
    running = Plane(served_home).start()
    yield running
    running.close()


@pytest.fixture
def impatient(served_home: Platform) -> Iterator[Plane]:
    """One that waits for a container, or for a replica, no longer than TIMEOUT."""
    running = Plane(served_home, CLARY_SERVING_TIMEOUT=str(TIMEOUT)).start()
    yield running
    running.close()
