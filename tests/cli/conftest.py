"""The command as a shell runs it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import CLARY
from waiting import PATIENCE

Clary = Callable[..., "subprocess.CompletedProcess[str]"]


def plain(**more: str) -> dict[str, str]:
    """The environment, without anything that leads to an AWS or to a Clary."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLARY_"))}
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, **more}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose path a shell has to quote; whatever still runs there is stopped."""
    folder = tmp_path / "a home, it's $mine"
    yield folder
    subprocess.run([CLARY, "down", "--home", folder], check=True, capture_output=True)


@pytest.fixture
def clary(home: Path) -> Clary:
    """Runs `clary ARGUMENTS` with this home, and returns its code and what it said."""

    def run(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [CLARY, *arguments],
            env=plain(**{"CLARY_HOME": str(home), "CLARY_PORT": "0", **environment}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    return run
