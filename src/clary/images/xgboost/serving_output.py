"""How predictions are written: by what is accepted, by the image's tag, and by the container's environment variables.
The rules are the public container's (algorithm_mode/serve.py, handler_service.py, serve_utils.py; a branch for each
tag). JSON lines and RecordIO, which it takes for granted and then fails to write, are as the guide describes them:
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..runtime.messages import Answer, Refused  # noqa: TID252 - in the container the package is no `clary`
from . import serving_selected
from .packages import VERSION
from .recordio import record

CSV, JSON, LINES, RECORDIO = "text/csv", "application/json", "application/jsonlines", "application/x-recordio-protobuf"
ACCEPTED = [JSON, LINES, RECORDIO, CSV]


class Output:
    def __init__(self, environ: Mapping[str, str], config: dict[str, Any]) -> None:
        """`config` is Booster.save_config's, which says what selected predictions mean."""
        self._multi = environ.get("SAGEMAKER_MULTI_MODEL") == "true"
        self._batch = bool(environ.get("SAGEMAKER_BATCH"))
        self._commas = not self._batch and (_joined_by_commas() or self._multi)
        self._default = environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON if self._multi else CSV)
        told = environ.get("SAGEMAKER_INFERENCE_OUTPUT") if VERSION >= (1, 0) and not self._multi else None
        self._selected = None if told is None else serving_selected.Selected(told, config)
        self._plain = _joined_by_commas() and self._selected is None and not self._multi  # text alone, whatever is said

    def answer(self, found: Any, accept: str) -> Answer:
        """Raises Refused."""
        wanted = CSV if self._plain else self._wanted(accept)
        if wanted == CSV and self._selected is None:
            return Answer(self._text(found.tolist()).encode(), "text/csv; charset=utf-8")
        if self._multi:
            return Answer(json.dumps(found.tolist()).encode(), JSON)
        if self._selected is not None:
            rows = self._selected.of(found)
        elif self._batch:
            return Answer(self._text(found.tolist()).encode(), wanted)
        else:
            rows = [{"score": score} for score in found.tolist()]
        return _written(rows, wanted, "\n" if self._batch else "")

    def _wanted(self, accept: str) -> str:
        kind = accept.partition(";")[0].strip()
        if not kind or kind == "*/*":
            kind = self._default
        lower = kind.lower()
        if self._multi:
            lower = {"csv": CSV, "json": JSON}.get(lower, lower)
            if lower not in {CSV, JSON}:
                said = (
                    f"{kind} is not an accepted Accept type. Please choose one of the following: ['{CSV}', '{JSON}']."
                )
                raise Refused(415, f"Encoding to accept type {kind} failed with exception: {said}")
        elif lower not in ACCEPTED:
            raise Refused(406, f"Accept type {kind} is not supported. Please use supported accept types: {ACCEPTED}.")
        return lower

    def _text(self, found: list[Any]) -> str:
        """A prediction of several numbers is a Python list where the container writes one."""
        if self._commas:
            return ",".join(map(str, found))
        if not self._batch and found and isinstance(found[0], list):
            return "".join([",".join(map(str, row)) + "\n" for row in found])
        return "\n".join(map(str, found)) + "\n"


def _joined_by_commas() -> bool:
    """Tags before 1.2-2. Which of the two with xgboost 1.2 this is, the environment of the image says."""
    if VERSION[:2] != (1, 2):
        return VERSION < (1, 2)
    made = Path(sys.prefix, "clary.json")
    return made.exists() and bool(json.loads(made.read_text())["image"].endswith(":1.2-1"))


def _written(rows: list[dict[str, Any]], wanted: str, end: str) -> Answer:
    if wanted == JSON:
        return Answer(json.dumps({"predictions": rows}).encode(), JSON)
    if wanted == LINES:
        return Answer("".join([json.dumps(row) + "\n" for row in rows]).encode(), LINES)
    if wanted == RECORDIO:
        return Answer(b"".join(map(record, rows)), RECORDIO)
    lines = [
        ",".join(f'"{value}"' if isinstance(value, list) else str(value) for value in row.values()) for row in rows
    ]
    return Answer(("\n".join(lines) + end).encode(), "text/csv; charset=utf-8")
