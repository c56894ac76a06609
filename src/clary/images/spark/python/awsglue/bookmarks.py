"""What earlier runs of a job have read: https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html.

A source is known by its transformation_ctx. Its state is `before`, a time in milliseconds, and `band`, the files with
their times that were read and are no older: files may appear with a time of a little earlier (`maxBand`).
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .files import File

PLACE = "/opt/clary-job/bookmark.json"
_BAND = 900_000  # milliseconds: the guide's default of maxBand
_MOST = 1000  # the guide's default of maxFilesInBand
_ENABLED, _PAUSED = "job-bookmark-enable", "job-bookmark-pause"


class Bookmarks:
    """Of one run: `given` is what runs before left, and `made` what this one will."""

    def __init__(self, option: str, place: Path | None = None) -> None:
        self._place = place or Path(os.environ.get("CLARY_BOOKMARK", PLACE))
        self._option = option
        self._entry: dict[str, Any] = {}
        if self.used:
            with suppress(FileNotFoundError):
                self._entry = json.loads(self._place.read_text())
        left = self._entry.get("JobBookmark")
        self._given: dict[str, Any] = (json.loads(left) if isinstance(left, str) else left) or {}
        self._made: dict[str, Any] = {}

    @property
    def used(self) -> bool:
        return self._option in {_ENABLED, _PAUSED}

    def unread(self, context: str, files: list[File], options: dict[str, Any]) -> tuple[list[File], bool]:
        """Those of a source that no run has read as they are now, and whether none was left for the next run.

        They count as read once the job commits.
        """
        if not self.used or not context:
            return files, True
        state = self._given.get(context, {"before": -1, "band": {}})
        new = [one for one in files if one.modified > state["before"] and state["band"].get(one.path) != one.modified]
        edge = _now() - int(options.get("maxBand", _BAND))
        young = sorted((one for one in new if one.modified > edge), key=lambda one: (one.modified, one.path))
        most = int(options.get("maxFilesInBand", _MOST))
        return [one for one in new if one.modified <= edge] + young[:most], len(young) <= most

    def read(self, context: str, files: list[File], options: dict[str, Any], *, all_of_them: bool) -> None:
        """These were read now. `all_of_them`: no new file was left for the next run."""
        if not self.used or not context:
            return
        state = self._given.get(context, {"before": -1, "band": {}})
        edge = max(state["before"], _now() - int(options.get("maxBand", _BAND)))
        if not all_of_them:
            edge = max(state["before"], min([edge, *(one.modified - 1 for one in files)]))
        band = {path: at for path, at in state["band"].items() if at > edge}
        band.update({one.path: one.modified for one in files if one.modified > edge})
        self._made[context] = {"before": edge, "band": band}

    def commit(self) -> None:
        """In one write: the run's recipe keeps what it finds, if the run has committed."""
        if self._option != _ENABLED:
            return
        self._given |= self._made
        entry = {**self._entry, "JobBookmark": json.dumps(self._given), "Committed": True}
        whole = json.dumps(entry)
        beside = self._place.with_name(self._place.name + ".new")
        try:
            beside.write_text(whole)
            beside.replace(self._place)
        except OSError:  # the file alone is mounted
            self._place.write_text(whole)


def _now() -> int:
    return int(time.time() * 1000)
