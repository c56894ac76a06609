"""What the tests of CloudWatch share: a clock that they set, and metrics of this process."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.config import Config
from clary.resource.bus import Bus
from clary.resource.call import Platform
from clary.services.cloudwatch import Metrics
from clary.services.iam.identity import bootstrap
from clary.store.db import Store

DAY = 86400


class Clock:
    def __init__(self) -> None:
        self.now = time.time() // DAY * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def here(tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    """The platform of a home that nobody serves."""
    store = Store(tmp_path / "state.db", ["clary.services.iam", "clary.services.cloudwatch"])
    identity = bootstrap(store, Config.load(home=str(tmp_path)))
    yield Platform(identity.config, store, Bus(), clock, identity.authority)
    store.close()


@pytest.fixture
def metrics(here: Platform) -> Metrics:
    return Metrics(here)
