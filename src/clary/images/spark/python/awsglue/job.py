"""Jobs and their bookmarks: https://docs.aws.amazon.com/glue/latest/dg/programming-etl-connect-bookmarks.html."""

from __future__ import annotations

from typing import Any, ClassVar

from .bookmarks import Bookmarks


class Job:
    """`init` reads the bookmark and `commit` keeps what was read since."""

    _running: ClassVar[Bookmarks | None] = None

    def __init__(self, glue_context: Any) -> None:
        self._glue_context = glue_context

    def init(self, job_name: str, args: dict[str, Any] | None = None) -> None:
        given = args or {}
        self.job_name = job_name
        option = given.get("job_bookmark_option") or given.get("job-bookmark-option") or "job-bookmark-disable"
        Job._running = Bookmarks(str(option))

    def isInitialized(self) -> bool:
        return Job._running is not None

    def commit(self) -> None:
        if Job._running is None:
            raise RuntimeError("Job.commit: the job was not initialized by Job.init")
        Job._running.commit()

    @classmethod
    def bookmarks(cls) -> Bookmarks:
        """Those of the job that runs, or none."""
        return cls._running or Bookmarks("job-bookmark-disable")
