"""What tests of an ordinary user need when they run as root: that user, and a Python that it can run."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOBODY = 65534
# setpriv has root's capabilities until it runs something, so would run what nobody may not: env has none.
BECOME = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "env")


def environment(home: Path) -> dict[str, str]:
    """Of a user with this home, with our packages to import; how the network is reached stays as it is here."""
    foreign = ("AWS_", "CLARY_", "PYTHON", "UV_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = os.pathsep.join((str(ROOT / "src"), sysconfig.get_paths()["purelib"]))
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": path}
    return kept | plain | {"PYTHONDONTWRITEBYTECODE": "1"}


def python() -> str:
    """A Python of our version that this user can run, with our packages. Skips the test where there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, f"/usr/bin/{version}", shutil.which(version) or ""):
        probe = [*BECOME, found, "-c", "import clary, pytest"]
        given = environment(Path("/"))
        if found and subprocess.run(probe, capture_output=True, check=False, cwd=ROOT, env=given).returncode == 0:
            return found
    pytest.skip("no Python here is open to other users")
