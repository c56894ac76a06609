"""The contract once more, as an ordinary user: user namespaces instead of private user ids, limits as they come."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "65534"
AS_NOBODY = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env", "-i", "PATH=/usr/sbin:/usr/bin")
FILES = ("tests/compute/test_contract.py", "tests/compute/test_isolation.py")
QUICK = "not fork_bomb and not disk_limit"  # those take seconds, and differ in nothing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; an ordinary one is tested anyway")
def test_the_contract_as_an_ordinary_user() -> None:
    python = _python()
    with tempfile.TemporaryDirectory(prefix="clary-test-") as folder:
        Path(folder).chmod(0o777)
        command = [python, "-m", "pytest", *FILES, "-q", "-k", QUICK, "-x"]
        done = subprocess.run(
            [*AS_NOBODY, f"TMPDIR={folder}", f"PYTHONPATH={_path()}", "PYTHONDONTWRITEBYTECODE=1", *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout or "[100%]" in done.stdout


def _path() -> str:
    return os.pathsep.join((str(ROOT / "src"), sysconfig.get_paths()["purelib"]))


def _python() -> str:
    """A Python of our version that this user can run, with our packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", shutil.which(version) or ""):
        probe = [*AS_NOBODY, f"PYTHONPATH={_path()}", "PYTHONDONTWRITEBYTECODE=1", python, "-c", "import clary, pytest"]
        if python and subprocess.run(probe, capture_output=True, check=False, cwd=ROOT).returncode == 0:
            return python
    pytest.skip("no Python here is open to other users")
