"""Java's classes as a JVM has them in memory, kept in a file: a Spark driver then starts in a third of the CPU.
https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html

The file holds for the same Java and the same paths of jars alone, so it is made where those are as in a container, by
an ordinary program (the image's warm.py) that does what most do. A JVM that finds another Java goes on without it.
"""

import hashlib
import json
import subprocess
import time
from pathlib import Path

from clary.compute.driver import Mount
from clary.compute.drivers import sandbox
from clary.errors import ClaryError
from clary.images.java import RELEASE, Java

PLACE = "/opt/clary-java"  # in a container
FILE = "driver.jsa"
MADE = "clary.json"
_WORK = "/opt/clary-archive"
_TMP = "/tmp"  # noqa: S108 - its own
_FORM = "1"  # of what is made; another one makes all be made anew
_PATIENCE = 600.0  # seconds
_MEMORY = 2 << 30


def name(environment: Path, java: Java, code: Path) -> str:
    """Of the folder for it: of what it holds for, and of what makes it."""
    parts = [_FORM, str(java.inside), java.version, (java.home / RELEASE).read_text()]
    parts += [(code / "warm.py").read_text()]
    return f"{environment.name}-java-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"


def make(folder: Path, mounts: tuple[Mount, ...], env: dict[str, str], program: tuple[str, ...]) -> str:
    """Makes it in `folder`, which is complete from the moment it is there. What went wrong, or nothing: then there is a
    folder without the file, since to try again for each job would take longer than to go without.
    """
    building = folder.with_name(f".{folder.name}.building")
    building.mkdir(exist_ok=True)
    file = building / FILE
    file.unlink(missing_ok=True)
    given = {**env, "CLARY_SPARK_ARCHIVE": f"{_WORK}/{FILE}", "CLARY_CPUS": "2", "CLARY_MEMORY": str(_MEMORY)}
    try:
        done = subprocess.run(
            [*_inside(mounts, building, given), *program],
            capture_output=True,
            text=True,
            check=False,
            env={},
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
        )
        wrong = "" if done.returncode == 0 and file.exists() else " ".join((done.stderr + done.stdout).split())[-1000:]
    except (OSError, ClaryError, subprocess.TimeoutExpired) as error:
        wrong = str(error)
    if wrong:
        file.unlink(missing_ok=True)
    else:
        file.chmod(0o444)
    building.chmod(0o755)
    (building / MADE).write_text(json.dumps({"when": time.time(), "wrong": wrong}))
    building.rename(folder)
    return wrong


def _inside(mounts: tuple[Mount, ...], building: Path, env: dict[str, str]) -> list[str]:
    """bubblewrap's command. It runs our own program on our own files: it is there for the paths, not for the walls."""
    options = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/opt", "--tmpfs", _TMP]
    options += [word for mount in mounts for word in ("--ro-bind", mount.source, mount.target)]
    options += ["--bind", str(building), _WORK, "--unshare-pid", "--unshare-net", "--die-with-parent", "--chdir", _TMP]
    return [sandbox().bwrap(), *options, *(word for pair in env.items() for word in ("--setenv", *pair)), "--"]
