"""The records that a transform could not do: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html."""

from __future__ import annotations

import json
import traceback
from typing import Any

from .values import plain


class Failed:
    """A record on which a function failed, in its place among the good ones."""

    def __init__(self, error: BaseException, record: Any) -> None:
        self.message = f"{type(error).__name__}: {error}"
        self.trace = "".join(traceback.format_exception(error))
        self.record = json.dumps(plain(record), default=str)

    def row(self) -> tuple[str, str, str]:
        return self.message, self.trace, self.record


class Errors:
    """Those of one transform, counted when asked for; `rows` is an RDD of (message, stack trace, record as JSON)."""

    def __init__(self, rows: Any = None, count: int | None = None) -> None:
        self.rows = rows
        self._count = 0 if rows is None and count is None else count

    def count(self) -> int:
        if self._count is None:
            self._count = int(self.rows.count())
        return self._count


class ErrorThresholdExceeded(Exception):
    """More records failed than a threshold allows."""


def check(stage: int, total: int, stage_threshold: int, total_threshold: int, info: str) -> None:
    """Thresholds of 0 allow any number."""
    for found, allowed, what in ((stage, stage_threshold, "this transformation"), (total, total_threshold, "the job")):
        if allowed > 0 and found > allowed:
            about = f" ({info})" if info else ""
            raise ErrorThresholdExceeded(f"{found} records failed in {what}{about}; the threshold is {allowed}")
