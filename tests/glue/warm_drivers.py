"""A platform with a driver of Spark that waits for a run."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import Platform
from glue_jobs import GlueJobs

G1X: dict[str, Any] = {"command": "glueetl", "GlueVersion": "4.0", "WorkerType": "G.1X", "NumberOfWorkers": 2}
SLOW = (
    "import os, time\nprint(os.path.exists('/opt/clary-word/go'), flush=True)\ntime.sleep(float('{}'))\nprint('over')\n"
)


class Warm:
    """A platform with a driver that waits."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.jobs = platform, GlueJobs(platform)
        self.place = platform.home / "parked"

    def folders(self) -> set[str]:
        return {each.name for each in self.place.iterdir()} if self.place.exists() else set()

    def ready(self) -> str:
        """The one that waits."""
        deadline = time.monotonic() + 120
        while True:
            found = [each.parent.parent for each in self.place.glob("*/ready/yes")]
            waiting = [each.name for each in found if not (each / "word" / "go").exists()]
            if waiting:
                time.sleep(0.5)  # until the pool has seen it
                return waiting[0]
            assert time.monotonic() < deadline, self.folders()
            time.sleep(0.1)

    def gone(self, name: str) -> None:
        deadline = time.monotonic() + 30
        while name in self.folders() or name in self.groups():
            assert time.monotonic() < deadline, (self.folders(), self.groups())
            time.sleep(0.1)

    def groups(self) -> set[str]:
        """Those with a place on this home."""
        found = [each.readlink().name.rpartition(":")[0] for each in (self.platform.home / "compute").iterdir()]
        return set(found)


@contextmanager
def opened() -> Iterator[Warm]:
    folder = Path(tempfile.mkdtemp(prefix="clary-test-"))
    platform = Platform(folder / "home", CLARY_SPARK_DRIVERS="1").start()
    yield Warm(platform)
    if platform.process is not None:
        platform.stop()
    shutil.rmtree(folder)


def until_it_says(jobs: GlueJobs, name: str, run: str, word: str) -> None:
    deadline = time.monotonic() + 60
    found = jobs.until(name, run, "RUNNING")
    while word not in jobs.said(found):
        assert time.monotonic() < deadline
        time.sleep(0.1)
