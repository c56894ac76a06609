"""Spark's event logs on their way to S3: copied, while the program runs, to a folder that the job uploads.

Spark names a log *.inprogress until it is whole; who reads them in S3 finds one name from the beginning.
"""

import contextlib
import shutil
from pathlib import Path

from smspark import ours

EVERY = 20.0  # seconds, as in Amazon's container
UNFINISHED = ".inprogress"


class Publisher:
    """From `source`, where Spark writes, to `target`. `close` copies a last time."""

    def __init__(self, source: Path, target: Path, every: float = EVERY) -> None:
        source.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        self._source, self._target = source, target
        self._copying = ours("repeated").Repeated(self._copy, every)

    def close(self) -> None:
        self._copying.close()
        self._copy()

    def _copy(self) -> None:
        """Each log that has grown or been finished since."""
        for file in self._source.iterdir():
            copy = self._target / file.name.removesuffix(UNFINISHED)
            with contextlib.suppress(FileNotFoundError):  # it was given its final name meanwhile
                if not copy.exists() or copy.stat().st_size != file.stat().st_size:
                    part = self._source.with_name(f".{copy.name}.part")
                    shutil.copyfile(file, part)
                    shutil.move(part, copy)
