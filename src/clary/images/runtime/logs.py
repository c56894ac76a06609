"""The log is what is printed: line by line as it comes, and Python's logging as the public containers set it up.
https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_logging.py
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

_turn = threading.local()  # `number`: the container whose turn it is in this thread; 0 where nothing is said


def begin() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # they are what Python opened
    level = os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")
    logging.basicConfig(
        format="%(asctime)s %(levelname)s - %(name)s - %(message)s",
        level=int(level) if level.isdigit() else logging.INFO,
        stream=sys.stdout,
    )
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def several(files: list[str]) -> None:
    """Containers that share this process: what is printed in one's turn goes to its own file, if it has one."""
    own = [Path(file).open("a", 1, encoding="utf-8") if file else None for file in files]  # noqa: SIM115 - while we run
    sys.stdout, sys.stderr = _Shared(sys.stdout, own), _Shared(sys.stderr, own)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stdout)


def turn(number: int) -> None:
    _turn.number = number


class _Shared:
    """A text stream that is whose turn it is."""

    def __init__(self, usual: Any, own: list[Any]) -> None:
        self._each = [stream or usual for stream in own]

    def write(self, text: str) -> int:
        return int(self._now().write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now(), name)

    def _now(self) -> Any:
        return self._each[getattr(_turn, "number", 0)]
