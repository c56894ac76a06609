"""A client that has logged in as root."""

from typing import Any

import pytest

from ecr.tools import Door


@pytest.fixture
def door(platform: Any) -> Door:
    return Door(platform)


@pytest.fixture
def ecr(door: Door) -> Any:
    return door.ecr
