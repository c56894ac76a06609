"""The Python environments of the clients and peers that we test and measure against, each apart from ours and from
each other: `.envs/<name>`, made from the hash-locked `requirements/<name>.txt`.

    python scripts/environments.py NAME…          make what is missing or stale; print each environment's folder
    python scripts/environments.py                all of them
    python scripts/environments.py --lock [NAME…] write requirements/<name>.txt anew from requirements/<name>.in

An environment is made once and made again when its requirements or its Python change. Several processes may ask at
once: the first makes it, the others wait.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clary.images.sources import indexes, uv

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
ENVIRONMENTS = ROOT / ".envs"
OLDEST_PYTHON = "3.11"


def names() -> list[str]:
    return sorted(path.stem for path in REQUIREMENTS.glob("*.in"))


def ready(name: str) -> Path:
    """The folder of the environment `name`, made now if it isn't there. Raises CalledProcessError if pip's index
    doesn't have what the lock file says.
    """
    locked = REQUIREMENTS / f"{name}.txt"
    folder = ENVIRONMENTS / name
    stamp = folder / ".made-from"
    identity = hashlib.sha256(locked.read_bytes() + sys.version.encode()).hexdigest()
    with _lock(name):
        if stamp.exists() and stamp.read_text() == identity:
            return folder
        began = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--python", sys.executable, folder)
        _uv("pip", "install", "--require-hashes", "--python", folder / "bin" / "python", "-r", locked, *indexes())
        stamp.write_text(identity)
        print(f"{name}: made in {time.monotonic() - began:.1f} s", file=sys.stderr)
    return folder


def lock(name: str) -> None:
    """Write requirements/<name>.txt: every version and hash, for every platform, naming no index. It asks uv's default
    index alone: a machine's own extra places may hold other files under the same version.
    """
    wanted = REQUIREMENTS / f"{name}.in"
    form = ("--universal", "--generate-hashes", "--no-header", "--no-emit-index-url", "--python-version", OLDEST_PYTHON)
    _uv("pip", "compile", *form, "--no-annotate", "--upgrade", wanted, "-o", wanted.with_suffix(".txt"))


@contextmanager
def _lock(name: str) -> Iterator[None]:
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _uv(*arguments: str | Path) -> None:
    # No cached answer about another virtual environment may lead uv astray.
    environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    subprocess.run([uv(), *map(str, arguments), "--quiet", "--no-progress"], check=True, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    parser.add_argument("--lock", action="store_true", help="resolve requirements/NAME.in anew")
    given = parser.parse_args()
    if unknown := set(given.names) - set(names()):
        parser.error(f"no such environment: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    for name in given.names or names():
        if given.lock:
            lock(name)
        else:
            print(ready(name))


if __name__ == "__main__":
    main()
