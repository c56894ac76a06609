"""`clary logs`."""

import os
import sys
import time
from collections import deque
from pathlib import Path

from clary.errors import ClaryError

PAUSE = 0.2  # seconds between two looks at a log that is followed


def show(path: Path, count: int, *, follow: bool) -> None:
    """Prints the last `count` lines; with `follow`, what comes too, until Ctrl-C. Raises ClaryError."""
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ClaryError(f"there is no log at {path} ({error.strerror}): has Clary run on this home?") from error
    try:
        _write("".join(deque(file, count)))
        while follow:
            _write(file.read())
            if _replaced(path, file.fileno()):
                _write(file.read())
                file.close()
                file = path.open(encoding="utf-8", errors="replace")
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        pass
    finally:
        file.close()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _replaced(path: Path, descriptor: int) -> bool:
    """Whether a new log has begun at `path`."""
    try:
        return not os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:  # between the old one and the new one
        return False
