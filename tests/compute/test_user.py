"""The contract once more, as an ordinary user: user namespaces instead of private user ids, limits as they come."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from nobody import BECOME, ROOT, environment, python

FILES = (
    "tests/compute/test_contract.py",
    "tests/compute/test_isolation.py",
    "tests/compute/test_network.py",
    "tests/compute/test_tree.py",
)
QUICK = "not fork_bomb and not disk_limit"  # those take seconds, and differ in nothing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; an ordinary one is tested anyway")
def test_the_contract_as_an_ordinary_user() -> None:
    command = [*BECOME, python(), "-m", "pytest", *FILES, "-q", "-k", QUICK, "-x"]
    with tempfile.TemporaryDirectory(prefix="clary-test-") as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            command, cwd=ROOT, env=environment(Path(folder)), capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout or "[100%]" in done.stdout
