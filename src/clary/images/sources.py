"""Where packages come from. uv doesn't read pip's settings; a machine that is set up for pip is set up for us too.

scripts/setup.py imports this before there is anything but Python, so it imports nothing else.
"""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

_OPTIONS = {"index-url": "--index-url", "extra-index-url": "--extra-index-url", "find-links": "--find-links"}


def settings() -> dict[str, str]:
    """pip's own, as `pip install` would take them here: index-url, find-links, cert and the rest.
    https://pip.pypa.io/en/stable/topics/configuration/
    """
    python = shutil.which("python3", path=os.environ.get("PATH", os.defpath)) or sys.executable
    told = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    levels: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}  # the later ones win
    for line in told.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in levels:
            levels[section][name] = str(ast.literal_eval(value))
    return {name: value for level in levels.values() for name, value in level.items()}


def indexes() -> list[str]:
    """uv's options for the places that pip would ask, the best version over all of them, as pip takes it. The lock's
    hashes say what may be installed.
    """
    told = settings()
    found = [(option, place) for name, option in _OPTIONS.items() for place in told.get(name, "").split()]
    return [*(word for pair in found for word in pair), "--index-strategy", "unsafe-best-match"]


def uv() -> str:
    """The program, which comes with Clary as a wheel: beside Python, or where the wheel's package was found."""
    places = [os.path.dirname(sys.executable)]  # noqa: PTH120 - which() takes text
    found = importlib.util.find_spec("uv")
    if found is not None and found.origin:
        places.append(str(Path(found.origin).parents[4] / "bin"))
    return shutil.which("uv", path=os.pathsep.join(places)) or shutil.which("uv") or "uv"
