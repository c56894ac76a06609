"""Pipe mode: each epoch of a channel is a FIFO, `<channel>_0` the first. It is written to a file, since a matrix is
made from files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from .failures import UserError
from .say import say

BETWEEN = b"PAR1PAR1"  # a parquet file begins and ends with PAR1


def refuse(channels: dict[str, dict[str, Any]]) -> None:
    """The container for xgboost 3 has given Pipe mode up (its data_utils.py)."""
    for name, channel in channels.items():
        if channel.get("TrainingInputMode") == "Pipe":
            kind = channel.get("ContentType") or "LibSVM"
            raise UserError(
                f"Pipe mode for {kind} is no longer supported (channel {name}). Please use Fast File mode (default) "
                "instead. Set input_mode='File' in your SageMaker Estimator or TrainingInput."
            )


def spooled(channel: Path, kind: str, folder: Path) -> list[Path]:
    if kind == "libsvm":
        raise UserError("Pipe mode not supported for LibSVM.")
    pipe = channel.with_name(channel.name + "_0")
    if not pipe.exists():
        say(f"Pipe path {channel} does not exist!")
        return []
    say(f"Pipe path {channel} found.")
    file = folder / channel.name
    with pipe.open("rb") as source, file.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    if not file.stat().st_size:
        return []
    return _parts(file) if kind == "parquet" else [file]


def _parts(file: Path) -> list[Path]:
    """The parquet files that came one after the other through one pipe."""
    parts = file.read_bytes().split(BETWEEN)
    found = []
    for number, part in enumerate(parts):
        found.append(file.with_name(f"{file.name}-{number}"))
        found[-1].write_bytes((b"PAR1" if number else b"") + part + (b"PAR1" if number < len(parts) - 1 else b""))
    return found
