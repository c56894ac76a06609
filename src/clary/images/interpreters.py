"""Which Pythons this machine has: an image names the one that its libraries were built for."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from clary.errors import ClaryError
from clary.images.sources import uv

_ASK = "import json, platform, sys; print(json.dumps([platform.python_version(), sys.base_prefix]))"


class NoInterpreter(ClaryError):
    """The Python that an image needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    path: str
    version: str  # 3.11.7
    prefix: str  # where its standard library is


def find(version: str, folders: str) -> Interpreter:
    """The interpreter for `version` (3.11), sought in `folders` (the setting `pythons`, ':' between them), then among
    ours, PATH's, and those that uv knows. A folder may hold interpreters, or installations (`pyenv`'s versions).
    Raises NoInterpreter.
    """
    for path in [*_in(folders, version), *_ours(version), *_on_path(version), *_uvs(version)]:
        found = _examine(path)
        if found and re.match(rf"{re.escape(version)}(\.|$)", found.version):
            return found
    raise NoInterpreter(
        f"it needs Python {version}, which is not found on this machine. "
        f"Install it (`uv python install {version}`), or name the folder that has it by the setting `pythons`"
    )


def _in(folders: str, version: str) -> list[str]:
    name = f"python{version}"
    found = []
    for folder in (Path(part).expanduser() for part in folders.split(":") if part):
        found += [folder / name, folder / "bin" / name, *sorted(folder.glob(f"*/bin/{name}"), reverse=True)]
    return [str(path) for path in found if path.exists()]


def _ours(version: str) -> list[str]:
    return [sys.executable] if f"{sys.version_info[0]}.{sys.version_info[1]}" == version else []


def _on_path(version: str) -> list[str]:
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [found for place in places if (found := shutil.which(f"python{version}", path=place))]


def _uvs(version: str) -> list[str]:
    told = subprocess.run(
        [uv(), "python", "find", "--no-project", "--no-python-downloads", "--system", version],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.split("\n")[:1] if told.returncode == 0 else []


def _examine(path: str) -> Interpreter | None:
    """Runs it: a shim of a version manager may be there and fail."""
    try:
        told = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    version, prefix = json.loads(told.stdout)
    return Interpreter(path=path, version=version, prefix=prefix)
