"""Programs that know nothing of Clary, each in its own environment, brought here by `clary env` and by `clary run`."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waiting import LIMIT

ROOT = Path(__file__).resolve().parent.parent.parent
CLARY = Path(sys.prefix) / "bin" / "clary"

# As a user types them: "$0" is clary, "$1" the home, then the command.
WAYS = {
    "env": 'eval "$("$0" env --home "$1")" && shift && exec "$@"',
    "run": 'home=$1 && shift && exec "$0" run --home "$home" -- "$@"',
}

Outside = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=WAYS)
def way(request: Any) -> str:
    """Each of the ways, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def outside(platform: Any, tmp_path: Path) -> Outside:
    """`outside(way, environment, program, *arguments)` runs a program of `.envs/<environment>` in `tmp_path`, with
    nothing of ours or of the caller's AWS settings around it.
    """

    def run(way: str, environment: str, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        program = str(made(environment) / "bin" / program)
        dropped = ("AWS_", "CLARY_", "PYTHON", "VIRTUAL_ENV", "BOTOCORE_", "SAGEMAKER_")
        around = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        return subprocess.run(
            ["sh", "-c", WAYS[way], CLARY, platform.home, program, *arguments],
            cwd=tmp_path,
            env={**around, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    return run


def made(environment: str) -> Path:
    """The environment's folder; the first test that asks makes it."""
    script = ROOT / "scripts" / "environments.py"
    said = subprocess.run(
        [sys.executable, script, environment], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    return Path(said.stdout.strip())
