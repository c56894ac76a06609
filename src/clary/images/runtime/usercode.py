"""Where a serving script comes from: fetched if it is in S3, its requirements installed, imported by its name.

SAGEMAKER_PROGRAM names it, SAGEMAKER_SUBMIT_DIRECTORY says where it is: a folder, a file:// one, or a sourcedir.tar.gz
in S3, as the SDK leaves it for XGBoost and scikit-learn. A model that brings its code has it in code/.
https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html#sagemaker-scikit-learn-model-server
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from . import s3

USUAL = "inference.py"


class CodeError(Exception):
    """The script cannot be had."""


def imported(folder: str, environ: Mapping[str, str]) -> ModuleType:
    """Raises CodeError, and what the script raises."""
    program = environ.get("SAGEMAKER_PROGRAM") or USUAL
    code = _code(folder, environ)
    if not (code / program).is_file() and not (code / program).is_dir():
        raise CodeError(
            f"There is no {program} in {code}. Please name the script by SAGEMAKER_PROGRAM, and put it into the folder "
            "code/ of model.tar.gz or into what SAGEMAKER_SUBMIT_DIRECTORY names."
        )
    _install(code)
    name = str(Path(program).with_suffix("")) if program.endswith(".py") else program
    name = name.replace("/", ".")
    _forget(code, name)
    sys.path[:] = [str(code), *(place for place in sys.path if place != str(code))]  # once, however often it is loaded
    importlib.invalidate_caches()
    return importlib.import_module(name)


def _forget(code: Path, name: str) -> None:
    """A module of that name that is another model's makes room: that model keeps its own."""
    root = name.partition(".")[0]
    known = sys.modules.get(root)
    if known is None or str(getattr(known, "__file__", "")).startswith(str(code) + "/"):
        return
    place = str(Path(str(getattr(known, "__file__", None) or code)).parent)
    for other, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(place + "/"):
            del sys.modules[other]


def _code(folder: str, environ: Mapping[str, str]) -> Path:
    told = environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    own = Path(folder) / "code"
    if told.startswith("s3://"):
        return _fetched(told)
    if told.startswith("file://"):
        told = urlsplit(told).path
    place = Path(told) if told else own
    if place.is_file():
        return _unpacked(place, told)
    return place if place.is_dir() else own


def _fetched(url: str) -> Path:
    packed = Path(tempfile.mkdtemp(prefix="code-")) / "sourcedir.tar.gz"
    try:
        s3.download(url, packed)
    except Exception as error:
        hint = (
            ""
            if os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            else (
                ". A model with EnableNetworkIsolation reaches no S3: please put the script into code/ of model.tar.gz"
            )
        )
        raise CodeError(f"Cannot download {url}, which SAGEMAKER_SUBMIT_DIRECTORY is: {error}{hint}") from error
    return _unpacked(packed, url)


def _unpacked(packed: Path, told: str) -> Path:
    code = Path(tempfile.mkdtemp(prefix="code-"))
    try:
        with tarfile.open(str(packed), "r:*") as archive:
            if hasattr(tarfile, "tar_filter"):
                archive.extractall(str(code), filter="tar")
            else:
                archive.extractall(str(code))  # noqa: S202 - in the container, by the user who packed it
    except tarfile.TarError as error:
        raise CodeError(f"{told}, which SAGEMAKER_SUBMIT_DIRECTORY is, is no tar archive.") from error
    return code


def _install(code: Path) -> None:
    """A package with its setup.py, and requirements, once for a folder."""
    wanted = ["."] if (code / "setup.py").exists() else []
    if (code / "requirements.txt").exists():
        wanted += ["-r", "requirements.txt"]
    if not wanted or str(code) in _installed:
        return
    print(f"Installing {' '.join(wanted)} of {code}", flush=True)
    done = subprocess.run([sys.executable, "-m", "pip", "install", *wanted], cwd=str(code), check=False)
    if done.returncode:
        raise CodeError(f"pip could not install {' '.join(wanted)} of {code}: what it says is above, in the log.")
    importlib.invalidate_caches()
    _installed.add(str(code))


_installed: set[str] = set()
