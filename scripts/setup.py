"""Makes `.venv` with Clary in it, from the hash-locked requirements/dev.txt: `make setup`.

It needs python3 and nothing else; it is run by whatever python3 there is, so it must parse on old ones. What is missing
is installed when we are root on Debian or Ubuntu, and named with the command that installs it otherwise. Run again, it
does only what has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
NEW_ENOUGH = "import sys; assert sys.version_info >= " + repr(OLDEST)
KNOWN = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements" / "dev.txt"
STAMP = VENV / ".made-from"


def main() -> None:
    began = time.monotonic()
    if sys.version_info < OLDEST:
        on_a_newer_python()
    if STAMP.exists() and STAMP.read_text() == identity():
        return
    if VENV.exists() and not os.access(VENV, os.W_OK):
        stop(f"{VENV} belongs to another user", f"sudo rm -r {VENV} && make setup")
    print("Setting up .venv …", flush=True)
    if not works(PYTHON, "import sys; assert sys.version_info[:2] == " + repr(sys.version_info[:2])):
        make_venv()
    bring_uv()
    install()
    STAMP.write_text(identity())
    print(f"Set up in {time.monotonic() - began:.0f} s: .venv/bin/clary", flush=True)


def on_a_newer_python() -> None:
    """Goes on as another process, on a Python that is new enough."""
    wanted = ".".join(map(str, OLDEST))
    candidates = filter(None, map(shutil.which, KNOWN))
    found = next((path for path in candidates if works(path, NEW_ENOUGH)), None)
    if found is None:
        package = f"python{wanted}"
        apt(f"Python {wanted} or later is needed; this is {sys.version.split()[0]}", package, f"{package}-venv")
        found = shutil.which(package)
    if found is None:
        sys.exit(f"setup: apt-get installed no Python {wanted}: install it by hand, then `make setup`")
    os.execv(found, [found, *sys.argv])  # noqa: S606 - there is no shell between


def make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    if not works(
        sys.executable, "import venv, ensurepip; ensurepip.version()"
    ):  # Debian and Ubuntu keep these in a package of their own
        if works(sys.executable, "import venv, pip; pip.__version__"):
            run(sys.executable, "-m", "venv", "--without-pip", VENV)
            return
        version = "{}.{}".format(*sys.version_info)
        apt("Python's venv module is missing", f"python{version}-venv")
    run(sys.executable, "-m", "venv", VENV)


def bring_uv() -> None:
    """uv, in the locked version, by pip: it installs what is left in seconds."""
    lines = LOCK.read_text().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("uv=="))
    end = next(number for number in range(start, len(lines)) if not lines[number].endswith("\\"))
    only = VENV / "uv.txt"
    only.write_text("\n".join(lines[start : end + 1]) + "\n")
    pip = (
        (PYTHON, "-m", "pip")
        if works(PYTHON, "import pip; pip.__version__")
        else (sys.executable, "-m", "pip", "--python", PYTHON)
    )
    run(*pip, "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", only)


def install() -> None:
    sys.path.insert(0, str(ROOT / "src"))  # Clary is not installed yet; this module of it needs nothing but Python
    from clary.images.sources import indexes  # noqa: PLC0415 - it needs a newer Python than this file

    uv = (VENV / "bin" / "uv", "pip")
    quiet = ("--quiet", "--no-progress", "--compile-bytecode", "--python", PYTHON)
    run(*uv, "sync", *quiet, "--require-hashes", *indexes(), LOCK)
    # The build backend is locked too, so the build fetches nothing.
    run(*uv, "install", *quiet, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    # uv compiles nothing that stays where it is, and where PYTHONDONTWRITEBYTECODE is set nobody would.
    run(PYTHON, "-m", "compileall", "-q", ROOT / "src")


def identity() -> str:
    """Changes when .venv has to be made anew: the lock, the project's metadata, Python, the place."""
    parts = (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def works(python: "str | Path", code: str) -> bool:
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def run(*arguments: "str | Path") -> None:
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}  # of a shell that has another environment open
    environment = {key: value for key, value in os.environ.items() if key not in dropped}
    words = [str(argument) for argument in arguments]
    if subprocess.run(words, check=False, env=environment).returncode:
        sys.exit("setup: this failed: " + " ".join(words))


def apt(missing: str, *packages: str) -> None:
    """Installs the packages if we are root and have apt-get; else says how."""
    if os.geteuid() or not shutil.which("apt-get"):
        stop(missing, "sudo apt-get install " + " ".join(packages))
    print(f"{missing}: installing {' '.join(packages)}", flush=True)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-y", "-qq", *packages)


def stop(missing: str, mend: str) -> None:
    sys.exit(f"setup: {missing}. This mends it:\n\n    {mend}\n")


if __name__ == "__main__":
    main()
