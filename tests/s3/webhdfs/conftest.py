"""A bucket of its own, and root's client."""

from typing import Any

import pytest

from s3.tools import new_bucket
from s3.webhdfs.tools import Door


@pytest.fixture
def s3(platform: Any) -> Any:
    return platform.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


@pytest.fixture
def door(platform: Any) -> Door:
    return Door(platform)
