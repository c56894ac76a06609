"""The agent of a batch transform job on one instance: every file of its input, one after the other.

What cannot be transformed is told in the data log and in `failure.json` of the output folder; the other files are
transformed all the same, as on AWS. https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .transform_file import Failed, Transform
from .transform_model import Model
from .transform_told import Told

FAILURE = "failure.json"
FILES = "files"  # in the output folder
MOST = 2000  # characters of a container's message in the data log


def run() -> int:
    """The exit code: 1 where a file failed."""
    told = Told.read()
    files = _files(told.input)
    if not files:
        return 0
    model = Model(told)
    unwell = model.ready()
    if unwell:
        _log(f"Unable to get response from algorithm: {unwell}")
        _keep(told, {"fault": "AlgorithmError", "message": unwell})
        return 1
    told.settle(model.parameters())
    _log(f"MaxConcurrentTransforms={told.concurrent}, MaxPayloadInMB={told.payload}, BatchStrategy={told.strategy}")
    models = [model, *(Model(told) for _ in range(told.concurrent - 1))]
    failed = 0
    with ThreadPoolExecutor(told.concurrent) as pool:
        transform = Transform(told, models, pool)
        for path in files:
            failed += not _transformed(told, transform, path, first=not failed)
    return 1 if failed else 0


def _transformed(told: Told, transform: Transform, path: str, first: bool) -> bool:
    target = Path(told.output, FILES, path + ".out")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        transform.run(Path(told.input, path), target)
    except Failed as error:
        name = told.base + path
        for line in _said(error, told.split):
            _log(f"{name}: {line}")
        if first:
            _keep(told, _failure(error, path, told.split))
        return False
    return True


def _said(error: Failed, split: str) -> list[str]:
    """As AWS's data log has it, and the records."""
    lines = [error.head]
    if error.message:
        lines += ["", "Message:", *error.message[:MOST].splitlines()]
    if error.at:
        lines.append(_place(error.at, error.last, split))
    return lines


def _place(first: int, last: int, split: str) -> str:
    what = "line" if split == "Line" else "record"
    return f"{what} {first}" if first == last else f"{what}s {first} to {last}"


def _failure(error: Failed, path: str, split: str) -> dict[str, Any]:
    message = error.head if not error.message else f"{error.head}: {error.message[:MOST]}"
    place = _place(error.at, error.last, split) if error.at else ""
    return {"fault": error.fault, "path": path, "place": place, "message": message}


def _keep(told: Told, failure: dict[str, Any]) -> None:
    Path(told.output, FAILURE).write_text(json.dumps(failure))


def _files(top: str) -> list[str]:
    """Paths below the input folder, in the order of their names."""
    found: list[str] = []
    for folder, _, names in os.walk(top):
        below = os.path.relpath(folder, top)
        found += names if below == "." else [f"{below}/{name}" for name in names]
    return sorted(found)


def _log(line: str) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
    print(f"{stamp}:[sagemaker logs]: {line}", flush=True)
