"""The programs from Debian's packages that tests and benchmarks work with: podman, docker and their like.

    python scripts/debian.py PROGRAM…   install what is missing
    python scripts/debian.py            all of them

As root on Debian or Ubuntu it installs what is missing; elsewhere it names the command that does, and tests that need a
program say that they were left out. Several processes may ask at once: the first installs, the others wait.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = {  # by program
    "buildah": "buildah",
    "catatonit": "catatonit",
    "dockerd": "docker.io",
    "docker": "docker-cli",
    "docker-registry": "docker-registry",
    "podman": "podman",
    "skopeo": "skopeo",
}
OLDER = {"docker-cli": "docker.io"}  # where Debian had not divided the package yet
LOCK = Path(tempfile.gettempdir()) / f"clary-debian-{os.geteuid()}.lock"


def ready(*programs: str) -> bool:
    """Whether they are all there, after what can be done. Raises CalledProcessError where apt-get fails."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return True
    packages = [PACKAGES[program] for program in missing]
    if os.geteuid() or not shutil.which("apt-get"):
        print(f"{', '.join(missing)}: not here; sudo apt-get install {' '.join(packages)}", file=sys.stderr)
        return False
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(shutil.which(program) is None for program in missing):
            install(packages)
    return all(shutil.which(program) for program in missing)


def install(packages: list[str]) -> None:
    print(f"installing {' '.join(packages)}", file=sys.stderr, flush=True)
    # Services that a package brings are not started: tests start what they need, on ports of their own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    patient = ("-o", "DPkg::Lock::Timeout=600")
    subprocess.run(["apt-get", "update", "-qq", *patient], check=True, env=environment, stdout=sys.stderr)
    known = {OLDER[package] if package in OLDER and not known_to_apt(package) else package for package in packages}
    quiet = ("install", "-y", "-qq", "--no-install-recommends", *patient)
    subprocess.run(["apt-get", *quiet, *sorted(known)], check=True, env=environment, stdout=sys.stderr)


def known_to_apt(package: str) -> bool:
    said = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False).stdout
    return "Candidate: " in said and "Candidate: (none)" not in said


if __name__ == "__main__":
    sys.exit(not ready(*(sys.argv[1:] or PACKAGES)))
